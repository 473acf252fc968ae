"""A vendor's dialect as data: what a device of that make does, may do and is known to do wrong.

A profile knows no address and no password; those stand in the lab file. Profiles are TOML, and every key is
checked: what is misspelt is refused, not ignored.
"""

from __future__ import annotations

import ipaddress
import re
import tomllib
from pathlib import Path
from typing import Annotated, Literal, get_args

import msgspec

from sipconform.features import feature_code, feature_state
from sipconform.features.feature_code import FORWARDS, PLACEHOLDERS, Feature, UriForm
from sipconform.features.lamp import TABLES
from sipconform.lab.allowed import with_choices
from sipconform.shipped import shipped

Assignable = Literal["dnd", "cfu", "cfb", "cfna"]
Answer = Literal["yes", "no", "unknown"]
Seconds = Annotated[float, msgspec.Meta(gt=0, le=86400)]
Code = Annotated[str, msgspec.Meta(pattern=r"^([0-9*#]|\{number\}|\{seconds\}|\{speech\}){1,48}$")]


class ProfileError(ValueError):
    """A profile that cannot be used: which file, which key (dotted, "" for the file itself), and why."""

    def __init__(self, file: str, key: str, why: str) -> None:
        super().__init__(f"{file}: {key}: {why}" if key else f"{file}: {why}")
        self.file, self.key, self.why = file, key, why


class _Table(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    pass


class Sync(_Table, frozen=True):
    """How feature state is kept equal. `obeys_switch` false: whatever the feature-sync switch says."""

    mode: Literal["off", "subscribe", "feature-code", "csta"] = "off"
    obeys_switch: bool = True
    features: tuple[Assignable, ...] = get_args(Assignable)
    packaging: Literal["multipart", "single"] = "multipart"  # of the full state
    expires: Annotated[int, msgspec.Meta(ge=1)] = 3600  # seconds a subscription asks for
    accepted: Literal[200, 202] = 200  # what the server answers a SUBSCRIBE with
    charset: Literal["ISO-8859-1", "UTF-8"] = "ISO-8859-1"


class Codes(_Table, frozen=True):
    """The feature codes of one feature, `{number}`, `{seconds}` and `{speech}` (the MMI's 10 or 11) standing for
    digits. Empty: not known."""

    on: tuple[Code, ...] = ()
    off: tuple[Code, ...] = ()
    toggle: tuple[Code, ...] = ()
    prompt: tuple[Code, ...] = ()  # the server asks for the number
    voicemail: tuple[Code, ...] = ()  # forwards to the user's mailbox
    query: tuple[Code, ...] = ()


class CodeTable(_Table, frozen=True):
    """All feature codes, how they are put into a Request-URI, and codes that mean something else here."""

    dnd: Codes = Codes()
    cfu: Codes = Codes()
    cfb: Codes = Codes()
    cfna: Codes = Codes()
    any: Codes = Codes()  # every forward at once
    forms: tuple[UriForm, ...] = ("plain",)
    others: dict[Code, str] = {}

    def rows(self) -> list[tuple[str, str, str]]:
        """Feature, action and pattern of every code, as `features.feature_code.CodeTable.of` takes them."""
        return [
            (feature, action, code)
            for feature in Feature
            for action, codes in msgspec.structs.asdict(getattr(self, feature)).items()
            for code in codes
        ]


class SharedLine(_Table, frozen=True):
    """What the line server and its phones do with a shared line; `lamps` names a table of `features.lamp`."""

    lamps: str = "becke"
    aor: Literal["own", "shared"] = "own"  # each location registers an address of its own, or all register one
    private_press: Literal["reject", "barge"] = "reject"
    bridge_held: Literal["any", "all"] = "any"
    bridging: bool = True
    multiple_call_arrangement: bool = True
    warning_tone: Literal["none", "barge-in", "barge-in-and-repeat"] = "none"
    appearances: Annotated[int, msgspec.Meta(ge=1, le=99)] = 35
    seize_expires: Annotated[int, msgspec.Meta(ge=1)] = 15  # seconds
    seizes_unsubscribed: bool = True  # a phone that does not follow the line may seize its slots
    accepted: Literal[200, 202] = 200  # what the server answers a SUBSCRIBE to call-info with


class Timing(_Table, frozen=True):
    """Registration liveness, in seconds. None: the profile makes no promise."""

    register_refresh: Seconds | None = None
    register_expires: Seconds | None = None
    loss_detect_max: Seconds | None = None


class Hotspot(_Table, frozen=True):
    """A SIP hotspot's settings; the meaning of the vendor's own numbers is in `features.hotspot`."""

    listen: Literal["broadcast", "multicast"] = "broadcast"
    address: str = "224.0.2.0"  # of the multicast group
    port: Annotated[int, msgspec.Meta(ge=1, le=65535)] = 16360
    ring_mode: Literal["all", "extensions", "host"] = "all"
    prefix: str = ""
    managed: bool = False
    without_registration: bool = False


class HuntGroup(_Table, frozen=True):
    """A group whose number rings all members. `number` "": devices of this make have none.

    `decline_ends_all`: a 6xx of one member refuses the call for all (RFC 3261 §16.7 step 6).
    """

    number: str = ""
    decline_ends_all: bool = False
    ring_seconds: Seconds = 60


class Capabilities(_Table, frozen=True):
    """What devices of this make can do at all. Unknown is not no: it is tried, and judged with care."""

    feature_event: Answer = "unknown"
    feature_code: Answer = "unknown"
    csta: Answer = "unknown"  # takes part in a uaCSTA session
    csta_applies: Answer = "unknown"  # changes its own state on what the session tells
    call_info: Answer = "unknown"
    line_seize: Answer = "unknown"
    alerting: Answer = "unknown"  # tells `alerting` by NOTIFY
    bridge: Answer = "unknown"
    private_hold: Answer = "unknown"
    hunt_group: Answer = "unknown"
    hotspot: Answer = "unknown"
    reg_event: Answer = "unknown"


class Deviation(_Table, frozen=True):
    """A check devices of this make are known to fail, and why that is expected.

    `stories` are words of the names of scenarios that cannot go as told because of it.
    """

    check: Annotated[str, msgspec.Meta(pattern=r"^[A-Z]+-[0-9]{3}[a-z]?$")]
    reason: Annotated[str, msgspec.Meta(min_length=1)]
    stories: tuple[Annotated[str, msgspec.Meta(min_length=1)], ...] = ()


class Profile(_Table, frozen=True):
    """One vendor's dialect. `unconfirmed` lists the dotted keys whose value is inferred and never seen."""

    name: Annotated[str, msgspec.Meta(pattern=r"^[a-z0-9][a-z0-9-]*$")]
    vendor: str
    title: str
    description: str = ""
    sync: Sync = Sync()
    codes: CodeTable = CodeTable()
    shared_line: SharedLine = SharedLine()
    timing: Timing = Timing()
    hotspot: Hotspot = Hotspot()
    hunt_group: HuntGroup = HuntGroup()
    capabilities: Capabilities = Capabilities()
    diversion: Literal["diversion", "history-info", "both", "none"] = "diversion"
    deviations: tuple[Deviation, ...] = ()
    unconfirmed: tuple[str, ...] = ()

    @property
    def code_table(self) -> feature_code.CodeTable:
        """The codes, ready to be matched and composed."""
        return feature_code.CodeTable.of(self.codes.rows(), self.codes.others)

    @property
    def initial_state(self) -> feature_state.FeatureState:
        """The features this dialect assigns, all of them switched off."""
        assigned = [FORWARDS[Feature(name)] for name in self.sync.features if name != "dnd"]
        return feature_state.FeatureState(
            False if "dnd" in self.sync.features else None,
            {kind: feature_state.Forward() for kind in assigned},
        )

    def confirmed(self, key: str) -> bool:
        """Whether a dotted key's value was seen or documented, and not inferred."""
        return not any(key == doubt or key.startswith(f"{doubt}.") for doubt in self.unconfirmed)


def load_profile(name_or_path: str | Path) -> Profile:
    """Reads a profile by the name it ships under, or from any path that ends in `.toml`.

    Raises `ProfileError`, which names the file and the key (and the line, where the TOML is broken).
    """
    path = profile_path(name_or_path)
    profile = _convert(str(path), _read(path))
    _examine(str(path), profile)
    return profile


def profile_path(name_or_path: str | Path) -> Path:
    """The file of a profile. Raises `ProfileError` for a name that none ships under."""
    path = Path(name_or_path)
    if path.suffix == ".toml":
        return path
    known = list_profiles()
    if str(name_or_path) not in known:
        raise ProfileError(str(name_or_path), "", f"no such profile; there are {', '.join(known)}")
    return _folder() / f"{name_or_path}.toml"


def list_profiles() -> list[str]:
    """The names of the profiles that ship with the engine."""
    return sorted(path.stem for path in _folder().glob("*.toml"))


def _folder() -> Path:
    return shipped("fixtures/profiles")


def _read(path: Path) -> dict[str, object]:
    try:
        return tomllib.loads(path.read_bytes().decode("utf-8"))
    except OSError as error:
        raise ProfileError(str(path), "", error.strerror or str(error)) from error
    except UnicodeDecodeError as error:
        raise ProfileError(str(path), "", f"not UTF-8 at octet {error.start}") from error
    except tomllib.TOMLDecodeError as error:
        raise ProfileError(str(path), "", f"broken TOML: {error}") from error
    except RecursionError as error:
        raise ProfileError(str(path), "", "nested too deeply") from error


def _convert(file: str, data: dict[str, object]) -> Profile:
    try:
        return msgspec.convert(data, Profile)
    except msgspec.ValidationError as error:
        why, _, where = str(error).partition(" - at ")
        key = where.removeprefix("`key` in ").strip("`").removeprefix("$").removeprefix(".")
        if field := re.search(r"(?:field|required field) `(.+?)`", why):
            key = f"{key}.{field[1]}".lstrip(".")
        raise ProfileError(file, key, with_choices(why, Profile, key)) from error


def _examine(file: str, profile: Profile) -> None:
    """What types cannot say: doubts name keys that are there, a code means one thing, time runs on."""
    known = set(_keys(msgspec.to_builtins(profile)))
    for doubt in profile.unconfirmed:
        if doubt not in known:
            raise ProfileError(file, "unconfirmed", f"there is no key `{doubt}`")
    _examine_codes(file, profile.codes)
    if profile.shared_line.lamps not in TABLES:
        raise ProfileError(file, "shared_line.lamps", f"no such lamp table; there are {', '.join(TABLES)}")
    if not _is_group(profile.hotspot.address):
        raise ProfileError(file, "hotspot.address", f"{profile.hotspot.address} is no multicast address")
    timing = profile.timing
    if (timing.register_refresh or 0) >= (timing.register_expires or float("inf")):
        raise ProfileError(file, "timing.register_refresh", "a binding is refreshed before it expires")


def _is_group(address: str) -> bool:
    try:
        return ipaddress.ip_address(address).is_multicast
    except ValueError:
        return False


def _examine_codes(file: str, table: CodeTable) -> None:
    meanings: dict[str, str] = {}
    for feature, action, code in table.rows():
        key = f"codes.{feature}.{action}"
        if code in meanings:
            raise ProfileError(file, key, f"{code} already means {meanings[code]}")
        if max(code.count(asked) for asked in PLACEHOLDERS) > 1:
            raise ProfileError(file, key, f"{code} asks for the same thing twice")
        meanings[code] = key
    for code in table.others:
        if code in meanings:
            raise ProfileError(file, "codes.others", f"{code} already means {meanings[code]}")


def _keys(data: object, prefix: str = "") -> list[str]:
    if not isinstance(data, dict):
        return []
    return [key for name, value in data.items() for key in (f"{prefix}{name}", *_keys(value, f"{prefix}{name}."))]
