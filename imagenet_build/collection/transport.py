"""EDGE: answers the `collection` engine's requests from the index file, in the shape of HTTP."""

from __future__ import annotations

import asyncio
import json
from dataclasses import asdict
from pathlib import Path
from threading import Lock
from typing import Any
from urllib.parse import urlsplit

from imagenet_build.collection.lookup import CollectionIndex, IndexedPicture
from imagenet_build.errors import BuildError
from imagenet_build.network.messages import HttpAnswer, HttpRequest

SCHEME = "collection"
"""Of the URLs that are answered here: `collection://<index id>/search?q=…&language=…&page=…&page_size=…`."""
GONE = 410
"""The status when the index cannot be used, or is not the one that was asked."""
MAX_PAGE_SIZE = 1000


class CollectionTransport:
    """One index, asked by requests. Safe to use from many tasks."""

    def __init__(self, index_path: Path) -> None:
        self._path = index_path
        self._index: CollectionIndex | None = None
        self._opening = Lock()

    async def answer(self, request: HttpRequest) -> HttpAnswer:
        """Answer one request, in another thread.

        Statuses: 200 with JSON; 400 for a request that is none of this index's kind; 410 (`GONE`) with the reason.
        """
        return await asyncio.to_thread(self._answer, request)

    def close(self) -> None:
        """Close the index."""
        with self._opening:
            if self._index is not None:
                self._index.close()
                self._index = None

    def _answer(self, request: HttpRequest) -> HttpAnswer:
        parts = urlsplit(request.url)
        try:
            index = self._opened()
            if parts.netloc != index.id:
                reason = f"{self._path} is now another index ({index.id}) than the one that was asked ({parts.netloc})."
                return _json(GONE, {"detail": reason})
            page, page_size = int(request.params["page"]), int(request.params["page_size"])
            if parts.scheme != SCHEME or parts.path != "/search" or page < 1 or not 1 <= page_size <= MAX_PAGE_SIZE:
                raise ValueError(f"{request.full_url()} asks for nothing that is here")
            language = str(request.params.get("language", "")) or None
            found = index.search(str(request.params["q"]), language, (page - 1) * page_size, page_size)
        except (ValueError, KeyError) as error:
            return _json(400, {"detail": str(error)})
        except BuildError as error:
            return _json(GONE, {"detail": str(error)})
        rows = [_row(picture) for picture in found.rows]
        return _json(200, {"total": found.total, "page": page, "page_size": page_size, "results": rows})

    def _opened(self) -> CollectionIndex:
        with self._opening:
            if self._index is None:
                self._index = CollectionIndex.open(self._path)
            return self._index


def _row(picture: IndexedPicture) -> dict[str, Any]:
    row = asdict(picture)
    file = row.pop("file")
    row["file_url"] = Path(file).as_uri() if file else ""
    return row


def _json(status: int, value: object) -> HttpAnswer:
    return HttpAnswer(
        status, {"content-type": "application/json"}, json.dumps(value, ensure_ascii=False).encode("utf-8")
    )
