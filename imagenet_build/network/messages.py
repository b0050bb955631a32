"""What is sent and what comes back, as values: adapters make and read these without touching a socket.

Keys never stand in a request. An adapter says where one belongs (`Secret`); whoever sends the request fills it in from
the environment at the last moment, so that no table, kept page, log line or exception can hold it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal
from urllib.parse import urlencode


@dataclass(frozen=True, slots=True)
class Secret:
    """A key that belongs into a request."""

    env: str
    """Name of the environment variable that holds it."""
    name: str
    """Name of the header or parameter."""
    place: Literal["header", "param"] = "header"
    prefix: str = ""
    """Stands before the key in the header: `Bearer `, `KakaoAK `."""


@dataclass(frozen=True, slots=True)
class HttpRequest:
    """One request. `params` are appended to the URL in their given order."""

    url: str
    params: Mapping[str, str | int] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    secrets: tuple[Secret, ...] = ()
    body: bytes | None = None
    """With a body the request is a POST; its Content-Type stands in `headers`."""
    _full_url: str = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Put the URL together, once: it is asked for several times."""
        joint = "&" if "?" in self.url else "?"
        full = f"{self.url}{joint}{urlencode(self.params)}" if self.params else self.url
        object.__setattr__(self, "_full_url", full)

    def full_url(self) -> str:
        """The URL, query string included, without keys."""
        return self._full_url

    def page_key(self) -> str:
        """What the answered page is kept under: the URL, and a digest of the body if there is one."""
        if self.body is None:
            return self.full_url()
        return f"{self.full_url()}#{hashlib.sha256(self.body).hexdigest()[:32]}"


@dataclass(frozen=True, slots=True)
class HttpAnswer:
    """One answer, its body read to the end. Header names are lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes
