"""A property that is read once: `cached_property` without the lock it has before Python 3.12."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Generic, Self, TypeVar, overload

T = TypeVar("T")


class view(Generic[T]):  # noqa: N801 - used as a decorator, like property
    """Decorates a method; the first answer is kept in the instance's dictionary, where Python finds it without us."""

    def __init__(self, read: Callable[[Any], T]) -> None:
        self._read = read
        self._name = read.__name__
        self.__doc__ = read.__doc__

    @overload
    def __get__(self, instance: None, owner: type) -> Self: ...
    @overload
    def __get__(self, instance: Any, owner: type | None = None) -> T: ...
    def __get__(self, instance: Any, owner: type | None = None) -> T | Self:
        if instance is None:
            return self
        answer: T = self._read(instance)
        instance.__dict__[self._name] = answer
        return answer
