"""A local caption index as an engine (`imagenet-build collection index`)."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from urllib.parse import quote

from imagenet_build.collection.transport import GONE, SCHEME
from imagenet_build.errors import EngineRefused, SourceError
from imagenet_build.network.messages import HttpAnswer, HttpRequest
from imagenet_build.records import Credit, Hit, Query, Rejection, RejectReason
from imagenet_build.search.engine import Cursor, EngineDefaults, EngineInfo, RefusedItem, SearchPage
from imagenet_build.search.engines.cursors import number_in
from imagenet_build.search.engines.json_answers import (
    failure_by_status,
    items_of,
    json_object,
    no_object,
    object_or_none,
    start_of,
    text_at,
)
from imagenet_build.search.engines.page_items import sorted_out

PAGE_SIZE = 200


class Collection(EngineDefaults):
    """Pictures with captions on this machine; the answers come from `collection/transport.py`, not from the network.

    Args:
        index_path: the index file; whoever sends the requests opens it.
        index_id: its id (`collection.index.index_id_of`). It is part of every request's URL: pages kept from one
            index are never taken for another's.
        pictures_url: where `collection serve` offers the local pictures (`http://127.0.0.1:8321/pictures/`); without it
            they have `file://` URLs.
    """

    info = EngineInfo(
        name="collection",
        title="Local caption index",
        docs_url="",
        licenses="as the indexed tables say, or the default given when indexing; else unknown",
        languages="captions in the query's language: words by stems, any part of Chinese, Japanese, Korean, Thai; "
        "captions of unknown language by exact words",
        depth=None,
        min_delay_s=0.0,
        is_live=False,
        page_size=PAGE_SIZE,
        options=frozenset({"index", "pictures_url", "min_delay_s"}),
    )

    def __init__(self, index_path: Path, index_id: str, pictures_url: str | None = None) -> None:
        self.index_path = index_path
        self.index_id = index_id
        self._pictures_url = pictures_url.rstrip("/") + "/" if pictures_url else ""

    def request(self, query: Query, cursor: Cursor | None) -> HttpRequest:
        """Ask for one page; pages count from 1."""
        params: dict[str, str | int] = {
            "q": query.text,
            "language": query.language,
            "page": number_in(cursor, "page", 1),
            "page_size": PAGE_SIZE,
        }
        return HttpRequest(f"{SCHEME}://{self.index_id}/search", params=params)

    def failure(self, answer: HttpAnswer) -> SourceError | None:
        """An index that is gone, damaged or replaced ends the engine."""
        if answer.status == 200:
            return no_object(answer, self.info.name)
        if answer.status != GONE:
            return failure_by_status(answer, self.info.name)
        detail = text_at(object_or_none(answer.body), "detail") or start_of(answer.body)
        return EngineRefused(detail, source=self.info.name, remedy="Start again: the index is opened anew.")

    def parse(self, body: bytes, query: Query, cursor: Cursor | None) -> SearchPage:
        """Read one page, best hit first."""
        answer = json_object(body)
        page = number_in(cursor, "page", 1)
        items = items_of(answer["results"], "results")
        ranked = enumerate(items, start=(page - 1) * PAGE_SIZE)
        hits, refused = sorted_out(self._read(item, query, rank) for rank, item in ranked)
        goes_on = bool(items) and page * PAGE_SIZE < answer["total"]
        return SearchPage(hits, {"page": page + 1} if goes_on else None, len(items), refused)

    def _read(self, item: dict[str, Any], query: Query, rank: int) -> Hit | RefusedItem:
        url = self._url(item)
        if not url:
            return RefusedItem(item["id"], "", Rejection(RejectReason.NO_URL, "neither a URL nor a file"))
        credit = Credit(**{name: item[name] for name in Credit.__dataclass_fields__})
        return Hit(query, self.info.name, rank, url, item["id"], item["width"], item["height"], credit)

    def _url(self, item: dict[str, Any]) -> str:
        if item["url"]:
            return str(item["url"])
        if self._pictures_url and item["path"]:
            return self._pictures_url + quote(item["path"])
        return str(item["file_url"])
