from sipconform.compare.parties import Parties, agree
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
