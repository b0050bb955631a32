"""Commons asked for the details of files by title, as the second step of other engines asks it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from aiohttp import web

from tests.fakes.commons_server import CommonsServer, api_error, identified, unidentified
from tests.fakes.server import Reply

MOST_TITLES = 50
LONGEST_URL = 8000
_NO_TITLE = frozenset("#<>[]{}|")


class CommonsTitles(CommonsServer):
    """A base for fakes of services whose pictures lie on Commons; Commons' own part is at `/commons.wikimedia.org/`.

    Args:
        pictures, **options: as CommonsServer; `infos_per_answer` splits answers to titles too.
        moved: old name -> new name, for redirects that moving a file leaves.
    """

    def __init__(self, pictures: Any = (), *, moved: Mapping[str, str] | None = None, **options: Any) -> None:
        super().__init__(pictures, **options)
        self.moved = dict(moved or {})

    def add_routes(self, app: web.Application) -> None:
        super().add_routes(app)
        app.router.add_route("*", "/commons.wikimedia.org/w/api.php", self._titles)

    async def _titles(self, request: web.Request) -> web.StreamResponse:
        scripted = await self.fault(request)
        if scripted is not None:
            return scripted
        if not identified(request):
            return await self.send(request, unidentified())
        if len(request.raw_path) > LONGEST_URL:
            return await self.send(request, Reply.text("Request-URI Too Long", 414))
        query = request.query
        if request.method != "GET" or (query.get("action"), query.get("format"), query.get("formatversion")) != (
            "query",
            "json",
            "2",
        ):
            return await self.send(request, api_error("badvalue", "action=query, format=json, formatversion=2 only."))
        titles = query.get("titles", "").split("|")
        if not query.get("titles"):
            return await self.send(request, api_error("missingparam", 'The "titles" parameter must be set.'))
        if len(titles) > MOST_TITLES:
            info = f'Too many values supplied for parameter "titles". The limit is {MOST_TITLES}.'
            return await self.send(request, api_error("toomanyvalues", info))
        return web.json_response(self._by_titles(titles, query))

    def _by_titles(self, titles: list[str], query: Mapping[str, str]) -> dict[str, Any]:
        normalized: dict[str, str] = {}
        redirects: dict[str, str] = {}
        pages: dict[str, dict[str, Any]] = {}
        for title in titles:
            name = " ".join(title.removeprefix("File:").replace("_", " ").split())
            usual = f"File:{name[:1].upper()}{name[1:]}"
            if usual != title:
                normalized[title] = usual
            if self.moved.get(usual.removeprefix("File:")) and query.get("redirects") == "1":
                redirects[usual] = f"File:{self.moved[usual.removeprefix('File:')]}"
            final = redirects.get(usual, usual)
            pages[final] = self._titled(final)
        known = [title for title in sorted(pages) if "pageid" in pages[title]]
        first = known.index(query["iicontinue"].split("|")[0].replace("_", " ")) if "iicontinue" in query else 0
        for title in known[first : first + self.infos_per_answer]:
            pages[title]["imageinfo"] = [self._info(self._pictured(title), query)]
        # Neither in the order of the question nor in that of the names: by page id, unknown ones first.
        said: dict[str, Any] = {"pages": sorted(pages.values(), key=lambda page: page.get("pageid", 0))}
        if normalized:
            said["normalized"] = [{"fromencoded": False, "from": old, "to": new} for old, new in normalized.items()]
        if redirects:
            said["redirects"] = [{"from": old, "to": new} for old, new in redirects.items()]
        if first + self.infos_per_answer < len(known):
            following = known[first + self.infos_per_answer].replace(" ", "_")
            return {"continue": {"iicontinue": f"{following}|20200101000000", "continue": "||"}, "query": said}
        return {"batchcomplete": True, "query": said}

    def _titled(self, title: str) -> dict[str, Any]:
        if _NO_TITLE & set(title):
            return {
                "title": title,
                "invalidreason": "The requested page title contains invalid characters.",
                "invalid": True,
            }
        picture = self._pictured(title)
        if picture is None or picture.get("gone"):
            return {"ns": 6, "title": title, "missing": True, "imagerepository": ""}
        page = self._page(picture, 0, {}, with_info=False)
        del page["index"]
        return page

    def _pictured(self, title: str) -> Any:
        wanted = title.removeprefix("File:")
        return next((picture for picture in self.pictures if picture["title"] == wanted), None)
