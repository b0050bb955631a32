"""The review page as a file, and how the commands about duplicates print what they found."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TypeVar

from rich.console import Console

from imagenet_build.cli.late_progress import LateProgress
from imagenet_build.dedup.review import REASON_WORDS, Group, Picture, RefusedPair, review_page
from imagenet_build.errors import DiskUnusable
from imagenet_build.storage import tables

T = TypeVar("T")


def check_place(path: Path) -> None:
    """Make the folder of a file that is to be written, before the long work.

    Raises:
        DiskUnusable: nothing can be written there.
        OSError: the folder cannot be made.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    if not os.access(path.parent, os.W_OK | os.X_OK):
        raise DiskUnusable(f"Nothing can be written to {path.parent}.", remedy="Name another place.")


def write_review(
    path: Path,
    title: str,
    facts: Sequence[str],
    groups: Sequence[Group],
    refused: Sequence[RefusedPair] | None,
    picture: Callable[[int], Picture],
) -> None:
    """Write the page; see `review_page`."""
    with LateProgress("page", len(groups) + len(refused or ())) as progress:

        def told(items: Sequence[T]) -> Iterator[T]:
            for item in items:
                yield item
                progress.advance(1)

        parts = review_page(title, facts, told(groups), None if refused is None else told(refused), picture)
        tables.write_whole(path, lambda out: out.writelines(part.encode() for part in parts))


def line(text: str) -> None:
    """Print one line on stdout as it is, however long."""
    Console().print(text, highlight=False, soft_wrap=True, markup=False)


def counted(number: int, noun: str) -> str:
    """A number and its noun, in the plural where need be."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def reasons_line(reasons: Mapping[str, int]) -> str:
    """Counts by reason, most first, in brackets; nothing if there are none.

    >>> reasons_line({"near": 2, "same_pixels": 3})
    ' (3 same pixels, 2 near)'
    """
    ordered = sorted(reasons.items(), key=lambda item: (-item[1], item[0]))
    said = ", ".join(f"{count:,} {REASON_WORDS.get(reason, reason)}" for reason, count in ordered)
    return f" ({said})" if said else ""


def printable(text: str) -> str:
    r"""A file's name may hold anything: what a terminal would obey is written out.

    >>> printable("a\x1b[2J.jpg")
    'a\\x1b[2J.jpg'
    """
    return "".join(each if each.isprintable() else each.encode("unicode_escape").decode() for each in text)
