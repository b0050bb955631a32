"""Where the recorded page of an engine with several steps stands: the cursor that led to `first_page.json`."""

from __future__ import annotations

from imagenet_build.search.engine import Cursor

FILES: Cursor = {
    "_files": "Beagle example 01.jpg|Beagle (比格犬), à la plage.png|Beagle gone.jpg|Beagle old name.jpg",
    "_ranks": "0|2|5|6",
}

CURSORS: dict[str, Cursor] = {
    "inaturalist": {"taxon": 42069, "page": 1, "rank": 0},
    "gbif": {"taxon": 5219243, "offset": 0, "rank": 0},
    "wikipedia": {"gsroffset": 50, "continue": "gsroffset||", **FILES},
    "wikidata": {"skip": 500, **FILES},
}
"""Engines that are not named begin with their recorded page, at None."""

ASKED_WITHOUT_WORDS = frozenset({"wikidata"})
"""Engines whose first request does not hold the query's text."""
