"""Pure: how a query is put to a web index: its text taken literally, its language in Google's codes."""

from __future__ import annotations

import re

from imagenet_build.records import ENGLISH

_OPERATORS = re.compile(r'["*~|()\[\]{}:\\]|(?<!\S)[-+!]+|(?<!\S)(?:AND|OR|NOT|NEAR)(?!\S)|\.{2,}')
"""What web searches read as syntax: quotes, exclusion, alternatives, `site:`, ranges. A lemma is meant literally."""

_GOOGLE = {
    "als": "sq al",
    "arb": "ar",
    "bul": "bg bg",
    "cat": "ca es",
    "ces": "cs cz",
    "cmn": "zh-CN cn",
    "dan": "da dk",
    "deu": "de de",
    "ell": "el gr",
    "eng": "en",
    "est": "et ee",
    "eus": "eu es",
    "fas": "fa ir",
    "fin": "fi fi",
    "fra": "fr fr",
    "glg": "gl es",
    "heb": "iw il",
    "hin": "hi in",
    "hrv": "hr hr",
    "hun": "hu hu",
    "ind": "id id",
    "isl": "is is",
    "ita": "it it",
    "jpn": "ja jp",
    "kor": "ko kr",
    "lav": "lv lv",
    "lit": "lt lt",
    "nld": "nl nl",
    "nno": "no no",
    "nob": "no no",
    "nor": "no no",
    "pes": "fa ir",
    "pol": "pl pl",
    "por": "pt pt",
    "qcn": "zh-TW tw",
    "ron": "ro ro",
    "rus": "ru ru",
    "slk": "sk sk",
    "slv": "sl si",
    "spa": "es es",
    "sqi": "sq al",
    "srp": "sr rs",
    "swe": "sv se",
    "tha": "th th",
    "tur": "tr tr",
    "ukr": "uk ua",
    "vie": "vi vn",
    "zsm": "ms my",
}
"""ISO 639-3 -> Google's `hl`, and the `gl` country to boost where one stands out.

`qcn` is what the Open Multilingual Wordnet calls Chinese in Taiwan's script.
"""

_NOT_RESTRICTABLE = frozenset({"sq", "eu", "fa", "gl", "hi", "ms", "th", "uk", "vi"})
"""Languages that `lr` does not know."""


def literal_text(text: str) -> str:
    """A query's text without what a search service reads as syntax; the text itself if nothing else would be left.

    >>> literal_text('the "good" (old) dog -cat site:example.org')
    'the good old dog cat site example.org'
    >>> literal_text("jack-o'-lantern")
    "jack-o'-lantern"
    """
    return " ".join(_OPERATORS.sub(" ", text).split()) or text


def google_language_skip(engine: str, language: str) -> str:
    """Why a query in this language is not put to Google's index; empty: it is."""
    return "" if language in _GOOGLE else f"{engine} has no interface language for {language}"


def google_language(language: str, *, restrict: bool) -> dict[str, str]:
    """Google's language parameters for an ISO 639-3 code: `hl`, `gl` and, with `restrict`, `lr`.

    English is not restricted: English words and Latin names stand on pages in every language. Other languages are,
    where they can be, since their words often mean something else in English.

    Raises:
        KeyError: a language that `google_language_skip` gives a reason for.

    >>> google_language("deu", restrict=True)
    {'hl': 'de', 'gl': 'de', 'lr': 'lang_de'}
    >>> google_language("eng", restrict=True)
    {'hl': 'en'}
    """
    code, _, country = _GOOGLE[language].partition(" ")
    said = {"hl": code}
    if country:
        said["gl"] = country
    if restrict and language != ENGLISH and code not in _NOT_RESTRICTABLE:
        said["lr"] = f"lang_{code}"
    return said
