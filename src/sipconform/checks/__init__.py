"""The catalogue: pure functions over a trace, each with an id, a clause, a level and a side."""
