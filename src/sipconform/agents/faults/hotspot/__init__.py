"""Faults of hotspots: HS01 … HS39."""

from sipconform.agents.faults.hotspot import calls, finding_hosts, managing, ringing

__all__ = ["calls", "finding_hosts", "managing", "ringing"]
