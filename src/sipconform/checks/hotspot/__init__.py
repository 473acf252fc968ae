"""HOT-001 … HOT-065: SIP hotspots, where one phone lends its account to the phones around it."""

from sipconform.checks.hotspot import finding_hosts, inside, managing, outside, ringing, switching

__all__ = ["finding_hosts", "inside", "managing", "outside", "ringing", "switching"]
