"""A capture made fit to be shared: what is no word of a protocol becomes a stand-in."""

from sipconform.redacting.redactor import Redactor

__all__ = ["Redactor"]
