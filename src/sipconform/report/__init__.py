"""The run folder and what is written into it: HTML, JUnit, JSON lines, history."""
