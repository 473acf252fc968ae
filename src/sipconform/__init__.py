"""A conformance suite for SIP features: it plays phones and servers, watches, judges, and reports."""

__version__ = "0.1.0"
