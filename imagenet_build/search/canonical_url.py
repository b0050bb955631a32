"""Pure: one URL in two forms, the one to fetch and the key under which equal addresses meet.

Three things are kept apart: the URL as an engine gave it, the URL to fetch (same resource, tidied) and the key (one
per picture address, sizes of it merged where that is certain). A key may merge sizes of a picture, never two pictures:
a rule that is unsure only tidies. Sources: RFC 3986 sections 5.2.4 and 6.2.2, RFC 5890 and UTS 46 for host names, the
WHATWG URL standard for what browsers forgive.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from functools import lru_cache
from ipaddress import IPv6Address
from typing import NamedTuple
from urllib.parse import unquote_to_bytes, urlsplit

import idna

from imagenet_build.search.picture_hosts import host_key

MAX_LENGTH = 8000
"""Characters; longer URLs are refused by most servers (RFC 9110 section 4.1 asks for 8000 at least)."""

_ALWAYS_TRACKING = frozenset({"fbclid", "gclid", "mc_cid", "mc_eid", "igshid", "ref_src", "_ga"})
_CACHE_BUSTER = re.compile(r"v|ver|version|t|ts|timestamp|cb|_|cache|rev|updatedat|itok|hash")
_SIZE_WORD = re.compile(
    r"w|h|width|height|size|resize|fit|crop|quality|q|dpr|auto|fm|format|strip|ssl|impolicy|imwidth|wid|hei|fmt|qlt|s[whm]"
)
_SIGNED = frozenset({"x-amz-signature", "x-goog-signature", "signature", "key-pair-id", "sig", "oh", "hmac"})
_IMAGE_PATH = re.compile(r"\.(?:jpe?g|jfif|png|gif|webp|avif|bmp|tiff?|heic|svg)$", re.IGNORECASE)
_BUSTER_VALUE = re.compile(r"\d+(?:[.:T_-]\d+)*Z?|[0-9a-f]{6,64}|[A-Za-z0-9_-]{8}", re.IGNORECASE)
"""A number, a date, a hexadecimal hash, or the eight characters of Drupal's itok."""

_AMPERSAND = re.compile(r"&(?:amp;|#0*38;)+", re.IGNORECASE)
_SLASHES = re.compile(r"/{2,}")
_PERCENT = re.compile(rb"%([0-9A-Fa-f]{2})|%")
_UNRESERVED = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~")
_KEPT_AS_WRITTEN = _UNRESERVED | frozenset(b"%/!$&'()*+,;=:@")
_HOST = re.compile(r"[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?(\.[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?)*")
_DEFAULT_PORTS = {"http": 80, "https": 443}

_TIDY_TEXT = r"[A-Za-z0-9._~%s-]*(?:%%(?:[0189A-F][0-9A-F]|2[0-9ABCF]|3[A-F]|[46]0|5[B-E]|7[BCDF])[A-Za-z0-9._~%s-]*)*"
_TIDY_PATH, _TIDY_QUERY = (_TIDY_TEXT % (kept, kept) for kept in ("/!$&'()*+,=:@", "/!$&'()*+,=:@?"))
_TIDY = re.compile(rf"(https?)://([a-z0-9_.-]+)(/{_TIDY_PATH})(?:\?({_TIDY_QUERY}))?")
"""Most addresses, of which nothing but the host is left to check. A semicolon may be the end of an `&amp;`."""
_UNREADABLE_HOST = "no valid URL: its host or port cannot be read"
_CACHED = 2048
"""Addresses remembered: those of an answer are read two or three times in a row."""


class _Url(NamedTuple):
    scheme: str
    host: str
    port: int | None
    path: str
    query: str


@lru_cache(_CACHED)
def fetch_url(url: str) -> str:
    """The URL to ask for: the same resource in its tidy spelling, without tracking parameters.

    Host in lower-case ASCII; no user name, default port or fragment; percent-encoding normalised; dot segments
    resolved; `https:` put before protocol-relative URLs. No parameter of a signed URL is dropped.

    Raises:
        ValueError: no URL, no host, or a scheme other than http, https and file. Messages do not repeat the URL.

    >>> fetch_url("HTTP://User@Example.COM:80/a/../b c.jpg?utm_source=x&id=7#top")
    'http://example.com/b%20c.jpg?id=7'
    >>> fetch_url("//example.com/a.jpg?x=1&amp;y=2")
    'https://example.com/a.jpg?x=1&y=2'
    """
    parts = _read(url)
    if parts.scheme == "file":
        return f"file://{parts.path}"
    port = "" if parts.port is None else f":{parts.port}"
    if not parts.query:
        return f"{parts.scheme}://{parts.host}{port}{parts.path}"
    names = list(_parameters(parts.query))
    kept = names if _is_signed(names) else [(name, text) for name, text in names if not _is_tracking(name)]
    return f"{parts.scheme}://{parts.host}{port}{parts.path}{_joined(text for _, text in kept)}"


def canonical_key(url: str) -> str:
    """The key of a picture address: equal for spellings, and certain sizes, of one address.

    Beyond `fetch_url`: scheme, `www.` and the order of parameters do not count; repeated slashes are one; if the path
    ends in an image extension, cache busters with a number, date or hash and size words do not count either. Wikimedia
    and Flickr files have keys of their own (`picture_hosts`).

    Returns:
        `//host/path?query`, `wm:<wiki>:<name>`, `flickr:<id>` or `file:///path`.
    Raises:
        ValueError: as `fetch_url`.

    >>> canonical_key("http://www.example.com//a.jpg?w=640&id=7") == canonical_key("https://example.com/a.jpg?id=7&v=123")
    True
    """
    parts = _read(url)
    if parts.scheme == "file":
        return f"file://{parts.path}"
    names = list(_parameters(parts.query)) if parts.query else []
    special = host_key(parts.host, parts.path, {name for name, _ in names}) if parts.port is None else None
    if special:
        return special
    if not _is_signed(names):
        is_image = _IMAGE_PATH.search(parts.path) is not None
        names = [(name, text) for name, text in names if not _is_noise(name, text, is_image=is_image)]
    bare = parts.host.removeprefix("www.")
    host = bare if "." in bare else parts.host
    # http and https share a key, so both default ports must go.
    port = "" if parts.port in (None, 80, 443) else f":{parts.port}"
    path = _SLASHES.sub("/", parts.path) if "//" in parts.path else parts.path
    return f"//{host}{port}{path}{_joined(text for _, text in sorted(names, key=lambda pair: pair[0]))}"


@lru_cache(_CACHED)
def _read(url: str) -> _Url:
    """Take a URL apart, every part in its normal spelling."""
    tidy = _TIDY.fullmatch(url) if len(url) <= MAX_LENGTH else None
    if tidy and "/." not in tidy[3]:
        try:
            return _Url(tidy[1], _host(tidy[2]), None, tidy[3], tidy[4] or "")
        except ValueError:
            raise ValueError(_UNREADABLE_HOST) from None
    text = re.sub(r"[\t\r\n]", "", url.strip("".join(map(chr, range(33)))))
    if len(text) > MAX_LENGTH:
        raise ValueError(f"the URL has {len(text)} characters; {MAX_LENGTH} is the most")
    # Only the ampersand: unescaping more would turn the parameter in `?a=1&copy=2` into a copyright sign.
    text = _AMPERSAND.sub("&", text)
    if text.startswith("//"):
        text = f"https:{text}"
    try:
        split = urlsplit(text)
        port = split.port
        host = _host(split.hostname or "")
    except ValueError:
        raise ValueError(_UNREADABLE_HOST) from None
    scheme = split.scheme.lower()
    if scheme not in ("http", "https", "file"):
        raise ValueError(f"scheme {scheme[:20]!r} is not fetched" if scheme else "no URL: it has no scheme")
    path = _without_dots(_normal_percent(split.path, _KEPT_AS_WRITTEN))
    if scheme == "file":
        if host not in ("", "localhost"):
            raise ValueError("a file: URL must be of this machine")
        if path in ("", "/"):
            raise ValueError("a file: URL without a path")
        return _Url("file", "", None, path, "")
    if not host:
        raise ValueError("a URL without a host")
    if port == 0:
        raise ValueError("no valid URL: port 0")
    port = None if port == _DEFAULT_PORTS[scheme] else port
    return _Url(scheme, host, port, path or "/", _normal_percent(split.query, _KEPT_AS_WRITTEN | {ord("?")}))


@lru_cache(_CACHED)
def _host(host: str) -> str:
    """Lower-case ASCII form of a host name (UTS 46), or of an address; empty for none; ValueError for neither."""
    if not host:
        return ""
    if ":" in host:
        if "%" in host:
            raise ValueError("an address with a zone is of this machine only")
        return f"[{IPv6Address(host).compressed}]"
    name = host.rstrip(".").lower()
    if not name.isascii():
        name = idna.encode(name, uts46=True).decode("ascii")
    if not _HOST.fullmatch(name) or len(name) > 253 or any(len(label) > 63 for label in name.split(".")):
        raise ValueError("the host is no domain name")
    return name


def _normal_percent(text: str, kept: frozenset[int]) -> str:
    """Percent-encode what may not stand in a URL, decode what need not be encoded, upper-case the rest."""
    try:
        raw = text.encode("utf-8")
    except UnicodeEncodeError:
        raise ValueError("no valid URL: characters that are not Unicode") from None

    def normal(match: re.Match[bytes]) -> bytes:
        if match[1] is None:
            return b"%25"
        value = int(match[1], 16)
        return bytes([value]) if value in _UNRESERVED else b"%" + match[1].upper()

    raw = _PERCENT.sub(normal, raw)
    return "".join(chr(byte) if byte in kept else f"%{byte:02X}" for byte in raw)


def _without_dots(path: str) -> str:
    """Resolve `.` and `..` (RFC 3986 section 5.2.4); other empty segments stay."""
    if not path:
        return ""
    segments: list[str] = []
    *middle, last = path.split("/")[1:] if path.startswith("/") else path.split("/")
    for segment in middle:
        if segment == "..":
            del segments[-1:]
        elif segment != ".":
            segments.append(segment)
    if last == "..":
        del segments[-1:]
    return "/" + "/".join([*segments, "" if last in (".", "..") else last])


def _parameters(query: str) -> Iterator[tuple[str, str]]:
    """(lower-case name, `name=value` as written) of each parameter."""
    for text in query.split("&"):
        if text:
            name = unquote_to_bytes(text.split("=", 1)[0]).decode("utf-8", "replace")
            yield name.lower(), text


def _joined(texts: Iterable[str]) -> str:
    query = "&".join(texts)
    return f"?{query}" if query else ""


def _is_signed(names: list[tuple[str, str]]) -> bool:
    """A signature may cover any other parameter, so none may be touched."""
    return any(name in _SIGNED for name, _ in names)


def _is_tracking(name: str) -> bool:
    return name.startswith("utm_") or name in _ALWAYS_TRACKING


def _is_noise(name: str, text: str, *, is_image: bool) -> bool:
    if _is_tracking(name):
        return True
    if not is_image:  # `image.php?v=17` and `raw?ref=main` may well name the picture itself
        return False
    if name == "ref" or _SIZE_WORD.fullmatch(name):
        return True
    value = text.partition("=")[2]
    return _CACHE_BUSTER.fullmatch(name) is not None and _BUSTER_VALUE.fullmatch(value) is not None
