"""Editions of Wikipedia, searched for articles and their lead images; Commons is beside them."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import quote

from aiohttp import web

from tests.fakes.commons_server import MOST_RESULTS, api_error, identified, unidentified, words_of
from tests.fakes.commons_titles import CommonsTitles

MOST_IMAGES = 50


class WikipediaServer(CommonsTitles):
    """Serves `articles`: per edition (`de`) a list of dicts with `title`, and optionally `text` (more words), `image`
    (a file's name), `local` (the file is the edition's own), `fields` (others of the page).

    Args:
        images_per_answer: articles whose image stands in one answer; the rest of a batch comes by `picontinue`.
        pictures, **options: as CommonsTitles.
    """

    def __init__(
        self,
        articles: Mapping[str, Sequence[Mapping[str, Any]]],
        pictures: Sequence[Mapping[str, Any]] = (),
        *,
        images_per_answer: int = MOST_IMAGES,
        **options: Any,
    ) -> None:
        super().__init__(pictures, **options)
        self.articles = articles
        self.images_per_answer = images_per_answer

    def add_routes(self, app: web.Application) -> None:
        super().add_routes(app)
        app.router.add_route("*", "/{edition:[a-z-]+}.wikipedia.org/w/api.php", self._search)

    async def _search(self, request: web.Request) -> web.StreamResponse:
        scripted = await self.fault(request)
        if scripted is not None:
            return scripted
        if not identified(request):
            return await self.send(request, unidentified())
        edition, query = request.match_info["edition"], dict(request.query)
        if edition not in self.articles:
            return web.Response(status=404, text="No such wiki")
        expected = {"action": "query", "format": "json", "formatversion": "2", "generator": "search"}
        if request.method != "GET" or not expected.items() <= query.items() or query.get("gsrnamespace") != "0":
            return await self.send(request, api_error("badvalue", "This fake searches articles by GET only."))
        if len(query.get("gsrsearch", "")) > 300:
            info = "Search request is longer than the maximum allowed length."
            return await self.send(request, api_error("cirrussearch-query-too-long", info))
        if int(query.get("gsroffset", 0)) >= MOST_RESULTS:
            info = f"Could not retrieve results. Up to {MOST_RESULTS} search results are supported."
            return await self.send(request, api_error("cirrussearch-offset-too-large", info))
        return web.json_response(self._found(edition, query))

    def _found(self, edition: str, query: Mapping[str, str]) -> dict[str, Any]:
        offset, limit = int(query.get("gsroffset", 0)), int(query.get("gsrlimit", 10))
        wanted = words_of(query["gsrsearch"])
        found = [
            article
            for article in self.articles[edition]
            if wanted <= words_of(f"{article['title']} {article.get('text', '')}")
        ]
        batch = found[offset : offset + limit]
        if not batch:
            return {"batchcomplete": True}
        first = int(query.get("picontinue", 0))
        last = first + min(self.images_per_answer, int(query.get("pilimit", MOST_IMAGES)))
        pages = [
            self._article(edition, article, offset + place + 1, shown=first <= place < last)
            for place, article in enumerate(batch)
        ]
        pages.sort(key=lambda page: page["pageid"])
        answer: dict[str, Any] = {"query": {"pages": pages}}
        if last < len(batch):
            here = {"gsroffset": offset} if offset else {}
            return {"continue": {"picontinue": last, **here, "continue": "||"}, **answer}
        answer["batchcomplete"] = True
        if offset + limit < len(found):
            answer["continue"] = {"gsroffset": offset + limit, "continue": "gsroffset||"}
        return answer

    def _article(self, edition: str, article: Mapping[str, Any], index: int, *, shown: bool) -> dict[str, Any]:
        pageid = int(hashlib.md5(str(article["title"]).encode()).hexdigest()[:6], 16)
        page: dict[str, Any] = {"pageid": pageid, "ns": 0, "title": article["title"], "index": index}
        if not shown or "image" not in article:
            return page
        name = article["image"].replace(" ", "_")
        digest = hashlib.md5(name.encode()).hexdigest()
        path = f"{digest[0]}/{digest[:2]}/{quote(name)}"
        wiki = edition if article.get("local") else "commons"
        source = f"https://upload.wikimedia.org/wikipedia/{wiki}"
        page["thumbnail"] = {"source": f"{source}/thumb/{path}/960px-{quote(name)}", "width": 960, "height": 720}
        page["original"] = {"source": f"{source}/{path}", "width": 1600, "height": 1200}
        page["pageimage"] = name
        return {**page, **article.get("fields", {})}
