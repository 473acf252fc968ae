"""What a profile expects to go wrong, held against the catalogue: a deviation from a check that is not there would be
expected for ever."""

from __future__ import annotations

from sipconform.checks.catalogue import catalogue
from sipconform.lab.profile import Profile, ProfileError, load_profile


def load_expecting(name_or_path: str) -> Profile:
    """A profile whose deviations are from checks of the catalogue. Raises `ProfileError`."""
    profile = load_profile(name_or_path)
    known = catalogue()
    for number, deviation in enumerate(profile.deviations):
        if deviation.check not in known:
            why = f"no check is called {deviation.check!r}; `sipconform checks` lists them"
            raise ProfileError(str(name_or_path), f"deviations[{number}].check", why)
    return profile
