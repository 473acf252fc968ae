"""Profiles, lab files, and the actors a scenario talks to, whoever stands behind the name."""
