"""A host of pictures with whatever hosts do wrong, chosen per path."""

from __future__ import annotations

import gzip
from collections.abc import Mapping

from aiohttp import web

from tests.fakes.server import FakeServer, Reply

SOFT_404 = "<!doctype html><html><head><title>Not here</title></head><body>This picture has moved.</body></html>"


def picture(body: bytes, content_type: str = "image/jpeg", headers: Mapping[str, str] | None = None) -> Reply:
    """A picture as a good server sends it; `headers` may hold X-Robots-Tag and the like."""
    return Reply(200, body, content_type, headers or {})


def gzipped(body: bytes, content_type: str = "image/jpeg") -> Reply:
    """A picture with a content coding, as some servers send even JPEG."""
    return Reply(200, gzip.compress(body, mtime=0), content_type, {"Content-Encoding": "gzip"})


def cut_off(body: bytes, announced: int | None = None) -> Reply:
    """Less than Content-Length says, then the connection closes."""
    return Reply(200, body, "image/jpeg", mode="cut", announced=announced)


def dripping(body: bytes, piece_bytes: int = 64, pause_s: float = 0.05) -> Reply:
    """The whole picture, far too slowly."""
    return Reply(200, body, "image/jpeg", mode="drip", piece_bytes=piece_bytes, pause_s=pause_s)


def endless(first: bytes = b"", content_type: str = "image/jpeg") -> Reply:
    """A body without length and end; `first` is repeated (zeros if empty)."""
    return Reply(200, first, content_type, mode="endless")


def redirect(location: str, status: int = 302) -> Reply:
    """To another path or host; a path that redirects to itself is a loop."""
    return Reply(status, b"", "text/plain", {"Location": location})


def soft_404() -> Reply:
    """Status 200 and a web page."""
    return Reply.text(SOFT_404, kind="html")


def refusal(status: int, headers: Mapping[str, str] | None = None) -> Reply:
    """An error with a short text; `headers` may hold Retry-After in either form."""
    return Reply.text(f"error {status}", status, headers)


class ImageServer(FakeServer):
    """Paths without a reply are 404. `log.count(path)` says how often a path was asked for."""

    def __init__(self, hosts: tuple[str, ...] = ("127.0.0.1",)) -> None:
        super().__init__(hosts)
        self._replies: dict[str, list[Reply]] = {}

    def serve(self, path: str, *replies: Reply | bytes) -> str:
        """Answer a path (percent-encoded, without query) with these in turn, the last one for ever; gives its URL.

        Bytes stand for a good JPEG answer.
        """
        self._replies[path] = [reply if isinstance(reply, Reply) else picture(reply) for reply in replies]
        return self.url(path)

    def robots(self, rules: str | Reply) -> None:
        """The host's /robots.txt: its text, or any reply (500, hang, redirect); without it 404."""
        self.serve("/robots.txt", Reply.text(rules) if isinstance(rules, str) else rules)

    def add_routes(self, app: web.Application) -> None:
        app.router.add_route("*", "/{path:.*}", self._answer)

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        scripted = await self.fault(request)
        if scripted is not None:
            return scripted
        if request.method not in ("GET", "HEAD"):
            return web.Response(status=405, headers={"Allow": "GET, HEAD"})
        replies = self._replies.get(request.rel_url.raw_path)
        if not replies:
            return web.Response(status=404, text="error 404")
        return await self.send(request, replies.pop(0) if len(replies) > 1 else replies[0])
