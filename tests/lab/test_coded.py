"""What a profile has no code for is not supported."""

from collections.abc import Callable

import pytest

from sipconform.lab import coded
from sipconform.lab.actor import NotSupportedError
from sipconform.lab.profile import Profile, load_profile


@pytest.mark.parametrize(
    ("profile", "feature", "action", "number", "dialled"),
    [
        ("3cx", "dnd", "on", "", "*32"),
        ("huawei-ims", "cfu", "on", "2002", "*57*2002#"),
        ("huawei-ims", "cfu", "off", "", "#57#"),
        ("freepbx", "cfu", "prompt", "", "*72"),
    ],
)
def test_a_code_is_the_profiles(profile: str, feature: str, action: str, number: str, dialled: str) -> None:
    assert coded.code(load_profile(profile), feature, action, number) == dialled


@pytest.mark.parametrize(
    ("profile", "ask", "why"),
    [
        ("3cx", lambda p: coded.needs_codes(p, "dnd", "cfu"), "users of 3cx do not have cfu"),
        ("fortivoice", lambda p: coded.needs_codes(p, "dnd"), "knows no code for dnd on"),
        ("yeastar-s", coded.begun_code, r"\*71 means something by itself"),
        ("broadworks-fac", coded.needs_timer, "no code with a timer"),
        ("broadworks-fac", lambda p: coded.needs_form(p, "tel"), "in the form 'tel'"),
        ("3cx", lambda p: coded.needs_none(p, "dnd"), r"has a code for dnd: \*32"),
        ("broadsoft", lambda p: coded.needs_none(p, "dnd"), "do not dial codes"),
    ],
)
def test_what_it_has_not_is_not_supported(profile: str, ask: Callable[[Profile], None], why: str) -> None:
    with pytest.raises(NotSupportedError, match=why):
        ask(load_profile(profile))


def test_what_it_has_is_no_hindrance() -> None:
    coded.needs_codes(load_profile("broadworks-fac"), "dnd", "cfu", "cfb", "cfna")
    coded.needs_timer(load_profile("3gpp-mmi"))
    coded.needs_form(load_profile("huawei-ims"), "tel")
    coded.needs_none(load_profile("fortivoice"), "dnd")
    assert coded.begun_code(load_profile("broadworks-fac")) == "*72"
    assert coded.nothing_on(load_profile("3cx")) == {"dnd": False}
    assert coded.unknown_code(load_profile("3cx")) == "*987654"
    assert coded.unknown_code(load_profile("freepbx")) == "*#987654"  # *98 and a number is a mailbox there
