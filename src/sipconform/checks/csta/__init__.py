"""CSTA-001 … CSTA-021: uaCSTA sessions between server and phone (ECMA TR/87; feature sync sheet §5, §7.5)."""

from sipconform.checks.csta import bodies, events, services, session

__all__ = ["bodies", "events", "services", "session"]
