"""A list's URLs into the download queue: each picture address once; what is no address as a refusal at once."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterable, Iterator
from functools import lru_cache

from imagenet_build.download.url_list import UrlList
from imagenet_build.network.host_lanes import host_of
from imagenet_build.records import Rejection, RejectReason
from imagenet_build.search.canonical_url import MAX_LENGTH, canonical_key, fetch_url
from imagenet_build.search.picture_hosts import host_key
from imagenet_build.storage.download_queue import DownloadQueue

NO_HOST = "(no host)"
"""The lane of texts that are no URL; nothing is ever asked there."""
_PLAIN = re.compile(
    r"https?://([a-z0-9.-]+(?!:80/|:443/)(?::[1-9]\d{0,4})?)((?:/[A-Za-z0-9_!$'()*,=:@+-][A-Za-z0-9_!$'()*,=:@+.~-]*)+)"
)
"""Addresses that are their own fetch URL, and whose key is host and path: no query, no escapes, no dot segments."""
_PATHS_WITH_KEYS = (
    "/wikipedia/commons/a/a9/Example.jpg",
    "/wiki/Special:FilePath/Example.jpg",
    "/65535/50000000001_0a1b2c3d4e_b.jpg",
)
"""One for each rule of `picture_hosts`: hosts to which one applies are not plain."""
_MOST_HOSTS = 100_000
_SHOWN = 1000
_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+-]*(?=:)")
_REFUSED_TOGETHER = 1000


def add_list(queue: DownloadQueue, urls: UrlList, advance: Callable[[int], None]) -> int:
    """Queue all URLs of a list; known ones keep what they have. Returns the URLs read, repeated ones included.

    Raises:
        ConfigError, DataError, SourceError: the list cannot be read; what was queued before stays.
    """
    read = 0

    def counted() -> Iterator[list[str]]:
        nonlocal read
        for batch in urls.batches():
            yield batch
            read += len(batch)
            advance(len(batch))

    queue.add(as_queued(counted()))
    return read


def as_queued(batches: Iterable[list[str]]) -> Iterator[tuple[str, str, str]]:
    """(key, URL to fetch, lane) of each URL; what cannot be fetched keeps its text and gets the lane `NO_HOST`.

    >>> list(as_queued([["http://www.example.org/a.jpg?utm_source=x", "a.jpg"]]))
    [('//example.org/a.jpg', 'http://www.example.org/a.jpg', 'www.example.org'), ('a.jpg', 'a.jpg', '(no host)')]
    """
    is_plain = _PLAIN.fullmatch
    for batch in batches:
        for url in batch:
            plain = is_plain(url)
            if plain and len(url) <= MAX_LENGTH:
                host, path = plain.groups()
                front = _front(host)
                if front:
                    yield front + path, url, host
                    continue
            yield _queued(url)


@lru_cache(_MOST_HOSTS)
def _front(host: str) -> str:
    """What stands before the path in keys of this host; empty where keys are not made of host and path."""
    name = host.partition(":")[0]
    if any(host_key(name, path, frozenset()) for path in _PATHS_WITH_KEYS):
        return ""
    try:
        key = canonical_key(f"https://{host}/a")
        return key.removesuffix("/a") if fetch_url(f"https://{host}/a") == f"https://{host}/a" else ""
    except ValueError:
        return ""


def _queued(url: str) -> tuple[str, str, str]:
    """One URL, the long way."""
    if "\ufffd" not in url and _scheme(url) != "file":
        try:
            tidy = fetch_url(url)
            return canonical_key(url), tidy, host_of(tidy)
        except ValueError:
            pass
    text = url.encode("utf-8", "backslashreplace").decode()
    if len(text) > _SHOWN:
        digest = hashlib.sha256(text.encode()).hexdigest()[:16]
        text = f"{text[:_SHOWN]}... ({len(text)} characters, sha256 {digest})"
    return row_key(text), text, NO_HOST


def row_key(url: str) -> str:
    """The `url_key` of a queued URL: its canonical key, or the text itself where it is no URL.

    >>> row_key("https://www.example.org/a.jpg"), row_key("no address")
    ('//example.org/a.jpg', 'no address')
    """
    plain = _PLAIN.fullmatch(url)
    if plain and len(url) <= MAX_LENGTH:
        front = _front(plain[1])
        if front:
            return front + plain[2]
    try:
        return canonical_key(url)
    except ValueError:
        return url


def refuse_unusable(queue: DownloadQueue) -> int:
    """Give every waiting text that is no URL its refusal; returns how many."""
    refused = 0
    after = b""
    while batch := queue.waiting(NO_HOST, after, _REFUSED_TOGETHER):
        for queued in batch:
            queue.record_rejection(queued, 0, _why(queued.url))
        after = batch[-1].key
        refused += len(batch)
    queue.flush()
    return refused


def _why(text: str) -> Rejection:
    scheme = _scheme(text)
    if scheme not in ("", "http", "https"):
        return Rejection(RejectReason.SCHEME_REFUSED, f"a list's URLs are http and https, not {scheme[:20]}")
    if "\ufffd" in text:
        return Rejection(RejectReason.BAD_URL, "no valid URL: characters that are no UTF-8")
    try:
        canonical_key(text)
    except ValueError as error:
        return Rejection(RejectReason.BAD_URL, str(error))
    return Rejection(RejectReason.BAD_URL, f"the URL has more than {MAX_LENGTH} characters")


def _scheme(url: str) -> str:
    found = _SCHEME.match(url)
    return found[0].lower() if found else ""
