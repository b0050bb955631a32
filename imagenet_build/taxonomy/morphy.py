"""Pure: the base forms of English nouns, by WordNet's own rules (morphy(7WN))."""

from __future__ import annotations

from collections.abc import Container, Mapping

DETACHMENTS = (
    ("s", ""),
    ("ses", "s"),
    ("xes", "x"),
    ("zes", "z"),
    ("ches", "ch"),
    ("shes", "sh"),
    ("men", "man"),
    ("ies", "y"),
)


def base_forms(word: str, exceptions: Mapping[str, tuple[str, ...]], known: Container[str]) -> tuple[str, ...]:
    """The known nouns that a word may be a form of, itself first if it is known.

    Irregular forms come from the exception list alone. The words of a collocation are reduced one by one where the
    whole cannot be.

    Args:
        word: lower case, `_` for space.
        exceptions: noun.exc, irregular plural -> singulars.
        known: the lemmas of index.noun.

    >>> base_forms("dogs", {}, {"dog"})
    ('dog',)
    >>> base_forms("geese", {"geese": ("goose",)}, {"goose", "gee"})
    ('goose',)
    >>> base_forms("boxesful", {}, {"boxful"})
    ('boxful',)
    >>> base_forms("men_of_war", {"men": ("man",)}, {"man", "of", "war", "man_of_war"})
    ('man_of_war',)
    """
    forms = [word, *(exceptions.get(word) or _detached(word))]
    found = tuple(dict.fromkeys(form for form in forms if form in known))
    if found or "_" not in word:
        return found
    parts = (part if part in known else (base_forms(part, exceptions, known) or (part,))[0] for part in word.split("_"))
    joined = "_".join(parts)
    return (joined,) if joined in known else _reduced_heads(word, exceptions, known)


def _reduced_heads(word: str, exceptions: Mapping[str, tuple[str, ...]], known: Container[str]) -> tuple[str, ...]:
    """Every word of a collocation reduced, even one that is itself a noun (`glasses`)."""
    parts = ((base_forms(part, exceptions, known) or (part,))[-1] for part in word.split("_"))
    joined = "_".join(parts)
    return (joined,) if joined in known else ()


def _detached(word: str) -> list[str]:
    """What the rules make of a word, known or not."""
    if word.endswith("ful"):
        return [form + "ful" for form in _detached(word[:-3])]
    if len(word) <= 2 or word.endswith("ss"):
        return []
    return [word[: -len(ending)] + instead for ending, instead in DETACHMENTS if word.endswith(ending)]
