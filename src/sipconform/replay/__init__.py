"""Plays one side of a capture against a live peer."""
