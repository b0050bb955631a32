"""Pure: reading single fields of engines' answers, the same way in every adapter."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from ipaddress import ip_address
from urllib.parse import urljoin, urlsplit

from imagenet_build.records import Rejection, RejectReason
from imagenet_build.search.canonical_url import fetch_url

MAX_TEXT = 1000
"""Characters kept of a title or a creator's name: a biography pasted into a field must not swell the tables."""
MAX_HTML = 20_000
"""Characters read of an HTML fragment."""
MOST_PIXELS = 10**9
"""A side that no picture has: such a number is none."""

_PIXELS = re.compile(r"[0-9]{1,9}")
_VOID = frozenset({"area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "wbr"})
_BLOCK = frozenset({"br", "dd", "div", "dt", "h1", "h2", "h3", "hr", "li", "ol", "p", "table", "td", "th", "tr", "ul"})
_UNSHOWN = frozenset({"script", "style", "template"})


def cut_query(text: str, longest: int) -> str:
    """A query of at most so many characters, cut between words where it has any: half a word would match nothing.

    >>> cut_query("small slender dog", 15)
    'small slender'
    """
    if len(text) <= longest:
        return text
    head = text[: longest + 1]
    return (head.rpartition(" ")[0] if " " in head else head[:longest]).rstrip()


def text_of(value: object) -> str:
    """A text on one line; empty for null. Numbers are written out, since some engines send numeric titles."""
    if isinstance(value, str):
        line = " ".join(value.split())
        return line if len(line) <= MAX_TEXT else _short(line)
    if value is None:
        return ""
    if not isinstance(value, (int, float)):
        raise TypeError(f"a text was expected, not {type(value).__name__}")
    return _short(str(value))


def pixels_of(value: object) -> int | None:
    """A width or height in pixels, which some engines write as a text; None for null, zero, and what is no number.

    >>> pixels_of(800), pixels_of("1200"), pixels_of("0"), pixels_of("wide"), pixels_of(8.5), pixels_of(None)
    (800, 1200, None, None, None, None)
    """
    if isinstance(value, str) and _PIXELS.fullmatch(value):
        value = int(value)
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 < value < MOST_PIXELS else None


def picture_url(value: object) -> str | Rejection:
    """An item's image URL, absolute and without tracking parameters; or why the item has none that can be used."""
    if value is None or value == "":
        return Rejection(RejectReason.NO_URL, "the item has no image URL")
    if not isinstance(value, str):
        raise TypeError(f"an image URL must be a text, not {type(value).__name__}")
    try:
        url = fetch_url(value)
    except ValueError as error:
        return Rejection(RejectReason.BAD_URL, str(error))
    if not url.startswith(("http://", "https://")):
        # A service must not be able to name files of this machine; only a local index may, and it does not come here.
        return Rejection(RejectReason.SCHEME_REFUSED, "a web service gave a file: URL")
    return url


def small_version(value: object, url: str) -> str:
    """The address of a small version of a picture, tidied as the picture's own; empty where there is none to be used.

    Nothing that stands there is an error: a picture without a preview is fetched all the same.

    Args:
        value: what the item says, of any type.
        url: the picture's own address, which is no small version of it.
    """
    if not isinstance(value, str):
        return ""
    found = picture_url(value)
    return found if isinstance(found, str) and found != url else ""


def is_loopback(url: str) -> bool:
    """Whether a URL's host is this machine, by its spelling: no name is looked up.

    >>> is_loopback("http://127.0.0.1:8080/"), is_loopback("https://commons.wikimedia.org")
    (True, False)
    """
    host = urlsplit(url).hostname or ""
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


def plain_text(html: str) -> str:
    """The text a reader of an HTML fragment would see, on one line.

    >>> plain_text('<p>A <b>beagle</b> &amp; a ball</p><span style="display:none">hidden</span>')
    'A beagle & a ball'
    """
    return _read(html).text()


def first_link(html: str, page_url: str) -> str:
    """The first http(s) link in an HTML fragment, made absolute from the page it stands on; empty without one."""
    link = _read(html).link
    try:
        absolute = urljoin(page_url, link.strip()) if link else ""
        return absolute if urlsplit(absolute).scheme in ("http", "https") else ""
    except ValueError:
        return ""


def _read(html: str) -> _Fragment:
    fragment = _Fragment(convert_charrefs=True)
    fragment.feed(html[:MAX_HTML])
    fragment.close()
    return fragment


def _short(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= MAX_TEXT else line[: MAX_TEXT - 1].rstrip() + "…"


class _Fragment(HTMLParser):
    """Collects the visible text and the first link; unclosed and stray tags are normal."""

    def __init__(self, *, convert_charrefs: bool) -> None:
        super().__init__(convert_charrefs=convert_charrefs)
        self.link = ""
        self._pieces: list[str] = []
        self._open: list[tuple[str, bool]] = []
        """Open elements, and whether each hides what it holds (its parents' hiding included)."""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = dict(attrs)
        style = (values.get("style") or "").replace(" ", "").lower()
        hides = self._hidden() or tag in _UNSHOWN or "display:none" in style
        if tag in _BLOCK:
            self._pieces.append(" ")
        if tag == "a" and not hides and not self.link:
            self.link = values.get("href") or ""
        if tag not in _VOID:
            self._open.append((tag, hides))

    def handle_endtag(self, tag: str) -> None:
        if tag in _BLOCK:
            self._pieces.append(" ")
        places = [place for place, (name, _) in enumerate(self._open) if name == tag]
        if places:
            del self._open[places[-1] :]

    def handle_data(self, data: str) -> None:
        if not self._hidden():
            self._pieces.append(data)

    def text(self) -> str:
        return _short("".join(self._pieces))

    def _hidden(self) -> bool:
        return bool(self._open) and self._open[-1][1]
