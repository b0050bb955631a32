"""Pure: reading cursors, and dividing a search by filters, the same way in every adapter."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from imagenet_build.search.engine import Cursor

Divisions = Sequence[tuple[str, Sequence[str]]]
"""Filters and their disjoint values, in the order of division."""


def number_in(cursor: Cursor | None, name: str, first: int) -> int:
    """A cursor's entry that counts; `first` where there is none."""
    return int((cursor or {}).get(name, first))


def entries_of(cursor: Cursor | None, names: Collection[str]) -> dict[str, str | int]:
    """A cursor's entries of these names, in the names' order."""
    return {name: cursor[name] for name in names if cursor is not None and name in cursor}


def divided_by(start: Cursor | None, divisions: Divisions, *, beside: Collection[str] = ()) -> list[Cursor]:
    """A search divided by the first filter that it has no value of yet; empty where it has one of each.

    Args:
        start: what the search began with.
        divisions: the filters.
        beside: entries that every slice needs too; all others of `start`, such as a page's number, are left behind.

    >>> divided_by({"size": "large"}, [("size", ("large", "small")), ("colour", ("red", "blue"))])
    [{'size': 'large', 'colour': 'red'}, {'size': 'large', 'colour': 'blue'}]
    """
    slice_ = entries_of(start, [*beside, *(name for name, _ in divisions)])
    name, values = next((division for division in divisions if division[0] not in slice_), ("", ()))
    return [{**slice_, name: value} for value in values]
