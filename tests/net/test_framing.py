import pytest
from hypothesis import given
from hypothesis import strategies as st

from sipconform.net.framing import MAX_BODY, MAX_HEAD, PING, PONG, Framer

OPTIONS = b"OPTIONS sip:a@10.0.0.1 SIP/2.0\r\nCall-ID: 1\r\nContent-Length: 0\r\n\r\n"
NOTIFY = b"NOTIFY sip:b@10.0.0.1 SIP/2.0\r\nl : 11\r\nCall-ID: 2\r\n\r\n<a>\r\n\r\n</a>"
OK = b"SIP/2.0 200 OK\r\nCall-ID: 2\r\nContent-Length:\r\n 4\r\n\r\n\r\n\r\n"
BARE_LF = b"BYE sip:a@10.0.0.1 SIP/2.0\nContent-Length: 2\n\nhi"
WITHOUT_LENGTH = b"ACK sip:a@10.0.0.1 SIP/2.0\r\nCall-ID: 3\r\n\r\n"
MESSAGES = [OPTIONS, NOTIFY, OK, BARE_LF, WITHOUT_LENGTH]

pieces = st.sampled_from([*MESSAGES, PING, PONG, b"\n", b"\r", b"\x16\x03\x01", b"GET / HTTP/1.1\r\n\r\n"])
streams = st.lists(st.one_of(pieces, st.binary(max_size=8)), max_size=6).map(b"".join)


def cut_whole(stream: bytes, keep_alive: bytes) -> tuple[list[bytes], Framer]:
    framer = Framer(keep_alive)
    return framer.feed(stream), framer


@pytest.mark.parametrize("keep_alive", [PING, PONG])
@pytest.mark.parametrize("message", MESSAGES)
def test_a_message_comes_out_as_it_went_in(message: bytes, keep_alive: bytes) -> None:
    messages, framer = cut_whole(message, keep_alive)
    assert messages == [message]
    assert (framer.fault, framer.rest) == ("", b"")


@given(st.lists(st.sampled_from(MESSAGES)), st.sampled_from([PING, PONG]))
def test_messages_back_to_back_come_out_one_by_one(messages: list[bytes], keep_alive: bytes) -> None:
    assert cut_whole(b"".join(messages), keep_alive)[0] == messages


@given(streams, st.sampled_from([PING, PONG]), st.data())
def test_any_cutting_of_a_stream_gives_the_same(stream: bytes, kind: bytes, data: st.DataObject) -> None:
    cuts = sorted(data.draw(st.lists(st.integers(0, len(stream)), max_size=30)))
    framer, messages = Framer(kind), []
    for start, end in zip([0, *cuts], [*cuts, len(stream)], strict=True):
        messages += framer.feed(stream[start:end])
    whole_messages, whole = cut_whole(stream, kind)
    assert messages == whole_messages
    assert framer.fault == whole.fault
    if not framer.fault:
        assert framer.rest == whole.rest


@given(streams, st.sampled_from([PING, PONG]))
def test_octet_by_octet_gives_the_same(stream: bytes, keep_alive: bytes) -> None:
    framer = Framer(keep_alive)
    messages = [message for octet in stream for message in framer.feed(bytes([octet]))]
    assert messages == cut_whole(stream, keep_alive)[0]


def test_the_callers_ping_is_one_keep_alive_and_loose_line_ends_are_none() -> None:
    messages, framer = cut_whole(PING + PING + b"\r\n" + OPTIONS + PING + b"\n" + NOTIFY, PING)
    assert messages == [PING, PING, OPTIONS, PING, NOTIFY]
    assert framer.fault == ""


def test_every_line_end_is_a_pong_to_the_caller() -> None:
    assert cut_whole(PONG + OK + PONG + PONG, PONG)[0] == [PONG, OK, PONG, PONG]


def test_half_a_ping_waits_for_the_other_half() -> None:
    framer = Framer(PING)
    assert framer.feed(b"\r\n\r") == []
    assert framer.feed(b"\n") == [PING]


@pytest.mark.parametrize(
    ("junk", "rule"),
    [
        (b"GET / HTTP/1.1\r\n\r\n", "a SIP start line begins each message"),
        (b"\x16\x03\x01\x02\x00", "a SIP start line begins each message"),
        (b"OPTIONS sip:a SIP/2.0\r\nContent-Length: many\r\n\r\n", "Content-Length is a number"),
        (b"OPTIONS sip:a SIP/2.0\r\nContent-Length: -1\r\n\r\n", "Content-Length is a number"),
        ("OPTIONS sip:a SIP/2.0\r\nContent-Length: ٣\r\n\r\n".encode(), "Content-Length is a number"),
        (b"OPTIONS sip:a SIP/2.0\r\nl: 1\r\nContent-Length: 2\r\n\r\n", "Content-Length is said once"),
        (b"OPTIONS sip:a SIP/2.0\r\nl: %d\r\n\r\n" % (MAX_BODY + 1), f"at most {MAX_BODY} octets"),
        (b"OPTIONS sip:a SIP/2.0\r\nl: " + b"9" * 9999 + b"\r\n\r\n", f"at most {MAX_BODY} octets"),
        (b"OPTIONS sip:a SIP/2.0\r\nX: " + b"x" * MAX_HEAD, f"at most {MAX_HEAD} octets"),
        (b"OPTIONS sip:" + b"a" * MAX_HEAD, f"at most {MAX_HEAD} octets"),
        (b"OPTIONS sip:a SIP/2.0\r\nX: " + b"x" * MAX_HEAD + b"\r\n\r\n", f"at most {MAX_HEAD} octets"),
    ],
)
def test_what_cannot_be_cut_is_said_and_kept(junk: bytes, rule: str) -> None:
    messages, framer = cut_whole(NOTIFY + junk, PING)
    assert messages == [NOTIFY]
    assert rule in framer.fault
    assert framer.rest == junk
    assert framer.feed(OPTIONS) == []
    assert framer.rest == junk


def test_the_same_length_said_twice_is_no_reason_to_give_up() -> None:
    message = b"OPTIONS sip:a SIP/2.0\r\nl: 2\r\nContent-Length: 2\r\n\r\nhi"
    assert cut_whole(message, PING)[0] == [message]


def test_the_largest_head_and_body_pass() -> None:
    start = b"OPTIONS sip:a SIP/2.0\r\nContent-Length: %d\r\nX: " % MAX_BODY
    message = start + b"x" * (MAX_HEAD - len(start)) + b"\r\n\r\n" + b"b" * MAX_BODY
    framer = Framer(PING)
    segments = (message[at : at + 1460] for at in range(0, len(message), 1460))
    assert [cut for segment in segments for cut in framer.feed(segment)] == [message]


def test_a_malformed_start_line_is_left_to_the_judge() -> None:
    message = b"OPTIONS  sip:a  sip/2.0 \r\nContent-Length: 0\r\n\r\n"
    assert cut_whole(message, PING)[0] == [message]
