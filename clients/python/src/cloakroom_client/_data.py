"""Data of a session: every call commits by itself, and no acknowledged write is lost."""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping
from typing import Any, TypeVar

from ._calls import read_data, write_data
from ._core import Call
from ._errors import DataConflict
from ._models import Entry

T = TypeVar("T")
MOST_TRIES = 32


def changes_of(values: Mapping[str, Any], seen: Mapping[str, Entry]) -> list[dict[str, Any]]:
    """Sets `values`, provided that these keys are still as they were seen."""
    missing = [key for key in values if key not in seen]
    if missing:
        raise ValueError(f"read {missing} before writing, or call overwrite")
    return [{"key": key, "value": value, "expect": seen[key].version} for key, value in values.items()]


def updating(session_id: str, key: str, change: Callable[[Any], T]) -> Generator[Call[Any], Any, T]:
    """Compare-and-set with retry: yields calls and is sent their results."""
    for tries_left in reversed(range(MOST_TRIES)):
        entry: Entry = (yield read_data(session_id, [key]))[key]
        value = change(entry.value)
        try:
            yield write_data(session_id, [{"key": key, "value": value, "expect": entry.version}])
        except DataConflict:
            if tries_left == 0:
                raise
            continue
        return value
    raise AssertionError("the last try returns or raises")
