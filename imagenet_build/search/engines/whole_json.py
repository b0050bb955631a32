"""Pure: an answer with status 200 that is no whole JSON object is no answer, and worth another try."""

from __future__ import annotations

from imagenet_build.errors import Unreachable
from imagenet_build.network.messages import HttpAnswer


def not_whole(answer: HttpAnswer, source: str) -> Unreachable | None:
    """The error of a 200 whose body was cut off, or is a portal's or maintenance page; None for anything else.

    Only the ends are looked at: it is done for every page, and `parse` reads all of it anyway.
    """
    body = answer.body.strip()
    if answer.status != 200 or (body.startswith(b"{") and body.endswith(b"}")):
        return None
    return Unreachable(f"{source} answered 200 with {len(answer.body)} bytes that are no whole JSON.", source=source)
