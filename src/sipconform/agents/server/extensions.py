"""Extension numbers that follow users: given to a new one, taken from a deleted one, and given out again.

Bright Pattern: a deleted user's number goes by default to the next new user, and its forwarding is then back at the
initial state.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from sipconform.agents.server.directory import Directory, User
from sipconform.features.feature_state import FeatureState


@dataclass(eq=False, repr=False)
class Extensions:
    """`initial` is what a number's features are at first; `free` are the numbers of deleted users, oldest first. What
    `is_taken` says is somebody's number already, a group's for example, is given to nobody."""

    directory: Directory
    initial: FeatureState = field(default_factory=FeatureState.assigned)
    next_number: int = 3001
    free: list[str] = field(default_factory=list)
    is_taken: Callable[[str], bool] = lambda _: False

    def hire(self, password: str = "") -> User:
        """A new user, with the number that is free the longest, else with the next one."""
        number = next((n for n in self.free if not self._is_taken(n)), "")
        if number:
            self.free.remove(number)
        else:
            while self._is_taken(number := str(self.next_number)):
                self.next_number += 1
        return self.directory.add(number, password or f"pw{number}", features=self.initial)

    def dismiss(self, number: str) -> None:
        """Deletes a user: features and bindings go with him. Raises KeyError for a number nobody has."""
        user = self.directory.users.pop(number)
        user.bindings.clear()
        self.free.append(number)

    def _is_taken(self, number: str) -> bool:
        return self.directory.find(number) is not None or self.is_taken(number)
