"""The engine protocol: what an adapter is, and what it gives back.

An adapter is pure. It says what to ask (`request`), what a refusal means (`failure`), what an answer holds (`parse`);
`crawl.py` sends, waits, retries and keeps the pages.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from imagenet_build.errors import SourceError
from imagenet_build.network.messages import HttpAnswer, HttpRequest
from imagenet_build.records import NO_LANGUAGE, Hit, Query, Rejection

Cursor = Mapping[str, str | int]
"""Where the next page of a query starts, in the engine's own terms; None stands for the first page."""


@dataclass(frozen=True, slots=True)
class EngineInfo:
    """What a user should know of an engine before using it, and what the crawler must."""

    name: str
    title: str
    docs_url: str
    licenses: str
    """What the answers say about licences, in a few words."""
    languages: str
    """What the engine does with a query's language, in a few words."""
    depth: int | None
    """Most hits that one query can give; None: no limit."""
    min_delay_s: float
    """Pause between the starts of two requests; the engine's own limit, with some room."""
    is_live: bool = True
    """Asks a public service: then an operator's contact is required."""
    options: frozenset[str] = frozenset({"base_url", "min_delay_s"})
    """Keys of EngineConfig, besides `name`, that mean something to it."""
    keys: tuple[str, ...] = ()
    """Environment variables that hold its keys; all are needed."""
    concurrency: int = 1
    """Requests that may be under way at once; so many synsets are searched at once."""
    quota_per_day: int | None = None
    """Requests in any 24 hours; None: none is known."""
    quota_per_month: int | None = None
    """Requests in any 30 days."""
    page_size: int = 20
    """Hits that one answer can give; for planning."""
    prohibition: str = ""
    """What the service's terms forbid that this program does; then the configuration must say `accept_terms: true`."""
    notice: str = ""
    """What a user must know before counting on it (it ends, it moves)."""
    version: int = 1
    """Raised when the adapter reads kept pages differently than before: they are then read again, not asked again."""


@dataclass(frozen=True, slots=True)
class RefusedItem:
    """An item of an answer that is no usable hit: kept, so that counts add up."""

    engine_id: str
    url: str
    rejection: Rejection


@dataclass(frozen=True, slots=True)
class SearchPage:
    """One answered page, read."""

    hits: tuple[Hit, ...]
    next_cursor: Cursor | None
    """None: that was the last page."""
    reported: int
    """How many items the page itself holds. Items, but neither hits nor refusals, is an error of the adapter."""
    refused: tuple[RefusedItem, ...] = ()
    truncated: bool = False
    """The last page that can be had, though the engine holds more: where slices can go on."""


@dataclass(frozen=True, slots=True)
class SynsetFacts:
    """What an engine may need to know of a synset beside the query's text."""

    wnid: str
    is_organism: bool
    """Stands below organism.n.01, or is it."""


class EngineDefaults:
    """What most engines do; adapters inherit it."""

    def skips(self, query: Query, synset: SynsetFacts) -> str:
        """Why this engine is not asked this query (a language that it cannot search); empty: it is asked.

        An adapter with reasons of its own asks this one first: ids of concepts are no words for any text search.
        """
        del synset
        return "ids of concepts are no words to search for" if query.language == NO_LANGUAGE else ""

    def divide(self, start: Cursor | None) -> Sequence[Cursor]:
        """Disjoint parts of what a first page covers, as cursors of their first pages; empty: no further division.

        `start` is the cursor that the truncated search began with: None, or one that an earlier call gave; where a
        first page without items only led on (a name looked up), the cursor that it gave.
        """
        del start
        return ()


class Engine(Protocol):
    """One search service or local index."""

    @property
    def info(self) -> EngineInfo:
        """Facts about the engine."""

    def request(self, query: Query, cursor: Cursor | None) -> HttpRequest:
        """What to send for one page."""

    def failure(self, answer: HttpAnswer) -> SourceError | None:
        """The error that an answer stands for, or None if `parse` should read it.

        `RateLimited` is retried, `QueryRefused` ends the query, `EngineRefused` ends the engine for this run.
        """

    def skips(self, query: Query, synset: SynsetFacts) -> str:
        """See EngineDefaults."""

    def divide(self, start: Cursor | None) -> Sequence[Cursor]:
        """See EngineDefaults."""

    def parse(self, body: bytes, query: Query, cursor: Cursor | None) -> SearchPage:
        """Read one page, best hit first.

        Raises:
            ValueError, KeyError, TypeError: the page does not have the documented form; `crawl.py` turns this into
                UnexpectedResponse.
        """
