"""Pure: which queries are Latin names of organisms, as wordnets write them among the other words of a synset.

A wordnet does not mark them, and a capital followed by a small word is English as often ("Siberian husky"). The rule
goes by the shape of both words; services that search by Latin name compare it with their own tables in full, so that a
wrong yes costs a request and a wrong no costs the organism. Of the 5635 names of two words among WordNet 3.0's
organisms whose first is a genus of WordNet's, 99 % are recognised; of its English names about 60 are taken for Latin.
"""

from __future__ import annotations

import re

from imagenet_build.records import ENGLISH, Origin, Query
from imagenet_build.search.engine import SynsetFacts

_WORD = re.compile(r"[A-Z][a-z]{2,}")
_EPITHET = re.compile(r"[a-z]{2,}(?:-[a-z]{2,})*")
_LATIN_ENDING = re.compile(
    r".*(?:us|is|um|a|i|ae|ns|es|or|os|ops|ix|ax|ex|ox|ys|yx|as|ense|[bcglnrt]ile|ale|are|bre|cre|stre|ste|rme|le|ne|ce|se|ar|ator|iger|iceps)"
)
_LATIN_GENUS = re.compile(r".*(?:us|um|is|as|es|os|a|o|ops|ps|ix|ax|yx|odon)")
_FORMAL_ENDING = re.compile(r".*(?:idae|inae|aceae|ales|iformes|us|um|is|ops|odon|ella)")
"""Names of families, subfamilies and orders (ICZN article 29, ICN articles 17 to 19), and endings of genera that are no
ending of English names."""

_NO_GENUS = re.compile(r"..+(?:an|ese|ish|ern|ch|ic|sh|ss|th|land|shire|ck|ll|y|ng)")
"""Endings of adjectives for peoples and places, which stand first in many English names."""
_NO_GENERA = """
Africa Alaska Alexandria Alpine America Angora Angus Arizona Arkansas August Australia Bahia Baltimore Barbados Bengal
Bermuda Border Boston Brazil California Canada Cape Carolina Ceylon Chile China Christmas Colorado Columbia Cuba
Dalmatia Darwin Easter Eskimo Florida Georgia Guinea Himalaya Honduras India Jamaica Java Judas June Kansas Kodiak
Komodo Labrador London Louisiana Madagascar Madonna Malaysia Manila Marburg Minnesota Missouri Montana Naples Nebraska
Nevada Nile Nootka Ohio Oregon Panama Paris Persia Philadelphia Philippine Rhodes Russia Scots Siamese Siberia Sierra
Sitka Tangier Tasmania Tennessee Texas Thanksgiving Venus Virginia
"""
_PLACES_AND_FEASTS = frozenset(_NO_GENERA.split())
_RANK = re.compile(r"(?:super|sub)?(?:genus|tribe|family|order|class|phylum) ", re.IGNORECASE)
_LEMMAS = frozenset({Origin.SYNONYM, Origin.TRANSLATION, Origin.SPELLING, Origin.LABEL})
"""Queries that are a synset's own words; the others have a word of an ancestor behind them."""
_TAXON = re.compile(r"[A-Z][a-z]+(?: [a-z]+(?:-[a-z]+)*){0,2}")


def latin_name(text: str, *, is_organism: bool, language: str) -> str:
    """The Latin name that a text is, in the usual spelling; empty where it is none.

    Species and subspecies are told by their shape alone. One word ("Canidae", "genus Canis") could be anything with a
    capital, German nouns to begin with: it counts only for an organism, in English.

    Args:
        text: a query's text, words separated by spaces.
        is_organism: whether the synset stands below organism.n.01.
        language: ISO 639-3, of the text.

    >>> latin_name("Vulpes vulpes", is_organism=True, language="eng")
    'Vulpes vulpes'
    >>> latin_name("Siberian husky", is_organism=True, language="eng")
    ''
    >>> latin_name("family Canidae", is_organism=True, language="eng")
    'Canidae'
    """
    words = _RANK.sub("", text, count=1).split()
    if len(words) == 1:
        alone = words[0]
        if not is_organism or language != ENGLISH or not _WORD.fullmatch(alone) or alone in _PLACES_AND_FEASTS:
            return ""
        return alone if len(text.split()) > 1 or _FORMAL_ENDING.fullmatch(alone) else ""
    if len(words) not in (2, 3) or len(words) != len(text.split()):
        return ""
    genus, *epithets = words
    if not _WORD.fullmatch(genus) or genus in _PLACES_AND_FEASTS or _NO_GENUS.fullmatch(genus):
        # Tautonyms are safe whatever the genus looks like: Bison bison, Lynx lynx.
        return " ".join(words) if _WORD.fullmatch(genus) and set(epithets) == {genus.lower()} else ""
    is_latin = len(epithets) == 1 and _LATIN_GENUS.fullmatch(genus) is not None
    fits = all(
        _EPITHET.fullmatch(word) and (is_latin or word == genus.lower() or _LATIN_ENDING.fullmatch(word))
        for word in epithets
    )
    return " ".join(words) if fits else ""


def latin_query(query: Query, *, is_organism: bool) -> str:
    """The Latin name that a query asks for; empty for words, and for a name with an ancestor's word behind it."""
    if query.origin is Origin.LATIN:
        # The wordnet itself says that this is a taxon's name, so its shape need not.
        return query.text if is_organism and _TAXON.fullmatch(query.text) else ""
    if query.origin not in _LEMMAS:
        return ""
    return latin_name(query.text, is_organism=is_organism, language=query.language)


def asked_name(query: Query) -> str:
    """What a service that knows organisms by their Latin names is asked for a query that is one."""
    return latin_query(query, is_organism=True) or query.text


def why_not_by_latin_name(query: Query, synset: SynsetFacts, service: str) -> str:
    """Why a service that knows organisms by their Latin names is not asked; empty: it is asked."""
    if not synset.is_organism:
        return f"{service} knows organisms only"
    return "" if latin_query(query, is_organism=True) else f"{service} is asked by Latin names only"
