"""A person as driver: what is asked, what the answers mean, and that nobody is asked where nobody is."""

from __future__ import annotations

import asyncio
import io

import pytest

from sipconform.lab.actor import Actor, BeliefError, NotSupportedError
from sipconform.lab.drivers.operator import ORDERS, Operator


class Terminal(io.StringIO):
    """A terminal at which the answers are already typed."""

    def isatty(self) -> bool:
        return True


def operator(*answers: str) -> tuple[Operator, io.StringIO]:
    prompts = io.StringIO()
    return Operator("phone 2001", Terminal("".join(f"{a}\n" for a in answers)), prompts), prompts


def test_an_order_names_the_key_and_the_device() -> None:
    driver, prompts = operator("")
    asyncio.run(driver.do("set_dnd", on=True))
    assert "Switch Do Not Disturb on on phone 2001" in prompts.getvalue()
    assert driver.steps, "what was asked belongs in the report"


def test_what_cannot_be_done_is_not_supported() -> None:
    driver, _ = operator("s")
    with pytest.raises(NotSupportedError, match="could not"):
        asyncio.run(driver.do("hold"))


def test_a_verb_without_an_order_is_not_supported() -> None:
    driver, _ = operator("")
    with pytest.raises(NotSupportedError, match="by hand"):
        asyncio.run(driver.do("probe", method="OPTIONS"))


@pytest.mark.parametrize("verb", sorted(ORDERS))
def test_every_order_can_be_given_without_its_details(verb: str) -> None:
    driver, prompts = operator("")
    asyncio.run(driver.do(verb))
    assert "{" not in prompts.getvalue()


def test_without_a_terminal_nobody_is_asked() -> None:
    driver = Operator("phone 2001", io.StringIO("\n"), io.StringIO())
    with pytest.raises(NotSupportedError, match="nobody is at a terminal"):
        asyncio.run(driver.do("hold"))


def test_the_display_is_what_the_person_says() -> None:
    driver, _ = operator("y")
    asyncio.run(Actor("phone", driver).shows(dnd=True))
    driver, _ = operator("n")
    with pytest.raises(BeliefError, match="something else than on"):
        asyncio.run(Actor("phone", driver).shows(within=0.0, dnd=True))


def test_a_display_that_cannot_be_seen_is_not_supported() -> None:
    driver, _ = operator("s")
    with pytest.raises(NotSupportedError, match="nobody can tell"):
        asyncio.run(Actor("phone", driver).shows(dnd=True))
