"""Pure: engines that people ask for and that cannot be had, and what to use instead."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

_BING = (
    "Bing's Image Search API was switched off on 2025-08-11; its index is searched through Microsoft Web IQ: "
    "use the engine webiq."
)
_GOOGLE = (
    "Google's result pages have no official interface, and reading them is against its terms; use the engine google "
    "with a key of Programmable Search, or a provider with a contract of its own: serpapi, serper."
)


def _no_interface(title: str) -> str:
    return f"{title} has no official interface for image search, and reading its pages is not allowed."


GONE: Mapping[str, str] = MappingProxyType(
    {
        "bing": _BING,
        "bing_images": _BING,
        "baidu": _no_interface("Baidu"),
        "duckduckgo": _no_interface("DuckDuckGo"),
        "ddg": _no_interface("DuckDuckGo"),
        "qwant": _no_interface("Qwant"),
        "google_images": _GOOGLE,
        "google_html": _GOOGLE,
    }
)
"""Name -> a sentence for the user: why there is no such engine, and what there is."""
