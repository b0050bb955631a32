"""What a plan assumes where no finished run says it: how much queries find, and where pictures lie.

Orders of magnitude, set down to be replaced: `estimate.py` takes measured yields of a finished run instead.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from imagenet_build.records import ENGLISH, Origin


@dataclass(frozen=True, slots=True)
class Assumed:
    """What queries of one origin are taken to find."""

    hits: float
    """Mean number of hits in an index of some hundred million captioned pictures, if it showed all of them."""
    new: float
    """Part of the shown hits that no earlier query of the synset has brought, 0 to 1."""


ASSUMED: Mapping[Origin, Assumed] = MappingProxyType(
    {
        # Thousands for a dog, none for most of the fishes; half of all synonyms in WordNet are names of species.
        Origin.SYNONYM: Assumed(hits=200.0, new=0.8),
        # All words must match: a part of what the synonym alone finds, but often another part than was shown before.
        Origin.PARENT_WORD: Assumed(hits=60.0, new=0.5),
        # The word is common in its language, captions in that language are few.
        Origin.TRANSLATION: Assumed(hits=50.0, new=0.7),
        Origin.TRANSLATED_PARENT_WORD: Assumed(hits=8.0, new=0.4),
        # Rarer than WordNet's own spelling, and search engines fold some of them together with it.
        Origin.SPELLING: Assumed(hits=40.0, new=0.4),
        Origin.BASIC_LEVEL: Assumed(hits=60.0, new=0.4),
        # Photographers of nature write it under their pictures; a family's name finds all of its species.
        Origin.LATIN: Assumed(hits=150.0, new=0.6),
        # Only Commons has such statements, for a part of its files; of a concept without a good word they are most.
        Origin.CONCEPT: Assumed(hits=80.0, new=0.6),
        # Aliases mostly: rarer than what wordnets have, and often the same word with another ending.
        Origin.LABEL: Assumed(hits=40.0, new=0.5),
    }
)

LOW, HIGH = 0.4, 2.5
"""Factors on the hits for the bounds of an estimate: yields of one engine differ by so much between subtrees."""
MEASURED_LOW, MEASURED_HIGH = 0.85, 1.2
"""The same for yields that a finished run has measured."""
RETRIED = 0.1
"""Part of the requests that must be sent again, at the upper bound: one in ten fails on a bad day."""

OVERLAP = 0.15
"""Part of an engine's pictures that a larger engine shows too: aggregators hold what Flickr and Commons hold."""
SHARED = 0.1
"""Part of the addresses that several synsets want; each is fetched once."""
FETCHED = 0.85
"""Part of the addresses that give a usable picture: the rest is dead, forbidden, too small or no picture."""
DISTINCT = 0.9
"""Part of a synset's pictures that is left without duplicates."""
PICTURE_BYTES = 110_000.0
"""Mean size of a picture of about 500 x 400 pixels, as in ImageNet."""

ANSWER_S = 0.5
"""Seconds until a live engine has answered; a local index takes next to nothing."""
FETCH_S = 1.0
"""Seconds that one picture takes while its host is asked for no other."""
LINE_BYTES_PER_S = 12_500_000.0
"""A line of 100 Mbit/s."""


@dataclass(frozen=True, slots=True)
class Habit:
    """How one engine differs from the index that `ASSUMED` speaks of."""

    hits: float = 1.0
    """Factor on the hits."""
    first: float = 0.0
    """Requests before the first page of hits (from a name to a taxon)."""
    per_page: float = 1.0
    """Requests for one page of hits (a search, then the details)."""
    hosts: tuple[tuple[str, float], ...] = ()
    """Hosts of its pictures with their share; the rest is spread over many others."""


_UPLOAD = (("upload.wikimedia.org", 1.0),)
_NATURE = (("inaturalist-open-data.s3.amazonaws.com", 0.9),)
# Engines of the whole web match loosely, so most queries fill their depth; their largest host has some hundredths.
_WEB = Habit(hits=10.0, hosts=(("the largest host of the web", 0.05),))


def _own(host: str, hits: float, **more: float) -> Habit:
    """An engine whose pictures all lie with itself."""
    return Habit(hits, more.get("first", 0.0), more.get("per_page", 1.0), ((host, 1.0),))


HABITS: Mapping[str, Habit] = MappingProxyType(
    {
        "openverse": Habit(
            hosts=(
                ("live.staticflickr.com", 0.6),
                ("inaturalist-open-data.s3.amazonaws.com", 0.3),
                ("upload.wikimedia.org", 0.1),
            )
        ),
        "wikimedia": Habit(0.5, hosts=_UPLOAD),
        "wikidata": Habit(0.01, per_page=2.0, hosts=_UPLOAD),
        "wikipedia": Habit(0.1, per_page=2.0, hosts=_UPLOAD),
        "inaturalist": Habit(10.0, first=1.0, hosts=_NATURE),
        "gbif": Habit(10.0, first=1.0, hosts=_NATURE),
        "flickr": _own("live.staticflickr.com", 5.0),
        **dict.fromkeys(("brave", "webiq", "naver", "kakao", "serpapi", "serper", "yandex", "google"), _WEB),
        "pixabay": _own("cdn.pixabay.com", 0.2),
        "pexels": _own("images.pexels.com", 0.2),
        "unsplash": _own("images.unsplash.com", 0.3),
        "artic": _own("www.artic.edu", 0.02),
        "cleveland": _own("openaccess-cdn.clevelandart.org", 0.02),
        "met": _own("images.metmuseum.org", 0.05, first=1.0),
        "loc": _own("tile.loc.gov", 0.1),
        "nasa": _own("images-assets.nasa.gov", 0.02),
        "smithsonian": _own("ids.si.edu", 0.2),
        "europeana": Habit(0.3),
        "internetarchive": _own("archive.org", 0.2, first=1.0),
        "collection": Habit(0.1),
    }
)
"""By the engine's name; others are as `ASSUMED` says."""


def assumed(engine: str, origin: Origin, language: str) -> Assumed:
    """What a query of this origin finds at this engine. A category's word in another language than English is rarer."""
    base = ASSUMED[origin]
    foreign = 0.5 if language != ENGLISH and origin not in _FOREIGN else 1.0
    return Assumed(base.hits * foreign * HABITS.get(engine, Habit()).hits, base.new)


_FOREIGN = frozenset({Origin.TRANSLATION, Origin.TRANSLATED_PARENT_WORD, Origin.CONCEPT})
"""Origins whose numbers are those of other languages, or of none."""
