import pytest

from sipconform.lab.actor import CouldNotRunError
from sipconform.lab.addresses import bracketed, leaving_for, parse_address, split_address
from sipconform.trace.packet import Address


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("192.0.2.1:5070", Address("192.0.2.1", 5070)),
        ("192.0.2.1", Address("192.0.2.1", 5060)),
        ("[::1]:5070", Address("::1", 5070)),
        ("[::1]", Address("::1", 5060)),
        ("::1", Address("::1", 5060)),
    ],
)
def test_an_address_is_read_in_every_form(text: str, address: Address) -> None:
    assert parse_address(text, 5060) == address


def test_a_port_beyond_the_last_is_told() -> None:
    for text in ("127.0.0.1:65536", "[::1]:99999"):
        with pytest.raises(CouldNotRunError, match="there is no port"):
            parse_address(text, 5060)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("127.0.0.1:abc", "'abc' is no port"),
        ("[::1]x", "'' is no port"),
        ("127.0.0.1:", "'' is no port"),
        ("", "names no host"),
        (":5060", "names no host"),
        ("127.0.0.1:²", "is no port"),
        ("127.0.0.1:" + "9" * 5_000, "there is no port 999999"),
    ],
)
def test_what_is_no_address_is_told(text: str, why: str) -> None:
    with pytest.raises(CouldNotRunError, match=why):
        parse_address(text, 5060)
    with pytest.raises(ValueError, match=why):
        split_address(text, 5060)


def test_where_no_port_is_usual_one_is_needed() -> None:
    assert split_address("192.0.2.1:7001") == ("192.0.2.1", 7001)
    with pytest.raises(ValueError, match="lacks a port"):
        split_address("192.0.2.1")


def test_a_name_nobody_knows_is_told() -> None:
    with pytest.raises(CouldNotRunError, match=r"pbx\.example\.invalid"):
        parse_address("pbx.example.invalid:5060", 5060)


def test_an_ipv6_host_stands_in_brackets() -> None:
    assert (bracketed("::1"), bracketed("192.0.2.1")) == ("[::1]", "192.0.2.1")


def test_loopback_is_reached_from_loopback() -> None:
    assert leaving_for(Address("127.0.0.1", 5060)) == "127.0.0.1"
