import socket

import pytest

from sipconform.net.addresses import address_of, bind, is_numeric, is_of_one_interface
from sipconform.trace.packet import Address


@pytest.mark.parametrize(
    ("name", "address"),
    [
        (("127.0.0.1", 5060), Address("127.0.0.1", 5060)),
        (("::1", 5060, 0, 0), Address("::1", 5060)),
        (("fe80::1", 5060, 0, 2), Address("fe80::1%2", 5060)),
    ],
)
def test_the_socket_modules_names_become_addresses(name: object, address: Address) -> None:
    assert address_of(name) == address


@pytest.mark.parametrize(
    ("host", "port", "numeric", "bindable"),
    [
        ("127.0.0.1", 5060, True, True),
        ("fe80::1%2", 5060, True, True),
        ("127.0.0.1", 0, False, True),
        ("::", 5060, True, False),
        ("0.0.0.0", 5060, True, False),
        ("127.0.0.1", 65_536, False, False),
        ("127.0.0.1", -1, False, False),
        ("127.0.0.01", 5060, False, False),
        ("localhost", 5060, False, False),
        ("[::1]", 5060, False, False),
        ("", 5060, False, False),
        ("\udcff", 5060, False, False),
    ],
)
def test_what_can_be_sent_to_and_what_can_be_bound(host: str, port: int, numeric: bool, bindable: bool) -> None:
    address = Address(host, port)
    assert (is_numeric(address), is_of_one_interface(address)) == (numeric, bindable)


@pytest.mark.parametrize("kind", [socket.SOCK_DGRAM, socket.SOCK_STREAM])
@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
def test_a_bound_socket_does_not_block(kind: socket.SocketKind, host: str) -> None:
    with bind(Address(host, 0), kind) as bound:
        assert bound.getblocking() is False
        assert address_of(bound.getsockname()).host == host
