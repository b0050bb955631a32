"""Pure: does an answer's header forbid this use: `X-Robots-Tag`, `tdm-reservation`, `Content-Usage`, `Content-Signal`?

Sources: the X-Robots-Tag description of Google Search Central; W3C TDM Reservation Protocol (TDMRep);
`usage_preferences.py`.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping

from imagenet_build.network.usage_preferences import refusing_header

_WITH_VALUE = frozenset({"unavailable_after", "max-snippet", "max-image-preview", "max-video-preview"})
"""Directives that hold a colon themselves; a word before any other colon names a crawler."""
_NAMED = re.compile(r"\s*([\w*-]+)\s*:(.*)", re.DOTALL)


def opt_out(
    headers: Mapping[str, str],
    product_token: str,
    *,
    directives: Collection[str],
    tdm_reservation: bool,
    content_signals: bool,
) -> str | None:
    """The header line that refuses us, or None.

    Args:
        headers: lower-case names; repeated headers joined with newlines.
        product_token: our name; lines for other crawlers are not ours.
        directives: of X-Robots-Tag, those that refuse, lower case (`noai`, ...); empty switches it off.
        tdm_reservation: whether `tdm-reservation: 1` refuses.
        content_signals: whether `Content-Usage` and `Content-Signal` that forbid training refuse.

    >>> kinds = {"directives": {"noai"}, "tdm_reservation": True, "content_signals": True}
    >>> opt_out({"x-robots-tag": "noai, noimageai"}, "imagenet_build", **kinds)
    'X-Robots-Tag: noai, noimageai'
    >>> opt_out({"x-robots-tag": "otherbot: noai"}, "imagenet_build", **kinds) is None
    True
    """
    if directives:
        tag = headers.get("x-robots-tag")
        line = None if tag is None else _refusing_line(tag, directives, product_token)
        if line is not None:
            return f"X-Robots-Tag: {line}"
    if tdm_reservation:
        said = headers.get("tdm-reservation")
        if said is not None and "1" in (value.strip() for value in said.split("\n")):
            return "tdm-reservation: 1"
    return refusing_header(headers) if content_signals else None


def _refusing_line(tag: str, directives: Collection[str], product_token: str) -> str | None:
    refusing = {*directives, "none"} if "noindex" in directives else set(directives)  # none: noindex and nofollow
    for line in tag.split("\n"):
        for_us = True
        for part in line.split(","):  # a name holds until the next one: proxies may join header lines with commas
            said = part
            named = _NAMED.match(part)
            if named and named[1].lower() not in _WITH_VALUE:
                for_us = named[1].lower() in (product_token.lower(), "*")
                said = named[2]
            if for_us and said.strip().lower() in refusing:
                return line.strip()
    return None
