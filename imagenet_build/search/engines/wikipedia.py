"""Wikipedia: the pictures that articles lead with, https://www.mediawiki.org/wiki/Extension:PageImages"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import unquote, urlsplit

from imagenet_build.errors import SourceError
from imagenet_build.network.messages import HttpAnswer, HttpRequest
from imagenet_build.records import Query, Rejection, RejectReason
from imagenet_build.search.engine import Cursor, EngineDefaults, EngineInfo, RefusedItem, SearchPage, SynsetFacts
from imagenet_build.search.engines.commons_files import (
    DEPTH,
    THUMB_WIDTH,
    continuation,
    further,
    literal_search,
    search_params,
    wiki_failure,
)
from imagenet_build.search.engines.commons_lookup import (
    file_name,
    looks_up,
    lookup_request,
    parse_lookup,
    site_url,
    with_lookup,
)
from imagenet_build.search.engines.cursors import entries_of
from imagenet_build.search.engines.fields import text_of
from imagenet_build.search.engines.json_answers import count_of, json_object

NAME = "wikipedia"
BATCH = 50
MAX_QUERY = 300
"""Characters."""

_EDITIONS = """
als sq arb ar bul bg cat ca ces cs cmn zh cym cy dan da deu de ell el eng en est et eus eu fas fa fin fi fra fr gle ga
glg gl heb he hin hi hrv hr hun hu ind id isl is ita it jpn ja kat ka kor ko lav lv lit lt mkd mk mon mn mya my nld nl
nno nn nob no pol pl por pt qcn zh ron ro rus ru slk sk slv sl spa es srp sr swe sv tam ta tel te tgl tl tha th tur tr
ukr uk urd ur vie vi zsm ms
"""
_WORDS = _EDITIONS.split()
EDITIONS = dict(zip(_WORDS[::2], _WORDS[1::2], strict=True))
"""ISO 639-3 -> the edition's host. The Albanian wordnet is `als`; als.wikipedia.org is Alemannic."""

_PICTURE_PATH = re.compile(r"/wikipedia/(?P<wiki>[a-z_-]+)/(?:thumb/)?[0-9a-f]/[0-9a-f]{2}/(?P<name>[^/]+)(?:/[^/]+)?")


class Wikipedia(EngineDefaults):
    """One picture per article, found in the language's own edition, with size and licence from Commons.

    `engine_id` is the file's title on Commons, as in the engine `wikimedia`. Files that only an edition itself has are
    refused: they are mostly not free.

    Args:
        base_url: a service that stands for all editions and Commons, each in a folder with the name of its host;
            None for the real ones.
    """

    info = EngineInfo(
        name=NAME,
        title="Wikipedia lead images",
        docs_url="https://en.wikipedia.org/w/api.php?action=help&modules=query%2Bpageimages",
        licenses="one free licence per file, from Wikimedia Commons",
        languages=f"the edition of the query's language: {', '.join(sorted(EDITIONS))}",
        depth=DEPTH,
        min_delay_s=1.5,  # together with the engines wikimedia and wikidata below the 200 a minute for all of them
        page_size=BATCH,
        version=2,
    )

    def __init__(self, base_url: str | None = None) -> None:
        self._base_url = base_url

    def skips(self, query: Query, synset: SynsetFacts) -> str:
        """Languages without an edition."""
        return super().skips(query, synset) or (
            "" if query.language in EDITIONS else f"no edition of Wikipedia is known for {query.language}"
        )

    def request(self, query: Query, cursor: Cursor | None) -> HttpRequest:
        """Search one edition for articles, or look their pictures up on Commons."""
        if cursor is not None and looks_up(cursor):
            return lookup_request(self._base_url, cursor)
        params: dict[str, str | int] = {
            **search_params(literal_search(query.text, MAX_QUERY), 0, BATCH),
            "prop": "pageimages",
            "piprop": "original|thumbnail|name",
            "pithumbsize": THUMB_WIDTH,
            "pilimit": BATCH,
            "pilicense": "free",
        }
        params.update(cursor or {})
        site = site_url(self._base_url, f"{EDITIONS[query.language]}.wikipedia.org")
        return HttpRequest(f"{site}/w/api.php", params)

    def failure(self, answer: HttpAnswer) -> SourceError | None:
        """Editions and Commons speak the same API."""
        return wiki_failure(answer, NAME)

    def parse(self, body: bytes, query: Query, cursor: Cursor | None) -> SearchPage:
        """Read one answer. A search gives only refused items at once; its pictures become hits when looked up.

        Pages that share a lead image give it once; pages without one are no items.
        """
        if cursor is not None and looks_up(cursor):
            return parse_lookup(body, query, cursor, NAME)
        answer = json_object(body)
        go_on = answer.get("continue")
        after = _next_cursor(go_on, cursor)
        if "query" not in answer:
            if "batchcomplete" not in answer and go_on is None:
                raise KeyError("query")
            return SearchPage((), after, 0)
        files: list[tuple[int, str]] = []
        refused: list[RefusedItem] = []
        for page in sorted(answer["query"]["pages"], key=_index):
            picture = _picture(page)
            if isinstance(picture, RefusedItem):
                refused.append(picture)
            elif picture:
                files.append((_index(page) - 1, picture))
        return SearchPage((), with_lookup(files, after), len(refused), tuple(refused))


def _index(page: Mapping[str, Any]) -> int:
    return count_of(page["index"], "index")  # the service counts from 1


def _picture(page: Mapping[str, Any]) -> str | RefusedItem:
    """The name of an article's picture on Commons; empty if it has none; refused if it is not on Commons."""
    source = text_of((page.get("original") or page.get("thumbnail") or {}).get("source"))
    name = text_of(page.get("pageimage"))
    found = _PICTURE_PATH.fullmatch(urlsplit(source).path)
    if found and found["wiki"] != "commons":
        detail = f"a local file of {found['wiki']}.wikipedia.org, which need not be free"
        return RefusedItem(f"File:{name}", source, Rejection(RejectReason.NO_URL, detail))
    name = name or (unquote(found["name"]) if found else "")
    try:
        return file_name(name) if name else ""
    except ValueError as error:
        return RefusedItem(f"File:{name}", source, Rejection(RejectReason.NO_URL, str(error)))


def _next_cursor(go_on: Mapping[str, Any] | None, cursor: Cursor | None) -> Cursor | None:
    """Where the search goes on: the next articles, or the rest of these ones' pictures."""
    if go_on is None:
        return None
    following = {key: value for key, value in continuation(go_on).items() if not key.startswith("_")}
    for name, value in entries_of(cursor, ("gsroffset",)).items():
        following.setdefault(name, value)  # the rest of a batch begins where the batch did
    return further(following, cursor)
