"""Pure: which lines of a robots.txt are for us, and which of them matches a path (RFC 9309 section 2.2)."""

from __future__ import annotations

import re
from collections.abc import Iterable
from urllib.parse import quote, unquote_to_bytes

_LINE = re.compile(r"(user[- ]?agent|[a-z-]+)\s*[:\s]\s*(.*)", re.IGNORECASE)
"""`Useragent: x` and `Disallow /` are met in the wild; protego reads them too."""
_TOKEN = re.compile(r"[\w-]+")
_FOR_ALL_FILE = frozenset({"sitemap", "sitemaps", "site-map", "host"})
_KEPT = "/%*$!&'()+,;:=?@~"


def lines_for(text: str, product_token: str) -> list[tuple[str, str, str]]:
    """The rules of all groups that name us, or else of all groups for everybody.

    Args:
        text: the file.
        product_token: our name; a group names us with the whole of it, in any case.
    Returns:
        (field in lower case, value, the line as it stands, without comment), in the file's order. Rules that stand
        before any group are taken as everybody's.
    """
    ours: list[tuple[str, str, str]] = []
    everybody: list[tuple[str, str, str]] = []
    loose: list[tuple[str, str, str]] = []
    are_we_named = False
    groups: list[list[tuple[str, str, str]]] = [loose]
    is_heading = False
    for raw in text.splitlines():
        line = raw.partition("#")[0].strip()
        found = _LINE.fullmatch(line)
        if found is None:
            continue
        field, value = found[1].lower(), found[2].strip()
        if field.startswith("user"):
            if not is_heading:
                groups = []
            is_heading = True
            token = _TOKEN.match(value)
            if token and token[0].lower() == product_token.lower():
                are_we_named = True
                groups.append(ours)
            elif value.startswith("*"):
                groups.append(everybody)
        elif field not in _FOR_ALL_FILE:
            is_heading = False
            for group in groups:
                group.append((field, value, line))
    return loose + (ours if are_we_named else everybody)


class PathPatterns:
    """Path patterns of one file, ready to be asked often: of 25,000, most are never looked at."""

    def __init__(self, patterns: Iterable[str]) -> None:
        """`patterns`: as in the file: `*` is any text, `$` at the end is the end of the path."""
        self._plain: dict[str, tuple[int, str]] = {}
        self._special: list[tuple[int, str, str]] = []
        for place, pattern in enumerate(patterns):
            normal = normal_path(pattern)
            if "*" in normal or normal.endswith("$"):
                self._special.append((place, normal, pattern))
            else:
                self._plain.setdefault(normal, (place, pattern))
        self._lengths = sorted({len(normal) for normal in self._plain}, reverse=True)
        self._special.sort(key=lambda one: (-len(one[1]), one[0]))

    def best(self, path: str) -> str | None:
        """The longest pattern that matches `path` (with its query string, as it is sent); of equals the first."""
        path = normal_path(path)
        found: tuple[int, int, str] | None = None
        for length in self._lengths:
            if length <= len(path) and path[:length] in self._plain:
                place, pattern = self._plain[path[:length]]
                found = (-length, place, pattern)
                break
        for place, normal, pattern in self._special:
            if found is not None and (-len(normal), place) > found[:2]:
                break
            if _matches(normal, path):
                return pattern
        return None if found is None else found[2]


def best_match(patterns: Iterable[str], path: str) -> str | None:
    """The longest pattern that matches, asked once: see `PathPatterns`.

    >>> best_match(["/", "/pictures/*.gif$", "/pictures/"], "/pictures/a.gif")
    '/pictures/*.gif$'
    """
    return PathPatterns(patterns).best(path)


def normal_path(path: str) -> str:
    """One spelling for all percent-encodings of a path or pattern."""
    if "%" not in path and path.isascii():
        return path
    # what %2F, %2A and %24 stand for would become a separator, a wildcard or an anchor
    pieces = re.split("(%2[fFaA4])", path)
    return "".join(
        piece.upper() if place % 2 else quote(unquote_to_bytes(piece), safe=_KEPT) for place, piece in enumerate(pieces)
    )


def _matches(pattern: str, path: str) -> bool:
    """Piece by piece from the left: no pattern, however hostile, takes longer than pattern times path."""
    is_anchored = pattern.endswith("$")
    first, *others = pattern.removesuffix("$").split("*")
    if not path.startswith(first):
        return False
    if not others:
        return not is_anchored or path == first
    end = len(first)
    *inner, last = others
    for piece in inner:
        place = path.find(piece, end)
        if place < 0:
            return False
        end = place + len(piece)
    if is_anchored:
        return path.endswith(last) and len(path) - len(last) >= end
    return path.find(last, end) >= 0
