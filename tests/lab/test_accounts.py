"""Who signs in as whom, with and without a word of the lab file."""

import pytest

from sipconform.lab.accounts import Accounts
from sipconform.lab.profile import load_profile
from sipconform.lab.settings import PhoneSettings

OWN_PLACES = load_profile("broadsoft")


@pytest.mark.parametrize(
    ("name", "user", "auth_user"),
    [("phone", "2001", ""), ("other_phone", "2002", ""), ("manager", "2100", ""), ("assistant", "2100-2", "2100"),
     ("somebody", "2001", "")],
)  # fmt: skip
def test_a_phone_the_lab_file_is_silent_of_is_the_one_of_the_story(name: str, user: str, auth_user: str) -> None:
    for given in ({}, {name: PhoneSettings(kind="remote", control="192.0.2.1:7000")}):
        phone = Accounts(given, OWN_PLACES).of(name)
        assert (phone.user, phone.auth_user) == (user, auth_user)


def test_a_user_of_the_lab_file_counts() -> None:
    accounts = Accounts({"assistant": PhoneSettings(user="77", password="secret")}, OWN_PLACES)
    assert (accounts.of("assistant").user, accounts.of("assistant").auth_user) == ("77", "")
    assert accounts.password("77") == "secret"
    assert accounts.password("2100") == "pw2100"
    assert {"77", "2001", "2100"} <= set(accounts.users)
