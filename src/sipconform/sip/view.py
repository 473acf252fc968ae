"""A property that is read once: `cached_property` for classes with `__slots__`, without its lock."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Generic, Self, TypeVar, overload

T = TypeVar("T")


class view(Generic[T]):  # noqa: N801 - used as a decorator, like property
    """Decorates a method of a class with a `_views` dictionary; the first answer is kept there."""

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
        views: dict[str, T] = instance._views
        name = self._name
        if name in views:
            return views[name]
        answer = views[name] = self._read(instance)
        return answer
