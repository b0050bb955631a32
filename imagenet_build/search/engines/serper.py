"""Serper, Google Images: https://serper.dev."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from imagenet_build.errors import EngineRefused, SourceError
from imagenet_build.network.messages import HttpAnswer, HttpRequest, Secret
from imagenet_build.records import Credit, Query
from imagenet_build.search.engine import Cursor, EngineDefaults, EngineInfo, SearchPage, SynsetFacts
from imagenet_build.search.engines.cursors import number_in
from imagenet_build.search.engines.fields import cut_query, text_of
from imagenet_build.search.engines.json_answers import (
    failure_by_status,
    items_of,
    json_object,
    object_or_none,
    shown,
    text_at,
    unreadable,
)
from imagenet_build.search.engines.page_items import WebPicture, read_pictures
from imagenet_build.search.engines.web_queries import google_language, google_language_skip, literal_text

NAME = "serper"
DEFAULT_BASE_URL = "https://google.serper.dev"
KEY = "SERPER_API_KEY"
PAGE_SIZE = 100
DEPTH = 1000
"""Where we stop: the service documents no end, and a paid search must not go on for ever on repeated pages."""
MAX_QUERY = 250
"""Characters; of our own, no limit is documented."""


class Serper(EngineDefaults):
    """A paid reader of Google Images. Cursor: `page`, from 1."""

    info = EngineInfo(
        name=NAME,
        title="Serper (Google Images)",
        docs_url="https://serper.dev",
        licenses="none: every hit is unknown",
        languages="44 interface languages, ranking only; others are not asked",
        depth=DEPTH,
        min_delay_s=0.5,
        keys=(KEY,),
        page_size=PAGE_SIZE,
        notice="Paid, in credits; whether results may be stored is for the user to settle.",
        version=2,
    )

    def __init__(self, base_url: str = DEFAULT_BASE_URL) -> None:
        self._url = f"{base_url.rstrip('/')}/images"

    def skips(self, query: Query, synset: SynsetFacts) -> str:
        """Languages that Google has no interface in."""
        return super().skips(query, synset) or google_language_skip(NAME, query.language)

    def request(self, query: Query, cursor: Cursor | None) -> HttpRequest:
        """Ask for one page of 100; spelling stays as it is, since corrections turn rare names into common ones."""
        language = google_language(query.language, restrict=False)
        asked: dict[str, str | int | bool] = {
            "q": cut_query(literal_text(query.text), MAX_QUERY),
            **language,
            "hl": language["hl"].lower(),
            "num": PAGE_SIZE,
            "page": number_in(cursor, "page", 1),
            "autocorrect": False,
        }
        headers = {"Content-Type": "application/json"}
        return HttpRequest(self._url, {}, headers, (Secret(KEY, "X-API-KEY"),), json.dumps(asked).encode())

    def failure(self, answer: HttpAnswer) -> SourceError | None:
        """An empty account is 400, a wrong key 403."""
        said = object_or_none(answer.body)
        if answer.status == 200:
            return unreadable(answer, NAME) if said is None else None
        words = text_at(said, "message")
        if answer.status == 400 and "credits" in words.lower():
            return EngineRefused(
                f"{NAME}: {shown(words)}", source=NAME, remedy="Buy credits, or leave this engine out."
            )
        return failure_by_status(answer, NAME, words, keys=(KEY,))

    def parse(self, body: bytes, query: Query, cursor: Cursor | None) -> SearchPage:
        """Read one page; an empty one is the end."""
        items = items_of(json_object(body)["images"], "images")
        page = number_in(cursor, "page", 1)
        hits, refused = read_pictures(map(_picture, items), query, NAME, (page - 1) * PAGE_SIZE)
        at_depth = page * PAGE_SIZE >= DEPTH
        go_on = bool(items) and not at_depth
        return SearchPage(
            hits, {"page": page + 1} if go_on else None, len(items), refused, truncated=bool(items) and at_depth
        )


def _picture(item: Mapping[str, Any]) -> WebPicture:
    credit = Credit(page_url=text_of(item.get("link")), title=text_of(item.get("title")))
    sizes = item.get("imageWidth"), item.get("imageHeight")
    return WebPicture(item.get("imageUrl"), *sizes, credit, item.get("thumbnailUrl"))
