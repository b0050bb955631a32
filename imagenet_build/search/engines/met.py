"""The Metropolitan Museum of Art: https://metmuseum.github.io/, a search for object ids, then object by object."""

from __future__ import annotations

from typing import Any

from imagenet_build.errors import SourceError
from imagenet_build.licenses import normalize_license
from imagenet_build.network.messages import HttpAnswer, HttpRequest
from imagenet_build.records import Credit, Hit, Query, Rejection, RejectReason
from imagenet_build.search.engine import Cursor, EngineDefaults, EngineInfo, RefusedItem, SearchPage, SynsetFacts
from imagenet_build.search.engines.catalogues import catalogue_failure, other_language
from imagenet_build.search.engines.cursors import number_in
from imagenet_build.search.engines.fields import picture_url, text_of
from imagenet_build.search.engines.json_answers import json_object, list_of, rate_limited

NAME = "met"
DEFAULT_BASE_URL = "https://collectionapi.metmuseum.org"
MOST_OBJECTS = 1000
"""Objects looked up per query; the search itself names all there are, best first."""
MOST_VIEWS = 10
"""Pictures taken of one object: an album of a few hundred pages must not fill a synset."""
BLOCK_S = 120.0
"""Pause after the bot page, seconds."""

_OBJECTS = "objects"
"""Cursor entry: ids still to be looked up."""
_RANK = "rank"
_NO_OBJECT = "ObjectID not found"


class Met(EngineDefaults):
    """More than 400 000 works; `engine_id` is the object's id, with `/2`, `/3` … for further views of the object.

    Every object costs a request. Objects that are not in the public domain have no picture in the answer.
    """

    info = EngineInfo(
        name=NAME,
        title="Metropolitan Museum of Art",
        docs_url="https://metmuseum.github.io/",
        licenses="CC0 for works in the public domain; others have no picture in the answer",
        languages="English only",
        depth=MOST_OBJECTS * MOST_VIEWS,
        min_delay_s=1.1,  # 80 a second by its documentation, but about 30 quick calls bring a bot page
        page_size=1,
    )

    def __init__(self, base_url: str = DEFAULT_BASE_URL) -> None:
        self._base_url = base_url.rstrip("/")

    def skips(self, query: Query, synset: SynsetFacts) -> str:
        """Texts that are not English."""
        return super().skips(query, synset) or other_language(query, self.info.title)

    def request(self, query: Query, cursor: Cursor | None) -> HttpRequest:
        """Ask for the ids, or for the next object."""
        api = f"{self._base_url}/public/collection/v1"
        if cursor is None:
            return HttpRequest(f"{api}/search", {"hasImages": "true", "q": " ".join(query.text.split())})
        return HttpRequest(f"{api}/objects/{_waiting(cursor)[0]}")

    def failure(self, answer: HttpAnswer) -> SourceError | None:
        """An object that is gone is no failure; 403 is the gatekeeper, which lets us in again after a while."""
        if answer.status == 404 and _NO_OBJECT.encode() in answer.body:
            return None
        if answer.status == 403:
            return rate_limited(answer, NAME, "its gatekeeper takes us for a bot", else_s=BLOCK_S)
        return catalogue_failure(answer, NAME)

    def parse(self, body: bytes, query: Query, cursor: Cursor | None) -> SearchPage:
        """Read the list of ids, which holds no hits, or one object."""
        answer = json_object(body)
        if cursor is None:
            return SearchPage((), _first_cursor(answer), 0)
        return _read(answer, query, cursor)


def _waiting(cursor: Cursor) -> list[str]:
    ids = str(cursor[_OBJECTS]).split(",")
    if not all(ident.isascii() and ident.isdigit() for ident in ids):
        raise ValueError("object ids must be numbers")
    return ids


def _first_cursor(answer: dict[str, Any]) -> Cursor | None:
    found = answer["objectIDs"]
    if found is None:
        if answer["total"] != 0:
            raise ValueError("objectIDs is null, but total is not 0")
        return None
    ids = list_of(found, "objectIDs")
    if not all(isinstance(ident, int) for ident in ids):
        raise TypeError("object ids must be numbers")
    return _cursor([str(ident) for ident in dict.fromkeys(ids)][:MOST_OBJECTS], 0)


def _cursor(ids: list[str], rank: int) -> Cursor | None:
    return {_OBJECTS: ",".join(ids), _RANK: rank} if ids else None


def _read(answer: dict[str, Any], query: Query, cursor: Cursor) -> SearchPage:
    ident, *rest = _waiting(cursor)
    rank = number_in(cursor, _RANK, 0)
    if answer.get("message") == _NO_OBJECT:
        views: list[object] = []
    else:
        # The small rendering is some 1200 px wide and always there where the original is.
        views = [answer["primaryImageSmall"] or answer["primaryImage"]]
        views += list_of(answer.get("additionalImages") or [], "additionalImages")
    hits: list[Hit] = []
    refused: list[RefusedItem] = []
    for number, view in enumerate([view for view in views if view != ""][:MOST_VIEWS], start=1):
        engine_id = ident if number == 1 else f"{ident}/{number}"
        url = picture_url(view)
        if isinstance(url, str):
            hits.append(Hit(query, NAME, rank + len(hits), url, engine_id, credit=_credit(answer, ident)))
        else:
            refused.append(RefusedItem(engine_id, text_of(view), url))
    if not hits and not refused:
        why = answer.get("message") or "the object has no picture that may be shown"
        refused.append(RefusedItem(ident, "", Rejection(RejectReason.NO_URL, text_of(why))))
    following = _cursor(rest, rank + len(hits))
    return SearchPage(tuple(hits), following, len(hits) + len(refused), tuple(refused))


def _credit(answer: dict[str, Any], ident: str) -> Credit:
    terms = normalize_license("cc0" if answer.get("isPublicDomain") is True else "")
    return Credit(
        page_url=text_of(answer.get("objectURL")) or f"https://www.metmuseum.org/art/collection/search/{ident}",
        license=terms.code,
        license_version=terms.version,
        license_url=terms.url,
        creator=text_of(answer.get("artistDisplayName")),
        title=text_of(answer.get("title")) or text_of(answer.get("objectName")),
    )
