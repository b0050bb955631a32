"""Wikimedia Commons: the Action API's file search, https://www.mediawiki.org/wiki/API:Search and API:Imageinfo."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from imagenet_build.errors import SourceError
from imagenet_build.network.messages import HttpAnswer, HttpRequest
from imagenet_build.records import NO_LANGUAGE, Hit, Query
from imagenet_build.search.engine import Cursor, EngineDefaults, EngineInfo, RefusedItem, SearchPage, SynsetFacts
from imagenet_build.search.engines.commons_files import (
    COMMONS_URL,
    DEPTH,
    FILE_PARAMS,
    continuation,
    file_refusal,
    further,
    literal_search,
    read_file,
    search_params,
    wiki_failure,
)
from imagenet_build.search.engines.cursors import entries_of
from imagenet_build.search.engines.json_answers import count_of, json_object
from imagenet_build.search.engines.page_items import sorted_out

NAME = "wikimedia"
DEFAULT_BASE_URL = COMMONS_URL
BATCH = 50
"""Files per search answer: only so many get thumbnails in one answer."""
MAX_QUERY = 300
"""Characters of the whole search text."""
SETTLED = "_settled"
"""Cursor entry of our own, never sent: indexes of the batch's files that earlier answers have given."""

_ONLY_PICTURES = " filetype:bitmap"


class Wikimedia(EngineDefaults):
    """More than 100 million free media files; `engine_id` is the canonical title (`File:Name.jpg`), Commons' own key.

    `width` and `height` are the original's; `url` is the 960 px rendering where the original is wider, else the
    original itself.
    """

    info = EngineInfo(
        name=NAME,
        title="Wikimedia Commons",
        docs_url="https://commons.wikimedia.org/w/api.php",
        licenses="one free licence per file; never non-commercial or no-derivatives only",
        languages="any: matches the words of the file page, which uploaders write in their own language",
        depth=DEPTH,
        # 200 a minute for a client that names its operator, and three at a time: one each with wikipedia and wikidata
        min_delay_s=0.5,
        page_size=BATCH,
        version=2,
    )

    def __init__(self, base_url: str = DEFAULT_BASE_URL) -> None:
        self._base_url = base_url.rstrip("/")

    def skips(self, query: Query, synset: SynsetFacts) -> str:
        """Nothing: ids of concepts are searched in what files are said to depict."""
        del query, synset
        return ""

    def request(self, query: Query, cursor: Cursor | None) -> HttpRequest:
        """Ask for one batch, or for the rest of one: all that `continue` held goes back."""
        params = {**search_params(_wanted(query) + _ONLY_PICTURES, 6, BATCH), **FILE_PARAMS}
        params.update({key: value for key, value in (cursor or {}).items() if key != SETTLED})
        return HttpRequest(f"{self._base_url}/w/api.php", params)

    def failure(self, answer: HttpAnswer) -> SourceError | None:
        """Errors of the API come with status 200; those of the servers before it as plain text."""
        return wiki_failure(answer, NAME)

    def parse(self, body: bytes, query: Query, cursor: Cursor | None) -> SearchPage:
        """Read one answer; a batch whose properties are spread over several answers gives each file once.

        `reported` counts the files that this answer settles: those whose details came with it and, at the end of the
        batch, those that never got any.
        """
        answer = json_object(body)
        go_on = answer.get("continue")
        batch_ends = go_on is None or answer.get("batchcomplete") is True
        if "query" not in answer:
            if "batchcomplete" not in answer and go_on is None:
                raise KeyError("query")
            return SearchPage((), _next_cursor(go_on, cursor, batch_ends, set()), 0)
        settled = _settled(cursor)
        found: list[Hit | RefusedItem] = []
        for page in sorted(answer["query"]["pages"], key=_index):
            index = _index(page)
            if index in settled:
                continue
            if "imageinfo" in page:
                rank = index - 1  # the service counts from 1, through all batches
                found.append(read_file(page, page["imageinfo"][0], query, NAME, rank))
            elif batch_ends:
                found.append(file_refusal(page, "deleted or hidden between search and answer"))
            else:
                continue
            settled.add(index)
        hits, refused = sorted_out(found)
        return SearchPage(hits, _next_cursor(go_on, cursor, batch_ends, settled), len(found), refused)


def _wanted(query: Query) -> str:
    """A text's words, or the statement that a file depicts a concept (P180): that item itself, no subclass of it."""
    if query.language == NO_LANGUAGE:
        return f"haswbstatement:P180={query.text}"
    return literal_search(query.text, MAX_QUERY - len(_ONLY_PICTURES))


def _index(page: Mapping[str, Any]) -> int:
    return count_of(page["index"], "index")


def _settled(cursor: Cursor | None) -> set[int]:
    text = str((cursor or {}).get(SETTLED, ""))
    return {int(index) for index in text.split(",") if index}


def _next_cursor(
    go_on: Mapping[str, Any] | None, cursor: Cursor | None, batch_ends: bool, settled: set[int]
) -> Cursor | None:
    """What the next request must carry; None at the end, or where the service would refuse the depth."""
    if go_on is None:
        return None
    following = continuation(go_on)
    if not batch_ends:
        # The same batch once more: it must begin where it began, also if the answer does not repeat that.
        for name, value in entries_of(cursor, ("gsroffset",)).items():
            following.setdefault(name, value)
        following[SETTLED] = ",".join(map(str, sorted(settled)))
    return further(following, cursor)
