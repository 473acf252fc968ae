import pytest

from sipconform.agents.server.directory import Binding, Directory


def test_an_expired_binding_is_never_used() -> None:
    user = Directory("example.com").add("2001")
    for contact, expires_at in (("sip:a", 10.0), ("sip:b", 20.0)):
        user.bindings[contact] = Binding(contact, expires_at, "c", 1)
    assert [user.contacts(now) for now in (5, 10, 30)] == [["sip:a", "sip:b"], ["sip:b"], []]


def test_a_phone_may_call_itself_what_it_proved_or_a_location_of_its_line() -> None:
    directory = Directory("example.com")
    ann, bob, desk = directory.add("ann"), directory.add("bob"), directory.add("desk", primary="ann")
    assert directory.identity(ann, "ann") is ann
    assert directory.identity(ann, "desk") is desk
    assert directory.identity(bob, "desk") is None
    assert directory.identity(ann, "bob") is directory.identity(ann, "nobody") is None


@pytest.mark.parametrize(
    ("target", "name"),
    [
        ("2002", "2002"),
        ("2050 Büro", "2050 Büro"),
        ("sip:2002@Example.com;user=phone", "2002"),
        ("sip:2002@example.org", None),
        ("tel:20-02", "2002"),
        ("tel:+49-89-123;phone-context=example.com", "+4989123"),
        ("sip:", "sip:"),
    ],
)
def test_whom_a_target_means(target: str, name: str | None) -> None:
    assert Directory("example.com").name_of(target) == name


def test_no_password_is_in_any_text() -> None:
    assert "secret" not in repr(Directory("example.com").add("ann", "secret"))
