"""Pure: codes and numbers in words."""

from __future__ import annotations

from collections.abc import Iterable

from imagenet_build.charts.numbers import grouped, percent

LANGUAGES = {
    "eng": "English",
    "cmn": "Chinese",
    "spa": "Spanish",
    "nld": "Dutch",
    "ita": "Italian",
    "deu": "German",
    "fra": "French",
    "por": "Portuguese",
    "jpn": "Japanese",
    "kor": "Korean",
    "zxx": "ids of concepts",
}
LICENSES = {
    "cc0": "CC0",
    "pdm": "public domain mark",
    "arr": "all rights reserved",
    "nkc": "no known restrictions",
    "usgov": "US government work",
    "unknown": "unknown",
}


def synset_word(name: str) -> str:
    """A synset's name as a word; other texts as they are.

    >>> synset_word("musical_instrument.n.01"), synset_word("n00000001")
    ('musical instrument', 'n00000001')
    """
    return (name.rpartition(".n.")[0] or name).replace("_", " ")


def language(code: str) -> str:
    """A language by its ISO 639-3 code."""
    return LANGUAGES.get(code, code)


def license_word(code: str) -> str:
    """A licence by its code.

    >>> license_word("by-sa"), license_word("cc0")
    ('CC BY-SA', 'CC0')
    """
    if code in LICENSES:
        return LICENSES[code]
    return f"CC {code.upper()}" if code.startswith("by") else code


def plain(code: str) -> str:
    """An enumerated word for people."""
    return code.replace("_", " ")


def counted(number: int, noun: str, plural: str = "") -> str:
    """A number with its noun.

    >>> counted(1, "synset"), counted(2500, "query", "queries")
    ('1 synset', '2,500 queries')
    """
    return f"{grouped(number)} {noun if number == 1 else plural or noun + 's'}"


def share(part: int, whole: int) -> str:
    """A part of a whole as percent; empty where there is no whole."""
    return percent(part / whole) if whole else ""


def number(value: float | None, digits: int = 0) -> str:
    """A number for a table; a dash where there is none."""
    return "–" if value is None else grouped(value, digits)


def listed(words: Iterable[str], most: int = 8) -> str:
    """Words in a row, the rest as a number.

    >>> listed(["a", "b", "c"]), listed("abcde", most=3)
    ('a, b and c', 'a, b, c and 2 more')
    """
    held = list(words)
    if len(held) > most:
        return f"{', '.join(held[:most])} and {len(held) - most:,} more"
    return " and ".join([", ".join(held[:-1]), held[-1]]) if len(held) > 1 else "".join(held)
