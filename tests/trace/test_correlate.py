"""Which answer belongs to which request, which request to which dialog and subscription."""

from hypothesis import given
from hypothesis import strategies as st

from sipconform.trace.correlate import correlate
from sipconform.trace.packet import Address, Note, Observation, Packet
from tests.checks.support import OTHER, PHONE, PROXY, SERVER, Scene


def test_answer_and_repetition_belong_to_the_request() -> None:
    scene = Scene()
    scene.ask("options", 0, "OPTIONS")
    scene.again(0.5, "options")
    scene.answer("200", 0.6, "options")
    [transaction] = scene.trace().transactions
    first, again = transaction.requests
    assert transaction.request is first
    assert again.repeats is first
    assert transaction.final is transaction.responses[0]
    assert (transaction.client, transaction.server) == (PHONE, SERVER)


def test_the_ack_to_an_error_belongs_to_its_invite_and_that_to_a_2xx_does_not() -> None:
    scene = Scene()
    scene.ask("invite", 0, "INVITE", branch="z9hG4bKa")
    scene.answer("486", 1, "invite", 486)
    scene.ask("ack", 1.1, "ACK", branch="z9hG4bKa", to_tag="as1")
    [invite] = scene.trace().transactions
    assert [ack.method for ack in invite.acks] == ["ACK"]
    scene.change("486", "SIP/2.0 200 OK").change("ack", Via="SIP/2.0/UDP 192.0.2.51;branch=z9hG4bKb")
    invite, ack = scene.trace().transactions
    assert invite.acks == []
    assert ack.method == "ACK"


def test_a_cancel_knows_its_invite() -> None:
    scene = Scene()
    scene.ask("invite", 0, "INVITE", branch="z9hG4bKa")
    scene.ask("cancel", 1, "CANCEL", branch="z9hG4bKa")
    invite, cancel = scene.trace().transactions
    assert cancel.invite is invite


def test_an_answer_without_request_is_a_transaction_of_which_the_request_is_unknown() -> None:
    scene = Scene()
    scene.ask("options", 0, "OPTIONS")
    scene.answer("200", 0.1, "options")
    scene.drop("options")
    [transaction] = scene.trace().transactions
    assert transaction.request is None
    assert transaction.succeeded


def test_without_magic_cookie_call_id_and_number_tell_requests_apart() -> None:
    scene = Scene()
    scene.ask("one", 0, "OPTIONS", branch="1", seq=1)
    scene.ask("two", 1, "OPTIONS", branch="1", seq=2)
    scene.answer("200", 1.1, "two")
    first, second = scene.trace().transactions
    assert (first.final, second.succeeded) == (None, True)


def test_one_call_on_two_hops_is_two_conversations() -> None:
    scene = Scene()
    scene.ask("in", 0, "INVITE", to=PROXY)
    scene.ask("out", 0.1, "INVITE", by=PROXY, to=OTHER)
    scene.answer("200 out", 1, "out")
    scene.answer("200 in", 1.1, "in")
    trace = scene.trace()
    assert [d.parties for d in trace.dialogs] == [{PROXY, OTHER}, {PHONE, PROXY}]
    assert all(d.began_here and d.invite is d.transactions[0] for d in trace.dialogs)


def test_a_refusal_and_its_ack_begin_no_dialog() -> None:
    scene = Scene()
    scene.ask("invite", 0, "INVITE", branch="z9hG4bKa", seq=1)
    scene.answer("401", 1, "invite", 401)
    scene.ask("ack", 1.1, "ACK", branch="z9hG4bKa", to_tag="as1", seq=1)
    scene.ask("sub", 2, "SUBSCRIBE", Event="dialog", seq=2)
    scene.answer("489", 3, "sub", 489)
    trace = scene.trace()
    assert trace.dialogs == []
    assert [message.dialog for message in trace.messages] == [None] * 5


def test_the_invite_that_is_accepted_begins_the_dialog_though_an_earlier_one_was_refused_with_the_same_tag() -> None:
    scene = Scene()
    scene.ask("bare", 0, "INVITE", branch="z9hG4bKa", seq=1)
    scene.answer("401", 1, "bare", 401)
    scene.ask("invite", 2, "INVITE", branch="z9hG4bKb", seq=2)
    scene.answer("180", 2.1, "invite", 180)
    scene.answer("486", 3, "invite", 486)
    [dialog] = scene.trace().dialogs
    assert [message.cseq_number for message in dialog.messages] == [2, 2, 2]  # the refusal ends what 180 began
    assert dialog.invite is not None
    assert dialog.invite.final is not None
    assert dialog.invite.final.status == 486


def test_a_dialog_that_began_before_the_capture_says_so() -> None:
    scene = Scene()
    scene.ask("bye", 0, "BYE", to_tag="as1")
    [dialog] = scene.trace().dialogs
    assert not dialog.began_here
    assert dialog.invite is None


def test_a_subscription_has_its_notifies_and_its_accepted_beginning() -> None:
    scene = Scene()
    scene.ask("bare", 0, "SUBSCRIBE", Event="dialog;id=7", seq=1)
    scene.answer("401", 0.1, "bare", 401)
    scene.ask("sub", 0.2, "SUBSCRIBE", Event="dialog;id=7", seq=2)
    scene.answer("200", 0.3, "sub")
    scene.ask("notify", 0.4, "NOTIFY", by=SERVER, to=PHONE, tag="as1", to_tag="ph1", Event="dialog;id=7")
    [subscription] = scene.trace().subscriptions
    assert (subscription.package, subscription.id, subscription.subscriber) == ("dialog", "7", PHONE)
    assert subscription.initial is not None
    assert subscription.initial.succeeded
    assert len(subscription.notifies) == 1
    assert subscription.dialog is not None


def test_every_fork_of_a_subscribe_is_a_subscription_with_the_same_beginning() -> None:
    scene = Scene()
    scene.ask("sub", 0, "SUBSCRIBE", Event="dialog")
    for number, tag in enumerate(("one", "two")):
        scene.ask(tag, number + 1, "NOTIFY", by=SERVER, to=PHONE, tag=tag, to_tag="ph1", Event="dialog")
    first, second = scene.trace().subscriptions
    assert first.initial is second.initial is not None
    assert (first.notifier_tag, second.notifier_tag) == ("one", "two")


def test_on_streams_the_port_in_via_stands_for_the_ephemeral_one() -> None:
    scene = Scene(transport="tcp")
    ephemeral = Address(PHONE.host, 40_000)
    scene.ask("options", 0, "OPTIONS", by=ephemeral, Via=f"SIP/2.0/TCP {PHONE};branch=z9hG4bK1")
    scene.answer("200", 0.1, "options")
    [transaction] = scene.trace().transactions
    assert transaction.client == PHONE
    assert transaction.succeeded


def test_behind_a_nat_every_device_is_a_party_of_its_own_whatever_port_its_via_names() -> None:
    scene, nat = Scene(transport="tcp"), "203.0.113.5"
    for number, (port, inner) in enumerate([(40_001, 5), (40_002, 6), (40_003, 5)]):
        via = f"SIP/2.0/TCP 192.168.1.{inner}:5060;branch=z9hG4bK{number}"
        scene.ask(f"o{number}", number, "OPTIONS", by=Address(nat, port), call=f"o{number}", Via=via)
        scene.answer(f"o{number}-ok", number + 0.1, f"o{number}")
    trace = scene.trace()
    assert [t.client for t in trace.transactions] == [Address(nat, 40_001), Address(nat, 40_002), Address(nat, 40_001)]
    assert all(t.succeeded for t in trace.transactions)


def test_a_phone_that_tells_how_a_transfer_goes_stays_a_phone() -> None:
    scene = Scene()
    scene.ask("register", 0, "REGISTER")
    scene.ask("progress", 1, "NOTIFY", to_tag="as1", Event="refer")
    assert scene.trace().phones == {PHONE}
    scene.drop("register").observations.append(Observation(0, "lab", "lab", {"phones": [str(PHONE)]}))
    assert scene.trace().phones == {PHONE}
    scene.observations.clear()
    assert scene.trace().servers == {PHONE}


def begun_again(**changes: str) -> Scene:
    """A subscription that its subscriber begins once more with its old Call-ID and tag."""
    scene = Scene()
    for number, tag in enumerate(("as1", "as2"), 1):
        scene.ask(f"sub{number}", number * 10, "SUBSCRIBE", Event="dialog", seq=number)
        scene.answer(f"ok{number}", number * 10 + 0.1, f"sub{number}", tag=tag)
        inside = {"by": SERVER, "to": PHONE, "tag": tag, "to_tag": "ph1", "Event": "dialog"}
        scene.ask(f"notify{number}", number * 10 + 0.2, "NOTIFY", **inside)  # type: ignore[arg-type]
    return scene.change("ok1", **changes)


def test_a_new_beginning_with_the_old_names_is_a_subscription_of_its_own() -> None:
    first, second = begun_again().trace().subscriptions
    assert (first.notifier_tag, second.notifier_tag) == ("as1", "as2")
    assert [len(s.notifies) for s in (first, second)] == [1, 1]
    assert second.began_here
    first, second = begun_again().drop("notify1").trace().subscriptions
    assert [len(s.notifies) for s in (first, second)] == [0, 1]


def test_a_beginning_that_was_refused_and_its_next_try_are_one() -> None:
    [one] = begun_again(start="SIP/2.0 423 Brief").drop("notify1").trace().subscriptions
    assert [len(one.subscribes), len(one.notifies)] == [2, 1]


def test_what_is_sent_again_belongs_where_it_was_sent_first() -> None:
    scene = begun_again()
    scene.again(20.15, "sub2")
    scene.again(25, "notify1")
    trace = scene.trace()
    assert [len(s.subscribes) for s in trace.subscriptions] == [1, 1]
    assert trace.messages[-1].subscription is trace.subscriptions[0]


def test_roles_come_from_what_they_do_and_what_the_lab_says() -> None:
    scene = Scene()
    scene.ask("register", 0, "REGISTER")
    lab: dict[str, object] = {"phones": [str(OTHER), str(SERVER), "no address"], "servers": "not a list"}
    scene.observations.append(Observation(0, "lab", "lab", lab))
    trace = scene.trace()
    assert trace.servers == {SERVER}
    assert trace.phones == {PHONE, OTHER}


def test_observations_and_notes_are_kept_and_widen_what_was_watched() -> None:
    trace = correlate([Observation(5_000, "phone", "belief", {}), Note("gtp", "A tunnel.")])
    assert (trace.end_ns, len(trace.notes), len(trace.observations)) == (5_000, 1, 1)


methods = st.sampled_from(["INVITE", "ACK", "CANCEL", "BYE", "SUBSCRIBE", "NOTIFY", "REGISTER", "", "é"])
small = st.sampled_from(["", "a", "b", "z9hG4bKa", "z9hG4bKb"])
packets = st.builds(
    lambda way, is_request, method, branch, call, one, two, number: Packet(
        number,
        *((PHONE, SERVER) if way else (SERVER, PHONE)),
        "udp" if number % 2 else "tcp",
        (
            (f"{method} sip:x SIP/2.0" if is_request else f"SIP/2.0 {100 + number} X")
            + f"\r\nVia: SIP/2.0/UDP h;branch={branch}\r\nFrom: <sip:a@b>;tag={one}\r\nTo: <sip:c@d>;tag={two}"
            + f"\r\nCall-ID: {call}\r\nCSeq: {number % 3} {method}\r\nEvent: dialog\r\n\r\n"
        ).encode(),
        (number,),
    ),
    st.booleans(), st.booleans(), methods, small, small, small, small, st.integers(0, 500),
)  # fmt: skip


@given(st.lists(packets, max_size=12))
def test_whatever_comes_every_message_is_kept_once_and_nothing_raises(evidence: list[Packet]) -> None:
    trace = correlate(evidence)
    assert [m.packet for m in trace.messages] == evidence
    kept = [m for t in trace.transactions for m in (*t.requests, *t.acks, *t.responses)]
    assert sorted(m.number for m in kept) == [m.number for m in trace.messages if m.is_request or m.is_response]
    for transaction in trace.transactions:
        finals = [r for r in transaction.responses if r.status >= 200]
        assert transaction.final is (finals[0] if finals else None)
