"""Which words a key of a TOML table may have, for whoever wrote another."""

from __future__ import annotations

import re
from typing import Any

from msgspec import inspect


def with_choices(why: str, table: type, key: str) -> str:
    """The sentence of a validation error, with the words that the key allows where it allows only some."""
    values = _values(table, key) if why.startswith("Invalid enum value") else []
    return f"{why}; there are {', '.join(map(repr, values))}" if values else why


def _values(table: type, key: str) -> list[Any]:
    """In the order in which they were declared, as far as that is known."""
    kind: Any = inspect.type_info(table)
    for name in re.sub(r"\[[^]]*\]", ".*", key).split("."):
        if isinstance(kind, inspect.StructType):
            kind = next((field.type for field in kind.fields if field.encode_name == name), None)
        elif isinstance(kind, inspect.DictType):
            kind = kind.value_type
        else:
            kind = getattr(kind, "item_type", None)
    return list(kind.values) if isinstance(kind, inspect.LiteralType) else []
