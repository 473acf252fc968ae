"""Throw-away certificates for TLS between our own agents on this machine. Needs the extra "tls" (trustme)."""

from __future__ import annotations

import ssl
from pathlib import Path
from typing import Any

NAMES = ("127.0.0.1", "::1", "localhost")


class Authority:
    """A certificate authority that lives as long as this object. Making one costs milliseconds.

    Raises RuntimeError naming the extra when trustme is not installed.
    """

    def __init__(self) -> None:
        self._ca = _trustme().CA()

    @property
    def root_pem(self) -> bytes:
        """The root certificate, for a peer in another process to trust."""
        return bytes(self._ca.cert_pem.bytes())

    def server_context(self, *names: str) -> ssl.SSLContext:
        """A server's side with a certificate for the names and IP addresses given, or else for `NAMES`."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._ca.issue_cert(*(names or NAMES)).configure_cert(context)
        return context

    def client_context(self) -> ssl.SSLContext:
        """A client's side that trusts this authority alone and checks the server's name or address."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        self._ca.configure_trust(context)
        return context


def lenient_client_context(trust: Path | None = None) -> ssl.SSLContext:
    """A client's side for a device on a bench: trusts the root in a PEM file and asks for no particular name, or
    without one takes any certificate. Raises OSError for a file that cannot be used."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    if trust is None:
        context.verify_mode = ssl.CERT_NONE
    else:
        context.load_verify_locations(trust)
    return context


def _trustme() -> Any:
    try:
        import trustme  # noqa: PLC0415 - 100 ms that only TLS runs need
    except ImportError as error:
        raise RuntimeError("throw-away certificates need trustme: pip install 'sipconform[tls]'") from error
    return trustme
