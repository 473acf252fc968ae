"""From bytes to evidence: captures, reassembly, and the correlation of messages into a trace."""
