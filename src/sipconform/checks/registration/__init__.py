"""REG-001 … REG-026: registration (RFC 3261 §10), its liveness, flows (RFC 5626) and the reg package (RFC 3680)."""

from sipconform.checks.registration import flow, lapse, liveness, phone, registrar, watching

__all__ = ["flow", "lapse", "liveness", "phone", "registrar", "watching"]
