"""EDGE: what the explorer answers about one synset: its page, its queries, its pictures and where they come from."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

from aiohttp import web

from imagenet_build.errors import DataError
from imagenet_build.records import ShardRef
from imagenet_build.storage.layout import RunLayout
from imagenet_build.web.base import FOREVER, json_answer
from imagenet_build.web.explorer.manifest_counts import read_footer
from imagenet_build.web.explorer.picture_table import FILTERS, PictureTable, PictureTables
from imagenet_build.web.explorer.pictures import PictureReader
from imagenet_build.web.explorer.provenance import read_provenance
from imagenet_build.web.explorer.run_view import RunView
from imagenet_build.web.explorer.snapshot import Snapshot, fullest_below
from imagenet_build.web.explorer.synset_page import describe, name_of, pictures_or_problem, read_yields
from imagenet_build.web.explorer.tiny_sheets import read_tiny, sheet

_MOST_TILES = 120
_MOST_COVERS = 10
"""Pictures without a file that are passed over."""
_WNID = "{wnid:n[0-9]{8}}"
_ID = "{id:[0-9a-f]{16}}"
T = TypeVar("T")


class SynsetHandlers:
    """What each path answers. Nothing is ever changed."""

    def __init__(self, layout: RunLayout, view: RunView, readers: ThreadPoolExecutor) -> None:
        self._layout = layout
        self._view = view
        self._readers = readers
        self._tables = PictureTables(layout)
        self._pictures = PictureReader(layout)

    def paths(self) -> dict[str, Callable[[web.Request], Any]]:
        """Path -> what answers it."""
        synset = f"/api/synset/{_WNID}"
        return {
            synset: self.synset,
            f"{synset}/queries": self.queries,
            f"{synset}/pictures": self.pictures,
            f"{synset}/pictures/{_ID}": self.picture,
            f"/pictures/{_WNID}/{_ID}": self.small_picture,
            f"/pictures/{_WNID}/{_ID}/whole": self.whole_picture,
            f"/pictures/{_WNID}/cover": self.cover,
            f"/sheets/{_WNID}": self.tiny_sheet,
        }

    def close(self) -> None:
        """End the threads that read pictures."""
        self._pictures.close()

    async def synset(self, request: web.Request) -> web.Response:
        """All about a synset but its queries and pictures."""
        now, wnid = self._view.fresh(), request.match_info["wnid"]
        number = number_of(now, wnid)

        def read() -> dict[str, Any]:
            table, problem = pictures_or_problem(self._tables, wnid)
            footer = now.footers.get(wnid)
            if footer is not None and footer.refused_by_reason is None:
                footer = read_footer(self._layout, wnid)
            return describe(now, number, table, problem, footer)

        return json_answer(await self._read(read))

    async def queries(self, request: web.Request) -> web.Response:
        """A synset's queries and what they brought."""
        now, wnid = self._view.fresh(), request.match_info["wnid"]
        number_of(now, wnid)
        return json_answer(await self._read(lambda: read_yields(self._layout, now, wnid)))

    async def pictures(self, request: web.Request) -> web.Response:
        """Some of a synset's kept pictures."""
        now = self._view.fresh()
        shown, start = _shown(request), _whole_number(request, "from", 0, 10**9)
        most = _whole_number(request, "most", 60, _MOST_TILES)

        def read() -> dict[str, Any]:
            table = self._table(request)
            rows = table.shown[shown]
            tiles = table.tiles(rows[start : start + most])
            others = {wnid for tile in tiles for wnid in tile["conflicts"]}
            return {
                "tiles": tiles,
                "mark": table.mark,
                "total": len(rows),
                "names": {wnid: name_of(now, wnid) for wnid in sorted(others)},
            }

        return json_answer(await self._read(read))

    async def picture(self, request: web.Request) -> web.Response:
        """Where one picture comes from."""
        now, shown = self._view.fresh(), _shown(request)

        def read() -> dict[str, Any]:
            table = self._table(request)
            said = read_provenance(self._layout, now, table, _row(request, table), shown)
            return {**said, "synset_name": name_of(now, table.wnid)}

        return json_answer(await self._read(read))

    async def small_picture(self, request: web.Request) -> web.Response:
        """A picture for the page."""
        return await self._file(request, self._pictures.small)

    async def whole_picture(self, request: web.Request) -> web.Response:
        """A picture as it was fetched, or as a JPEG where browsers cannot show it."""
        return await self._file(request, self._pictures.whole)

    async def _file(
        self, request: web.Request, read: Callable[[ShardRef, str], Awaitable[tuple[bytes, str]]]
    ) -> web.Response:
        table = await self._table_soon(request)
        row = _row(request, table)
        ref = table.ref(row)
        if ref is None:
            raise web.HTTPNotFound(reason="This run keeps no files of pictures.")
        data, kind = await read(ref, table.format(row))
        return web.Response(body=data, content_type=kind, headers=FOREVER)

    async def cover(self, request: web.Request) -> web.Response:
        """A picture that stands for a synset: its first accepted or kept one, or one of what lies below."""
        now = self._view.fresh()
        number = number_of(now, request.match_info["wnid"])
        wnid = now.concepts.tree.wnids[fullest_below(now, number)]
        held = self._tables.held(wnid)
        place = _first_file(held) if held else await self._read(lambda: _first_file(self._tables.of(wnid)))
        if place is None:
            raise web.HTTPNotFound(reason="There is no picture to show.")
        data, kind = await self._pictures.small(*place)
        return web.Response(body=data, content_type=kind, headers={"Cache-Control": "private, max-age=60"})

    async def tiny_sheet(self, request: web.Request) -> web.Response:
        """The tiny versions of some rows of a manifest, side by side."""
        wnid = request.match_info["wnid"]
        number_of(self._view.snapshot, wnid)
        given = request.query.get("rows", "").split(",")[:_MOST_TILES]
        rows = [int(row) for row in given if row.isascii() and row.isdigit() and len(row) < 9]

        def make() -> bytes:
            tiny = read_tiny(self._layout.manifest(wnid), rows)
            return sheet([tiny.get(row) for row in rows])

        return web.Response(body=await self._pictures.run(make), content_type="image/jpeg", headers=FOREVER)

    async def _read(self, work: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._readers, work)

    async def _table_soon(self, request: web.Request) -> PictureTable:
        """The table from the cache, without a way through a thread, or read in one."""
        held = self._tables.held(request.match_info["wnid"])
        return held if held is not None else await self._read(lambda: self._table(request))

    def _table(self, request: web.Request) -> PictureTable:
        wnid = request.match_info["wnid"]
        number_of(self._view.snapshot, wnid)
        table = self._tables.of(wnid)
        if table is None:
            raise DataError(f"{wnid} has no pictures yet: its manifest is not written.")
        return table


def _row(request: web.Request, table: PictureTable) -> int:
    row = table.row_of.get(request.match_info["id"])
    if row is None:
        raise web.HTTPNotFound(reason="This synset has no such picture.")
    return row


def _first_file(table: PictureTable | None) -> tuple[ShardRef, str] | None:
    if table is not None:
        for shown in ("accepted", "all"):
            for row in table.shown[shown][:_MOST_COVERS].tolist():
                ref = table.ref(row)
                if ref is not None:
                    return ref, table.format(row)
    return None


def _shown(request: web.Request) -> str:
    shown = request.query.get("show", "all")
    if shown not in FILTERS:
        raise web.HTTPBadRequest(reason=f"show must be one of {', '.join(FILTERS)}.")
    return shown


def _whole_number(request: web.Request, name: str, default: int, most: int) -> int:
    given = request.query.get(name, str(default))
    if not (given.isascii() and given.isdigit() and len(given) < 12):
        raise web.HTTPBadRequest(reason=f"{name} must be a number from 0.")
    return min(int(given), most)


def number_of(now: Snapshot, wnid: str) -> int:
    """The number of a synset.

    Raises:
        HTTPNotFound: the run has none of this name.
    """
    number = now.concepts.tree.number.get(wnid)
    if number is None:
        raise web.HTTPNotFound(reason=f"This run has no synset {wnid[:20]!a}.")
    return number
