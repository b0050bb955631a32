"""Pure: from what a user writes to one synset, or to an error that helps."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable
from typing import TYPE_CHECKING

from imagenet_build.errors import UnknownSynset
from imagenet_build.records import wnid_of

if TYPE_CHECKING:
    from imagenet_build.taxonomy.wordnet import WordNet

_WNID = re.compile(r"[nN](\d{8})")
_NAME = re.compile(r"(.+)\.([nvasrNVASR])\.(\d{1,3})")
_HOW = "Name a synset as dog.n.01, n02084071, or a word with one noun sense."
_SENSES_SHOWN = 20


def spelled_as_key(text: str) -> str:
    """A text as index.noun spells it: lower case, `_` for space.

    >>> spelled_as_key(" German  shepherd")
    'german_shepherd'
    """
    return "_".join(text.replace("_", " ").lower().split())


def find_synset(wordnet: WordNet, text: str) -> int:
    """The synset's offset; see `WordNet.find`.

    Raises:
        UnknownSynset: no such synset, or several.
    """
    text = text.strip()
    if wnid := _WNID.fullmatch(text):
        offset = int(wnid[1])
        if offset not in wordnet:
            raise UnknownSynset(f"WordNet has no noun synset {wnid_of(offset)}.", remedy=_HOW)
        return offset
    if name := _NAME.fullmatch(text):
        return _numbered_sense(wordnet, name[1], name[2].lower(), int(name[3]))
    return _only_sense(wordnet, text)


def _numbered_sense(wordnet: WordNet, word: str, part_of_speech: str, number: int) -> int:
    if part_of_speech != "n":
        raise UnknownSynset(f"{word}.{part_of_speech}.{number:02d} is not a noun; pictures are of nouns.", remedy=_HOW)
    senses = wordnet.senses(word)
    if not senses:
        raise UnknownSynset(f"WordNet has no noun {word!r}.{_suggestion(word, wordnet.index)}", remedy=_HOW)
    if not 1 <= number <= len(senses):
        listed = _listed(wordnet, senses)
        raise UnknownSynset(f"{word!r} has no noun sense {number}; it has {len(senses)}:{listed}", remedy="")
    return senses[number - 1]


def _only_sense(wordnet: WordNet, word: str) -> int:
    senses: tuple[int, ...] = ()
    for spelling in (
        word,
        *wordnet.morphy(word),
        word.replace("-", " "),
        "-".join(word.split()),
        word.replace(" ", ""),
    ):
        senses = wordnet.senses(spelling)
        if senses:
            break
    if not senses:
        raise UnknownSynset(f"WordNet has no noun {word!r}.{_suggestion(word, wordnet.index)}", remedy=_HOW)
    if len(senses) > 1:
        listed = _listed(wordnet, senses)
        raise UnknownSynset(f"{word!r} has {len(senses)} noun senses; name one of them:{listed}")
    return senses[0]


def _listed(wordnet: WordNet, senses: tuple[int, ...]) -> str:
    lines = [f"\n  {wordnet.name(offset)}  {wnid_of(offset)}  {wordnet.gloss(offset)}" for offset in senses]
    more = len(senses) - _SENSES_SHOWN
    return "".join(lines[:_SENSES_SHOWN]) + (f"\n  and {more} more" if more > 0 else "")


def _suggestion(word: str, known: Iterable[str]) -> str:
    """Close spellings. Only entries of similar length are compared: comparing all 117,798 takes seconds."""
    key = spelled_as_key(word)
    similar = [entry for entry in known if abs(len(entry) - len(key)) <= 2 and entry[:1] == key[:1]]
    near = difflib.get_close_matches(key, similar, n=4, cutoff=0.75)
    return f" Did you mean {' or '.join(entry.replace('_', ' ') for entry in near)}?" if near else ""
