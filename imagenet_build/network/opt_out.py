"""Pure: does an answer's `X-Robots-Tag` or `tdm-reservation` header forbid this use?

Sources: the X-Robots-Tag description of Google Search Central; W3C TDM Reservation Protocol (TDMRep).
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping

_WITH_VALUE = frozenset({"unavailable_after", "max-snippet", "max-image-preview", "max-video-preview"})
"""Directives that hold a colon themselves; a word before any other colon names a crawler."""
_NAMED = re.compile(r"\s*([\w*-]+)\s*:(.*)", re.DOTALL)


def opt_out(headers: Mapping[str, str], directives: Collection[str], product_token: str) -> str | None:
    """The header line that refuses us, or None.

    Args:
        headers: lower-case names; repeated headers joined with newlines.
        directives: those that refuse, lower case (`noai`, ...); empty switches the check off.
        product_token: our name; lines for other crawlers are not ours.

    >>> opt_out({"x-robots-tag": "noai, noimageai"}, {"noai"}, "imagenet_build")
    'X-Robots-Tag: noai, noimageai'
    >>> opt_out({"x-robots-tag": "otherbot: noai"}, {"noai"}, "imagenet_build") is None
    True
    """
    if not directives:
        return None
    refusing = {*directives, "none"} if "noindex" in directives else set(directives)  # none: noindex and nofollow
    for line in headers.get("x-robots-tag", "").split("\n"):
        for_us = True
        for part in line.split(","):  # a name holds until the next one: proxies may join header lines with commas
            said = part
            named = _NAMED.match(part)
            if named and named[1].lower() not in _WITH_VALUE:
                for_us = named[1].lower() in (product_token.lower(), "*")
                said = named[2]
            if for_us and said.strip().lower() in refusing:
                return f"X-Robots-Tag: {line.strip()}"
    if "1" in (value.strip() for value in headers.get("tdm-reservation", "").split("\n")):
        return "tdm-reservation: 1"
    return None
