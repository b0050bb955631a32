"""The second step of engines that find names of files on Commons: their addresses, sizes and licences.

A cursor carries the names that are still to be looked up under keys that begin with `_`; its other keys are the
engine's own and say where its search goes on afterwards. Source: https://www.mediawiki.org/wiki/API:Imageinfo
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Mapping
from typing import Any
from urllib.parse import quote

from imagenet_build.network.messages import HttpRequest
from imagenet_build.records import Hit, Query, Rejection, RejectReason
from imagenet_build.search.engine import Cursor, RefusedItem, SearchPage
from imagenet_build.search.engines.commons_files import (
    COMMONS_URL,
    FILE_PARAMS,
    continuation,
    file_refusal,
    read_file,
)
from imagenet_build.search.engines.json_answers import json_object
from imagenet_build.search.engines.page_items import sorted_out

BATCH = 50
"""Titles in one request: the API's limit for clients without special rights, and for files with thumbnails."""
MAX_TITLES = 5000
"""Characters of all titles as they stand in the URL; servers refuse URLs of 8000 and more."""

_NAMES = "_files"
_RANKS = "_ranks"
_SETTLED = "_settled"
"""Places in the batch whose files earlier answers have given."""
_GO_ON = "_continue."


def site_url(base_url: str | None, host: str) -> str:
    """The address of one of several services; below a `base_url`, which stands for all of them, each has a folder.

    >>> site_url(None, "de.wikipedia.org"), site_url("http://127.0.0.1:8080/", "de.wikipedia.org")
    ('https://de.wikipedia.org', 'http://127.0.0.1:8080/de.wikipedia.org')
    """
    return f"https://{host}" if base_url is None else f"{base_url.rstrip('/')}/{host}"


def commons_url(base_url: str | None) -> str:
    """Where Commons is asked, as `site_url`."""
    return site_url(base_url, COMMONS_URL.removeprefix("https://"))


def file_name(text: str) -> str:
    """A file's name as Commons writes titles: NFC, spaces, first letter upper case; no `File:`.

    Raises:
        ValueError: no name can look like this.
    """
    name = " ".join(unicodedata.normalize("NFC", text).replace("_", " ").split())
    if not name or any(letter in name for letter in "|#<>[]{}"):
        raise ValueError(f"no file on Commons can be named {text[:100]!r}")
    return name[0].upper() + name[1:]


def looks_up(cursor: Cursor | None) -> bool:
    """Whether the next request of a search is a lookup."""
    return cursor is not None and _NAMES in cursor


def with_lookup(files: Iterable[tuple[int, str]], after: Cursor | None) -> Cursor | None:
    """A cursor that looks these files up, then goes on with `after`; just `after` if there are none.

    Args:
        files: (rank, name as of `file_name`), best first; of equal names the first counts.
        after: the engine's own cursor; None ends the search.
    """
    ranks: dict[str, int] = {}
    for rank, name in files:
        ranks.setdefault(name, rank)
    if not ranks:
        return after
    return {**(after or {}), _NAMES: "|".join(ranks), _RANKS: "|".join(map(str, ranks.values()))}


def lookup_request(base_url: str | None, cursor: Cursor) -> HttpRequest:
    """Ask Commons for the next batch of files, or for the rest of one."""
    params: dict[str, str | int] = {
        "action": "query",
        "format": "json",
        "formatversion": 2,
        "maxlag": 5,
        "redirects": 1,
        **FILE_PARAMS,
        "titles": "|".join(f"File:{name}" for name, _ in _batch(cursor)),
    }
    params.update({key.removeprefix(_GO_ON): value for key, value in cursor.items() if key.startswith(_GO_ON)})
    return HttpRequest(f"{commons_url(base_url)}/w/api.php", params)


def parse_lookup(body: bytes, query: Query, cursor: Cursor, engine: str) -> SearchPage:
    """Read one answer of Commons; files are found again by their titles, whatever the order and the spelling."""
    answer = json_object(body)
    batch = _batch(cursor)
    go_on = answer.get("continue")
    batch_ends = go_on is None or answer.get("batchcomplete") is True
    places = _places(answer["query"], batch)
    settled = {int(place) for place in str(cursor.get(_SETTLED, "")).split(",") if place}
    found: dict[int, Hit | RefusedItem] = {}
    for page in answer["query"]["pages"]:
        place = places.get(page["title"])
        if place is None:
            raise ValueError(f"{page['title']!r} was not asked for")
        if place in settled:
            continue
        if "imageinfo" in page:
            found[place] = read_file(page, page["imageinfo"][0], query, engine, batch[place][1])
        elif page.get("missing") or page.get("invalid") or batch_ends:
            found[place] = file_refusal(page, "there is no such file on Commons")
    if batch_ends:
        for place in sorted(set(places.values()) - settled - set(found)):
            name = f"File:{batch[place][0]}"
            found[place] = RefusedItem(name, "", Rejection(RejectReason.NO_URL, "Commons said nothing of it"))
    hits, refused = sorted_out(found[place] for place in sorted(found))
    if go_on is None or batch_ends:
        following = _after_batch(cursor, len(batch))
    else:
        following = _rest_of_batch(cursor, go_on, settled | set(found))
    return SearchPage(hits, following, len(found), refused)


def _batch(cursor: Cursor) -> list[tuple[str, int]]:
    """(name, rank) of the files that the next request asks for: as many as it may hold."""
    batch: list[tuple[str, int]] = []
    length = 0
    for name, rank in zip(str(cursor[_NAMES]).split("|"), str(cursor[_RANKS]).split("|"), strict=True):
        length += len(quote(f"File:{name}|", safe=""))
        if batch and (length > MAX_TITLES or len(batch) == BATCH):
            break
        batch.append((name, int(rank)))
    return batch


def _places(said: Mapping[str, Any], batch: list[tuple[str, int]]) -> dict[str, int]:
    """Title in the answer -> place in the batch; files may have been renamed since they were linked to."""
    renamed = {pair["from"]: pair["to"] for name in ("normalized", "redirects") for pair in said.get(name, ())}
    places: dict[str, int] = {}
    for place, (name, _) in enumerate(batch):
        title = f"File:{name}"
        for _ in range(3):  # normalized, redirected, and once more for good measure: never round in a circle
            title = renamed.get(title, title)
        places.setdefault(title, place)
    return places


def _after_batch(cursor: Cursor, done: int) -> Cursor | None:
    own = {key: value for key, value in cursor.items() if not key.startswith("_")}
    names, ranks = str(cursor[_NAMES]).split("|")[done:], str(cursor[_RANKS]).split("|")[done:]
    if names:
        return {**own, _NAMES: "|".join(names), _RANKS: "|".join(ranks)}
    return own or None


def _rest_of_batch(cursor: Cursor, go_on: Mapping[str, Any], settled: set[int]) -> Cursor:
    following = {key: value for key, value in cursor.items() if not key.startswith(_GO_ON)}
    following[_SETTLED] = ",".join(map(str, sorted(settled)))
    following.update({f"{_GO_ON}{key}": value for key, value in continuation(go_on).items()})
    if following == cursor:
        raise ValueError("the answer continues where it began")
    return following
