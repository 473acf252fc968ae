"""`sipconform profiles [NAME]`: the vendor dialects that come with the suite."""

from __future__ import annotations

from collections.abc import Sequence

from sipconform.commands import Parser, complain
from sipconform.expectations import load_expecting
from sipconform.lab.profile import ProfileError, list_profiles, load_profile, profile_path


def main(arguments: Sequence[str]) -> int:
    parser = Parser("profiles", "List the vendor profiles, or print one (to copy and change).")
    parser.add_argument("name", nargs="?", help="one that comes with the suite, or a TOML file to look through")
    name = parser.parse_args(arguments).name
    if not name:
        for known in list_profiles():
            profile = load_profile(known)
            print(f"{known:<18} {profile.title}")
        return 0
    try:
        load_expecting(name)
    except ProfileError as error:
        return complain(str(error))
    print(profile_path(name).read_text("utf-8"), end="")
    return 0
