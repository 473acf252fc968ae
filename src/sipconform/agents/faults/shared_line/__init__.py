"""Faults of shared lines: F01 … F63 of the fact sheet under their ids, and L01 … made up for the checks left over."""

from sipconform.agents.faults.shared_line import admitting, following, notifying, phones, seizing, serving, telling

__all__ = ["admitting", "following", "notifying", "phones", "seizing", "serving", "telling"]
