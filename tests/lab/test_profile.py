"""Profiles that ship load; a profile with a mistake is refused by file and key."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sipconform.features.feature_code import Action, Code, Feature, Match
from sipconform.features.feature_state import FeatureState
from sipconform.lab.profile import Profile, ProfileError, list_profiles, load_profile

BASE = 'name = "mine"\nvendor = "Mine"\ntitle = "Mine"\n'


@pytest.mark.parametrize("name", list_profiles())
def test_every_shipped_profile_loads_under_its_own_name(name: str) -> None:
    profile = load_profile(name)
    assert profile.name == name
    assert profile.description


def test_broadsoft_synchronises_by_subscription() -> None:
    profile = load_profile("broadsoft")
    assert (profile.sync.mode, profile.sync.obeys_switch) == ("subscribe", True)
    assert not profile.confirmed("diversion")
    assert profile.confirmed("sync.mode")


def test_a_doubt_about_a_table_covers_its_keys(tmp_path: Path) -> None:
    profile = load_profile(written(tmp_path, BASE + 'unconfirmed = ["codes.dnd"]\n'))
    assert not profile.confirmed("codes.dnd.on")
    assert profile.confirmed("codes.cfu.on")


def written(folder: Path, text: str) -> Path:
    path = folder / "mine.toml"
    path.write_bytes(text.encode("utf-8", "surrogateescape"))
    return path


@pytest.mark.parametrize(
    ("text", "key", "why"),
    [
        ("a = [\n", "", "broken TOML"),
        ('x = 1\nx = 2\n', "", "line 2"),
        ("\udcff", "", "not UTF-8"),
        (BASE + "a = " + "[" * 5000, "", "nested too deeply"),
        ('vendor = "x"', "name", "missing"),
        (BASE + "spare = 1", "spare", "unknown field"),
        (BASE + "[sync]\nmodus = 1", "sync.modus", "unknown field"),
        (BASE + '[sync]\nmode = "telepathy"', "sync.mode", "telepathy"),
        (BASE + "[sync]\nexpires = 0", "sync.expires", ">= 1"),
        (BASE + 'sync = "off"', "sync", "object"),
        (BASE + '[codes.dnd]\non = ["*78x"]', "codes.dnd.on[0]", "regex"),
        (BASE + '[codes.others]\n"x" = "y"', "codes.others", "regex"),
        (BASE + '[codes.dnd]\non = ["*78"]\noff = ["*78"]', "codes.dnd.off", "already means codes.dnd.on"),
        (BASE + '[codes]\ndnd.on = ["*78"]\nothers = { "*78" = "x" }', "codes.others", "means"),
        (BASE + '[[deviations]]\ncheck = "FS-003"', "deviations[0].reason", "missing"),
        (BASE + '[[deviations]]\ncheck = "FS-3"\nreason = "x"', "deviations[0].check", "regex"),
        (BASE + '[codes.cfu]\non = ["*72{number}{number}"]', "codes.cfu.on", "twice"),
        (BASE + '[hotspot]\naddress = "192.0.2.1"', "hotspot.address", "multicast"),
        (BASE + '[hotspot]\naddress = "everywhere"', "hotspot.address", "multicast"),
        (BASE + '[shared_line]\nlamps = "disco"', "shared_line.lamps", "becke"),
        (BASE + 'unconfirmed = ["sync.modus"]', "unconfirmed", "sync.modus"),
        (BASE + "[timing]\nregister_refresh = 30\nregister_expires = 30", "timing.register_refresh", "is"),
    ],
)  # fmt: skip
def test_a_mistake_is_named_by_file_and_key(tmp_path: Path, text: str, key: str, why: str) -> None:
    path = written(tmp_path, text)
    with pytest.raises(ProfileError) as caught:
        load_profile(path)
    assert caught.value.key == key
    assert why in caught.value.why
    assert str(caught.value).startswith(f"{path}: {key}")


def test_an_unknown_name_lists_the_known_ones() -> None:
    with pytest.raises(ProfileError, match=r"no such profile; there are .*broadsoft"):
        load_profile("brodsoft")


def test_a_file_that_is_not_there_says_so(tmp_path: Path) -> None:
    with pytest.raises(ProfileError, match="No such file"):
        load_profile(tmp_path / "absent.toml")


@given(text=st.text(alphabet='abc=[]{}"\n.#123 ', max_size=60))
def test_any_text_loads_or_is_refused(text: str, tmp_path_factory: pytest.TempPathFactory) -> None:
    path = written(tmp_path_factory.getbasetemp(), BASE + text)
    try:
        assert isinstance(load_profile(path), Profile)
    except ProfileError as error:
        assert error.file == str(path)  # noqa: PT017 - either outcome is right


@pytest.mark.parametrize("name", list_profiles())
def test_every_code_of_a_profile_reads_as_what_it_is_for(name: str) -> None:
    table = load_profile(name).code_table
    for code in table.codes:
        dialled = code.pattern
        for asked, said in (("{number}", "2050"), ("{seconds}", "20"), ("{speech}", "11")):
            dialled = dialled.replace(asked, said)
        match = table.match(dialled)
        assert match is not None
        assert (match.feature, match.action) == (code.feature, code.action)


@pytest.mark.parametrize(
    ("name", "dialled"),
    [("3cx", "*77*200*"), ("3gpp-mmi", "##004#"), ("3gpp-mmi", "**62*2002#"), ("freepbx", "*74")],
)
def test_codes_of_other_services_are_known_as_such(name: str, dialled: str) -> None:
    profile = load_profile(name)
    others = [Code(Feature.ANY, Action.QUERY, code) for code in profile.codes.others]
    assert profile.code_table.match(dialled) is None
    assert any(code.whole.fullmatch(dialled) for code in others)


def test_the_same_code_means_something_else_elsewhere() -> None:
    meanings = {name: load_profile(name).code_table.match("*722050") for name in ("broadworks-fac", "yeastar-s")}
    assert meanings == {
        "broadworks-fac": Match(Feature.CFU, Action.ON, "2050"),
        "yeastar-s": Match(Feature.CFB, Action.ON, "2050"),
    }


def test_only_assigned_features_have_a_state() -> None:
    assert load_profile("3cx").initial_state == FeatureState(dnd=False)
    assert load_profile("yeastar-p").initial_state == FeatureState.assigned(dnd=False)
    assert load_profile("broadsoft").initial_state == FeatureState.assigned()
