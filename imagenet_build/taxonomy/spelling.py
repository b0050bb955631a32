"""Pure: wordnets' lemmas as texts that a person would type."""

from __future__ import annotations

import re
import unicodedata

_SIMPLE = re.compile(r"[^\W\d_]+(?:[ '-][^\W\d_]+)*")
_PLACEHOLDERS = frozenset({"gap!", "pseudogap!"})
_WIKI_LINK = re.compile(r"\[\[([^\[\]]*)\]\]")
_OPTIONAL_PART = re.compile(r"(?<=[^\W_])\(([^()\s]+)\)|\(([^()\s]+)\)(?=[^\W_])")
_AFTER_PIPE = re.compile(r"\|.*$")
_QUOTE_MARK = re.compile(r"['\"]{2,}|(?<!\w)\"|\"(?!\w)")
_NOTE = re.compile(r"\([^()]*\)|\[[^\[\]]*\]|（[^（）]*）")
_NOTE_CUT_OFF = re.compile(r"[(\[（].*$")
_BRACKET = re.compile(r"[()\[\]（）]")
_EDGES = ' \t,;:!?*"`´|+=#~，；：、。！？·«»<>-–—/&'
_UNSPACED = re.compile(
    "[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff]"
)


def text_key(text: str) -> str:
    """What makes two texts the same query: NFC, case-folded, white space collapsed.

    >>> text_key("German  Shepherd") == text_key("german shepherd")
    True
    """
    return " ".join(unicodedata.normalize("NFC", text).casefold().split())


def is_unspaced(text: str) -> bool:
    """Whether a text is in a script that sets no spaces between words (Chinese, Japanese, Thai, Lao, Khmer, Burmese).

    >>> is_unspaced("德国牧羊犬"), is_unspaced("pastore tedesco")
    (True, False)
    """
    return _UNSPACED.search(text) is not None


def english_text(lemma: str) -> str:
    """A lemma of WordNet with spaces for `_`.

    >>> english_text("German_shepherd")
    'German shepherd'
    """
    return " ".join(unicodedata.normalize("NFC", lemma).replace("_", " ").split())


def clean_lemma(lemma: str) -> str:
    """A lemma of the Open Multilingual Wordnet as a text; empty where nothing usable is left.

    Takes care of what the published files hold: `_` for space, Chinese Open Wordnet's `+` before a particle, the
    `GAP!` of languages without a word, notes in brackets, half brackets, wiki links, stray punctuation at the ends.
    A lemma with a character that was lost (private use, replacement, control) is dropped: what is left of it is another
    word.

    >>> clean_lemma("perro_pastor"), clean_lemma("中意+的人"), clean_lemma("GAP!")
    ('perro pastor', '中意的人', '')
    >>> clean_lemma("[[geroosterd]] [[brood]]"), clean_lemma("(het) gegrom"), clean_lemma("(tegoed)bon")
    ('geroosterd brood', 'gegrom', 'tegoedbon')
    """
    if _SIMPLE.fullmatch(lemma) and lemma.isascii():
        return lemma
    text = unicodedata.normalize("NFC", lemma).replace("_", " ").replace("+", "").replace("`", "'").strip()
    if text.casefold() in _PLACEHOLDERS or any(_is_lost(character) for character in text):
        return ""
    text = _AFTER_PIPE.sub("", _WIKI_LINK.sub(r"\1", text))
    if not is_unspaced(text):
        text = _OPTIONAL_PART.sub(r"\1\2", text)
    text = _NOTE_CUT_OFF.sub("", _NOTE.sub(" " if " " in text else "", text))
    # brackets first: what stood around one may only now be a quotation mark made of two apostrophes
    text = " ".join(_QUOTE_MARK.sub("", _BRACKET.sub("", text)).split()).strip(_EDGES)
    return text if any(character.isalnum() for character in text) else ""


def _is_lost(character: str) -> bool:
    return character == "\ufffd" or unicodedata.category(character) in ("Cc", "Co", "Cn", "Cs")
