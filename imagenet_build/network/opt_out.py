"""Pure: does an answer's `X-Robots-Tag` or `tdm-reservation` header forbid this use?

Sources: the X-Robots-Tag description of Google Search Central; W3C TDM Reservation Protocol (TDMRep).
"""

from __future__ import annotations

from collections.abc import Collection, Mapping

_WITH_VALUE = frozenset({"unavailable_after", "max-snippet", "max-image-preview", "max-video-preview"})
"""Directives that hold a colon themselves; what stands before any other colon names a crawler."""


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
    for line in headers.get("x-robots-tag", "").split("\n"):
        token, colon, rest = line.partition(":")
        for_us = True
        said = line
        if colon and token.strip().lower() not in _WITH_VALUE and "," not in token:
            for_us = token.strip().lower() in (product_token.lower(), "*")
            said = rest
        if for_us and any(part.strip().lower() in directives for part in said.split(",")):
            return f"X-Robots-Tag: {line.strip()}"
    if headers.get("tdm-reservation", "").strip() == "1":
        return "tdm-reservation: 1"
    return None
