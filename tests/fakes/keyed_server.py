"""The base of the fake servers of keyed search services: pictures, a key, and what was posted."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

from aiohttp import web

from tests.fakes.server import FakeServer

KEY = "fake-key-0123456789abcdef"
"""What the servers take for a valid key, and tests for a secret."""


class KeyedServer(FakeServer):
    """Serves `pictures`, dicts with at least a `title`; one matches if its title holds all words of the query.

    Args:
        pictures: in the order of relevance.
        key: the valid key.
    """

    def __init__(self, pictures: Sequence[Mapping[str, Any]] = (), *, key: str = KEY) -> None:
        super().__init__()
        self.pictures = [dict(picture) for picture in pictures]
        self.key = key
        self.posted: list[dict[str, Any]] = []
        """Bodies of the POST requests that were JSON objects, in their order."""

    def found(self, text: str) -> list[dict[str, Any]]:
        wanted = _words(text)
        return [picture for picture in self.pictures if wanted <= _words(str(picture["title"]))]

    async def json_body(self, request: web.Request) -> dict[str, Any] | None:
        """The posted object, noted; None if it is none."""
        try:
            body = json.loads(await request.read())
        except ValueError:
            return None
        if not isinstance(body, dict):
            return None
        self.posted.append(body)
        return body


def numbered(count: int, **fields: object) -> list[dict[str, object]]:
    """Pictures named `Beagle 0`, `Beagle 1`, …, with URLs of this machine."""
    return [{"title": f"Beagle {n}", "url": f"http://127.0.0.1/{n}.jpg", **fields} for n in range(count)]


def _words(text: str) -> set[str]:
    return set(re.findall(r"\w+", text.casefold()))
