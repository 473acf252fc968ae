"""HUNT-001 … HUNT-026: hunt groups and every other call that rings at several places at once."""

from sipconform.checks.hunt_group import answering, ending, members, ringing, telling

__all__ = ["answering", "ending", "members", "ringing", "telling"]
