"""SerpApi's Google Images as a client with a key meets it: errors with 200, pages of uneven length."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from aiohttp import web

from tests.fakes.keyed_server import KEY, KeyedServer
from tests.fakes.server import Reply

BAD_KEY = "Invalid API key. Your API key should be here: https://serpapi.com/manage-api-key"
NO_RESULT = "Google hasn't returned any results for this query."
MONTH = "Your searches for the month are exhausted. You can upgrade plans on SerpApi.com website."


def out_of_searches() -> Reply:
    return Reply.json({"error": "Your account has run out of searches."}, 429)


def said_with_200(words: str, status: str = "Success") -> Reply:
    """An error that comes as if all were well."""
    return Reply.json({"search_metadata": {"id": "0a1b", "status": status}, "error": words})


class SerpApiServer(KeyedServer):
    """Pictures may have `url` (absent: no `original`), `width`, `height` and `terms` (a URL).

    Args:
        page_size: pictures on a page; the second page has one less.
        status: what `search_metadata` says.
    """

    def __init__(
        self,
        pictures: Sequence[Mapping[str, Any]] = (),
        *,
        key: str = KEY,
        page_size: int = 100,
        status: str = "Success",
    ) -> None:
        super().__init__(pictures, key=key)
        self.page_size = page_size
        self.status = status

    def add_routes(self, app: web.Application) -> None:
        app.router.add_get("/search.json", self._search)

    async def _search(self, request: web.Request) -> web.StreamResponse:
        scripted = await self.fault(request)
        if scripted is not None:
            return scripted
        asked = request.query
        if asked.get("api_key") != self.key:
            return web.json_response({"error": BAD_KEY}, status=401)
        if asked.get("engine") != "google_images":
            return web.json_response({"error": f"Unsupported `{asked.get('engine')}` search engine."}, status=400)
        if not asked.get("q"):
            return web.json_response({"error": "Missing query `q` parameter."}, status=400)
        if not 0 <= int(asked.get("ijn", 0)) <= 99:
            return web.json_response({"error": "`ijn` must be 0 to 99."}, status=400)
        return web.json_response(self._page(self.found(asked["q"]), asked, int(asked.get("ijn", 0))))

    def _page(self, found: Sequence[Mapping[str, Any]], asked: Mapping[str, str], page: int) -> dict[str, Any]:
        starts = [0, self.page_size, *(n * self.page_size - 1 for n in range(2, page + 2))]
        shown = found[starts[page] : starts[page + 1]]
        answer: dict[str, Any] = {
            "search_metadata": {"id": "0123456789abcdef01234567", "status": self.status, "total_time_taken": 2.31},
            "search_parameters": {name: value for name, value in asked.items() if name != "api_key"},
        }
        if not shown:
            answer["search_information"] = {"image_results_state": "Fully empty"}
            answer["error"] = NO_RESULT
            return answer
        answer["images_results"] = [_result(picture, place) for place, picture in enumerate(shown, start=1)]
        answer["serpapi_pagination"] = {"current": page}
        if starts[page + 1] < len(found):
            answer["serpapi_pagination"]["next"] = (
                f"https://serpapi.com/search.json?engine=google_images&ijn={page + 1}"
            )
        return answer


def _result(picture: Mapping[str, Any], place: int) -> dict[str, Any]:
    result = {
        "position": place,
        "thumbnail": "https://serpapi.com/searches/0a1b/images/0a1b.jpeg",
        "source": "Example",
        "title": picture["title"],
        "link": "https://www.example.org/dogs/beagle",
        "is_product": False,
    }
    if "url" in picture:
        result["original"] = picture["url"]
        result["original_width"] = picture.get("width", 1600)
        result["original_height"] = picture.get("height", 1066)
    if "terms" in picture:
        result["license_details_url"] = picture["terms"]
    return result
