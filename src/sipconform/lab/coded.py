"""What scenarios of feature codes ask of the profile in force. What it has not is not supported, and nobody's fault."""

from __future__ import annotations

from typing import Any

from sipconform.features.feature_code import Action, Code, Feature
from sipconform.lab.actor import NotSupportedError
from sipconform.lab.profile import Profile

SOME_NUMBER, SOME_SECONDS = "2002", 20
UNLIKELY = ("*987654", "*#987654", "##987654")


def needs_features(profile: Profile, *features: str) -> None:
    """Raises NotSupportedError where users of this dialect do not have them all."""
    if missing := [feature for feature in features if feature not in profile.sync.features]:
        raise NotSupportedError(f"users of {profile.name} do not have {' and '.join(missing)}")


def needs_codes(profile: Profile, *features: str) -> None:
    """Raises NotSupportedError unless each of the features can be switched on and off by codes."""
    for feature in features:
        code(profile, feature, number="" if feature == "dnd" else SOME_NUMBER)
        code(profile, feature, "off")


def code(profile: Profile, feature: str, action: str = "on", number: str = "") -> str:
    """What the profile dials for it. Raises NotSupportedError where it knows no code."""
    needs_features(profile, feature)
    found = profile.code_table.compose(Feature(feature), Action(action), number)
    if not found:
        raise NotSupportedError(f"{profile.name} knows no code for {feature} {action}")
    return found


def begun_code(profile: Profile) -> str:
    """A code whose number is still to come. Raises NotSupportedError where such a string is a code of its own."""
    begun = code(profile, "cfu", number=SOME_NUMBER).partition(SOME_NUMBER)[0]
    if profile.code_table.match(begun) is not None:
        raise NotSupportedError(f"in {profile.name} {begun} means something by itself")
    return begun


def unknown_code(profile: Profile) -> str:
    """A string that looks like a code and is none of this dialect's, nor the beginning of one. Raises NotSupportedError
    where it knows every one that is tried."""
    others = [Code(Feature.ANY, Action.QUERY, pattern) for pattern in profile.codes.others]
    known = [*profile.code_table.codes, *others]
    free = (tried for tried in UNLIKELY if not any(c.whole.match(tried) or c.begun.fullmatch(tried) for c in known))
    found = next(free, "")
    if not found:
        raise NotSupportedError(f"{profile.name} knows {' and '.join(UNLIKELY)}")
    return found


def needs_timer(profile: Profile) -> None:
    """Raises NotSupportedError where no code says after how many seconds a call is forwarded."""
    table = profile.code_table
    timed = table.compose(Feature.CFNA, Action.ON, SOME_NUMBER, SOME_SECONDS)
    match = table.match(timed) if timed else None
    if match is None or match.seconds is None:
        raise NotSupportedError(f"{profile.name} knows no code with a timer")


def needs_form(profile: Profile, form: str) -> None:
    """Raises NotSupportedError where codes are not written that way."""
    if form not in profile.codes.forms:
        raise NotSupportedError(f"{profile.name} does not take codes in the form {form!r}")


def needs_none(profile: Profile, feature: str) -> None:
    """Raises NotSupportedError where there is a code for it, no such feature, or another road than codes."""
    needs_features(profile, feature)
    if profile.sync.mode != "feature-code":
        raise NotSupportedError(f"phones of {profile.name} do not dial codes")
    if found := profile.code_table.compose(Feature(feature), Action.ON):
        raise NotSupportedError(f"{profile.name} has a code for {feature}: {found}")


def nothing_on(profile: Profile) -> dict[str, Any]:
    """What the server has of a user whose features are all switched off."""
    return {feature: False if feature == "dnd" else "" for feature in profile.sync.features}
