import ssl
import sys
from pathlib import Path

import pytest

from sipconform.net.certificates import Authority, lenient_client_context


def handshake(server: ssl.SSLContext, client: ssl.SSLContext, name: str) -> None:
    """Both sides of a handshake over memory buffers."""
    to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
    called = server.wrap_bio(to_server, to_client, server_side=True)
    caller = client.wrap_bio(to_client, to_server, server_hostname=name)
    for _ in range(4):
        for side in (caller, called):
            try:
                side.do_handshake()
            except ssl.SSLWantReadError:
                continue
    assert caller.cipher() is not None


@pytest.mark.parametrize("name", ["127.0.0.1", "::1", "localhost"])
def test_a_client_of_the_authority_believes_its_servers(name: str) -> None:
    authority = Authority()
    handshake(authority.server_context(), authority.client_context(), name)


def test_another_name_or_authority_is_not_believed() -> None:
    authority = Authority()
    with pytest.raises(ssl.SSLCertVerificationError, match="mismatch"):
        handshake(authority.server_context("pbx.example"), authority.client_context(), "127.0.0.1")
    with pytest.raises(ssl.SSLCertVerificationError, match="unable to get local issuer"):
        handshake(authority.server_context(), Authority().client_context(), "127.0.0.1")


def test_a_peer_elsewhere_can_be_given_the_root() -> None:
    authority = Authority()
    elsewhere = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    elsewhere.load_verify_locations(cadata=authority.root_pem.decode())
    handshake(authority.server_context(), elsewhere, "::1")


def test_a_bench_asks_for_no_name_and_without_a_root_for_nothing(tmp_path: Path) -> None:
    authority, root = Authority(), tmp_path / "root.pem"
    root.write_bytes(authority.root_pem)
    for context in (lenient_client_context(), lenient_client_context(root)):
        handshake(authority.server_context("pbx.example"), context, "127.0.0.1")
    with pytest.raises(ssl.SSLCertVerificationError, match="unable to get local issuer"):
        handshake(Authority().server_context(), lenient_client_context(root), "127.0.0.1")
    with pytest.raises(OSError, match="No such file"):
        lenient_client_context(tmp_path / "nothing.pem")


def test_without_trustme_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "trustme", None)
    with pytest.raises(RuntimeError, match=r"sipconform\[tls\]"):
        Authority()
