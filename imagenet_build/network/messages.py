"""What is sent and what comes back, as values: adapters make and read these without touching a socket."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from urllib.parse import urlencode

_EMPTY: Mapping[str, str] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class HttpRequest:
    """One GET. `params` are appended to the URL in their given order."""

    url: str
    params: Mapping[str, str | int] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)

    def full_url(self) -> str:
        """The URL as sent, query string included: the key under which the answered page is kept."""
        if not self.params:
            return self.url
        return f"{self.url}{'&' if '?' in self.url else '?'}{urlencode(self.params)}"


@dataclass(frozen=True, slots=True)
class HttpAnswer:
    """One answer, its body read to the end. Header names are lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes
