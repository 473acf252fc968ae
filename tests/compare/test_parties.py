from sipconform.compare.parties import Parties, agree
from sipconform.trace.packet import Address
from sipconform.trace.trace import Trace
from tests.checks.support import Scene
from tests.compare.talk import PHONE, SERVER, request, subscription, trace


def registered() -> Parties:
    register = request("REGISTER", 1, "Contact: <sip:2001@192.0.2.10:5060>").replace(
        "REGISTER sip:2001@", "REGISTER sip:"
    )
    return Parties(trace((0, "phone", register), *subscription("c2", at=1)))


def test_roles_name_the_parties() -> None:
    parties = registered()
    assert (parties.name(PHONE), parties.name(SERVER)) == ("phone 1", "server")


def test_a_text_is_told_by_domains_users_and_contacts() -> None:
    speak = registered().speak
    assert speak("<sip:2001@192.0.2.1>") == "<sip:«user 1»@«server»>"
    assert speak("<sip:2001@192.0.2.10:5060>;expires=60") == "<sip:«contact»@«phone 1»>;expires=60"
    assert speak("SIP/2.0/UDP 192.0.2.10:5060") == "SIP/2.0/UDP «phone 1»"
    assert speak("sip:*78@192.0.2.1") == "sip:*78@«server»"
    assert speak("sip:stranger@203.0.113.5:5070") == "sip:stranger@«203.0.113.5:5070»"


def test_version_numbers_are_no_addresses() -> None:
    assert registered().speak("Phone 1.2.3.4.5 build 10") == "Phone 1.2.3.4.5 build 10"


def test_users_of_one_name_keep_it() -> None:
    ours, theirs = registered(), registered()
    agree(ours, theirs)
    assert ours.user("2001") == theirs.user("2001") == "«2001»"


def phones(*users: str, calling: str = "") -> Trace:
    """Phones register in this order, each from an address of its own; the first then calls a number."""
    scene = Scene()
    for at, user in enumerate(users):
        phone, name = Address(f"192.0.2.{60 + at}", 5060), f"<sip:{user}@example.com>"
        scene.ask(f"r{at}", at, "REGISTER", "sip:example.com", by=phone, call=f"r{at}", From=f"{name};tag=f", To=name)
        scene.answer(f"ok{at}", at + 0.1, f"r{at}", Contact=f"<sip:{user}@{phone}>;expires=60")
    if calling:
        scene.ask("call", 10, "INVITE", f"sip:{calling}@example.com", by=Address("192.0.2.60", 5060), call="c")
    return scene.trace()


def test_phones_of_one_user_stand_beside_each_other_whoever_came_first() -> None:
    ours, theirs = Parties(phones("2001", "2002")), Parties(phones("2002", "2001"))
    agree(ours, theirs)
    assert ours.name(Address("192.0.2.60", 5060)) == theirs.name(Address("192.0.2.61", 5060))
    assert ours.name(Address("192.0.2.61", 5060)) == theirs.name(Address("192.0.2.60", 5060))


def test_phones_that_share_a_user_stand_in_their_order() -> None:
    """As clients of two hotspots do, each of which counts from one."""
    ours, theirs = (Parties(phones("1", "1")) for _ in range(2))
    theirs.owners = dict(reversed(theirs.owners.items()))  # the second was the first to register
    agree(ours, theirs)
    assert ours.names == theirs.names


def test_a_group_may_have_another_number() -> None:
    ours, theirs = Parties(phones("2001", calling="300")), Parties(phones("4001", calling="700"))
    agree(ours, theirs)
    assert ours.user("300") == theirs.user("700") != "300"


def test_a_number_both_know_is_itself_and_a_code_is_never_another() -> None:
    ours, theirs = Parties(phones("2001", calling="300")), Parties(phones("2001", calling="300"))
    agree(ours, theirs)
    assert ours.user("300") == "300"
    ours, theirs = Parties(phones("2001", calling="*78")), Parties(phones("2001", calling="*79"))
    agree(ours, theirs)
    assert (ours.user("*78"), theirs.user("*79")) == ("*78", "*79")


def test_what_need_not_be_escaped_is_the_same_user() -> None:
    assert registered().user("%32001") == "«user 1»"
    assert registered().user("%23100") == "%23100"
