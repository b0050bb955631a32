"""A local caption index as an engine (`imagenet-build collection index`)."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any
from urllib.parse import quote

from imagenet_build.collection.transport import GONE, SCHEME
from imagenet_build.errors import EngineRefused, SourceError
from imagenet_build.network.messages import HttpAnswer, HttpRequest
from imagenet_build.records import Credit, Hit, Query, Rejection, RejectReason
from imagenet_build.search.engine import Cursor, EngineDefaults, EngineInfo, RefusedItem, SearchPage, standard_failure

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
            "page": _page(cursor),
            "page_size": PAGE_SIZE,
        }
        return HttpRequest(f"{SCHEME}://{self.index_id}/search", params=params)

    def failure(self, answer: HttpAnswer) -> SourceError | None:
        """An index that is gone, damaged or replaced ends the engine."""
        if answer.status != GONE:
            return standard_failure(answer, self.info.name)
        try:
            detail = str(json.loads(answer.body)["detail"])
        except (ValueError, KeyError, TypeError):
            detail = answer.body[:200].decode("utf-8", "replace")
        return EngineRefused(detail, source=self.info.name, remedy="Start again: the index is opened anew.")

    def parse(self, body: bytes, query: Query, cursor: Cursor | None) -> SearchPage:
        """Read one page, best hit first."""
        answer = json.loads(body)
        page = _page(cursor)
        hits: list[Hit] = []
        refused: list[RefusedItem] = []
        for rank, item in enumerate(answer["results"], start=(page - 1) * PAGE_SIZE):
            url = self._url(item)
            if url:
                credit = Credit(**{name: item[name] for name in Credit.__dataclass_fields__})
                hit = Hit(query, self.info.name, rank, url, item["id"], item["width"], item["height"], credit)
                hits.append(hit)
            else:
                refused.append(RefusedItem(item["id"], "", Rejection(RejectReason.NO_URL, "neither a URL nor a file")))
        reported = len(answer["results"])
        goes_on = reported > 0 and page * PAGE_SIZE < answer["total"]
        return SearchPage(tuple(hits), {"page": page + 1} if goes_on else None, reported, tuple(refused))

    def _url(self, item: dict[str, Any]) -> str:
        if item["url"]:
            return str(item["url"])
        if self._pictures_url and item["path"]:
            return self._pictures_url + quote(item["path"])
        return str(item["file_url"])


def _page(cursor: Cursor | None) -> int:
    return int(cursor["page"]) if cursor else 1
