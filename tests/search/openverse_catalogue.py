"""Openverse with what only slices ask for: sources taken and left out, categories, and words that must not be there."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from tests.fakes.openverse_server import OpenverseServer

SOURCES = frozenset({"flickr", "inaturalist", "wikimedia", "stocksnap", "met"})
_WITHOUT = re.compile(r"(?<!\S)-(\w+)")


class OpenverseCatalogue(OpenverseServer):
    """A picture may name its `source` and `category`; the words of its title are what the text is matched with."""

    def _page(self, query: Mapping[str, str]) -> dict[str, Any]:
        held = self.pictures
        without = {word.casefold() for word in _WITHOUT.findall(query.get("q", ""))}
        sources, excluded = _known(query.get("source", "")), _known(query.get("excluded_source", ""))
        categories = [name for name in query.get("category", "").split(",") if name]
        self.pictures = [
            picture
            for picture in held
            if not (without and without & set(str(picture["title"]).casefold().split()))
            and (not sources or picture.get("source") in sources)
            and picture.get("source") not in excluded
            and (not categories or picture.get("category") in categories)
        ]
        try:
            return super()._page({**query, "q": _WITHOUT.sub(" ", query.get("q", ""))})
        finally:
            self.pictures = held


def _known(names: str) -> Sequence[str]:
    """Unknown sources are passed over without a word: a list of nothing else is no filter at all."""
    return [name for name in names.split(",") if name in SOURCES]
