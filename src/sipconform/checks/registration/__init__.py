"""REG-001 … REG-025: registration (RFC 3261 §10), as far as it can be judged by watching."""

from sipconform.checks.registration import phone, registrar

__all__ = ["phone", "registrar"]
