"""Pure: keys of pictures on hosts whose addresses name the picture itself, whatever the size.

Only rules that cannot merge two pictures stand here; an address that does not fit exactly gets the general key.
"""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections.abc import Set
from urllib.parse import unquote

_WIKIMEDIA_FILE = re.compile(r"/wikipedia/(?P<wiki>[a-z-]+)/(?P<h>[0-9a-f])/(?P<hh>[0-9a-f]{2})/(?P<name>[^/]+)")
_WIKIMEDIA_THUMB = re.compile(
    r"/wikipedia/(?P<wiki>[a-z-]+)/thumb/(?P<h>[0-9a-f])/(?P<hh>[0-9a-f]{2})/(?P<name>[^/]+)/"
    r"(?:lossy-|lossless-)?(?P<part>(?:page\d+-|lang[a-z-]+-)?)\d+px-(?P<tail>-?[^/]+)"
)
_WIKIMEDIA_PATH = re.compile(r"/wiki/Special:(?:FilePath|Redirect/file)/(?P<name>[^/]+)")
_FLICKR_HOST = re.compile(r"(?:live|static|c\d+|farm\d+)\.staticflickr\.com|(?:farm\d+\.)?static\.flickr\.com")
_FLICKR_PATH = re.compile(r"(?:/\d+)?/\d+/(?P<id>\d{6,})_[0-9a-f]{8,}(?:_(?P<size>[a-z0-9]{1,2}))?\.(?:jpg|png|gif)")
_FLICKR_CROPS = frozenset({"s", "q", "sq"})


def host_key(host: str, path: str, parameters: Set[str]) -> str | None:
    """The host's own key of a picture; None where no rule fits exactly.

    Args:
        host: lower-case ASCII.
        path: percent-encoding normalised, dot segments resolved.
        parameters: lower-case names of the query's parameters.

    >>> host_key("upload.wikimedia.org", "/wikipedia/commons/thumb/a/a9/Example.jpg/120px-Example.jpg", set())
    'wm:commons:Example.jpg'
    >>> host_key("live.staticflickr.com", "/65535/50000000001_0a1b2c3d4e_b.jpg", set())
    'flickr:50000000001'
    """
    if host in ("upload.wikimedia.org", "thumb.wikimedia.org"):
        return _wikimedia_key(path)
    if host == "commons.wikimedia.org" and not parameters - {"width", "height"}:
        found = _WIKIMEDIA_PATH.fullmatch(path)
        return f"wm:commons:{_file_name(found['name'])}" if found else None
    if _FLICKR_HOST.fullmatch(host):
        return _flickr_key(path)
    return None


def _wikimedia_key(path: str) -> str | None:
    """`wm:<wiki>:<name>`, only if the path's hash digits are the name's: then it is a current file and no other."""
    thumb = _WIKIMEDIA_THUMB.fullmatch(path) if "/thumb/" in path else None
    found = thumb or _WIKIMEDIA_FILE.fullmatch(path)
    if not found:
        return None
    name = _file_name(found["name"])
    digest = hashlib.md5(name.encode("utf-8"), usedforsecurity=False).hexdigest()
    if (found["h"], found["hh"]) != (digest[0], digest[:2]):
        return None
    if thumb is None:
        return f"wm:{found['wiki']}:{name}"
    tail = _file_name(thumb["tail"].removeprefix("-"))
    # Long names are shortened to `thumbnail` in the last segment; a converted thumb has one more extension.
    if not re.fullmatch(rf"(?:{re.escape(name)}(?:\.[a-z]+)?|thumbnail\.[a-z.]+)", tail, re.IGNORECASE):
        return None
    # Pages of a document and languages of a drawing are different pictures.
    part = thumb["part"].rstrip("-")
    return f"wm:{found['wiki']}:{name}" + (f":{part}" if part else "")


def _file_name(encoded: str) -> str:
    name = unicodedata.normalize("NFC", unquote(encoded)).replace(" ", "_")
    first = name[:1].upper()
    return first + name[1:] if len(first) == 1 else name


def _flickr_key(path: str) -> str | None:
    """`flickr:<photo id>` for sizes that show the whole photo; square crops keep addresses of their own."""
    found = _FLICKR_PATH.fullmatch(path)
    return f"flickr:{found['id']}" if found and found["size"] not in _FLICKR_CROPS else None
