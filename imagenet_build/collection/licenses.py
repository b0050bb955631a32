"""Pure: what a caption table says about a licence, as Openverse's code, version and URL; never a guess."""

from __future__ import annotations

import re
from urllib.parse import urlsplit

from imagenet_build.records import UNKNOWN_LICENSE

OPENVERSE_LICENSES = frozenset(
    {"by", "by-nc", "by-nc-nd", "by-nc-sa", "by-nd", "by-sa", "cc0", "nc-sampling+", "pdm", "sampling+"}
)
"""The values of the `license` parameter of Openverse's API."""

_PUBLIC_DOMAIN = {"zero": "cc0", "mark": "pdm"}
_PATH = re.compile(
    r"/(?:licenses/(?P<code>[a-z+-]+)|publicdomain/(?P<dedication>zero|mark))/(?P<version>\d\.\d)(?:/.*)?"
)
_NAME = re.compile(r"(?:cc[ -])?(?P<code>[a-z0-9+-]+?)(?:[ -](?P<version>\d\.\d))?")


def normalize_license(name: str = "", version: str = "", url: str = "") -> tuple[str, str, str]:
    """(code, version, URL) of a licence given by name, by creativecommons.org URL, or both.

    The code is `unknown` where neither is understood; a URL is then kept for people to read.

    >>> normalize_license(url="http://creativecommons.org/licenses/by-sa/2.0/deed.de")
    ('by-sa', '2.0', 'https://creativecommons.org/licenses/by-sa/2.0/')
    >>> normalize_license("CC BY-NC 4.0")
    ('by-nc', '4.0', 'https://creativecommons.org/licenses/by-nc/4.0/')
    >>> normalize_license("?", url="https://example.org/terms")
    ('unknown', '', 'https://example.org/terms')
    """
    for text in (name, url):
        found = _from_url(text)
        if found:
            return (*found, license_url(*found))
    match = _NAME.fullmatch(name.strip().lower().replace("_", "-"))
    if match and match["code"] in OPENVERSE_LICENSES:
        found = (match["code"], match["version"] or version.strip())
        return (*found, url.strip() or license_url(*found))
    return UNKNOWN_LICENSE, "", url.strip()


def license_url(code: str, version: str) -> str:
    """The page of a Creative Commons licence; empty if the version is not known."""
    if not version:
        return ""
    if code in _PUBLIC_DOMAIN.values():
        word = next(word for word, value in _PUBLIC_DOMAIN.items() if value == code)
        return f"https://creativecommons.org/publicdomain/{word}/{version}/"
    return f"https://creativecommons.org/licenses/{code}/{version}/"


def _from_url(text: str) -> tuple[str, str] | None:
    """Code and version that a creativecommons.org URL names; deeds, legal code and `www.` do not matter."""
    text = text.strip().lower()
    if "creativecommons.org/" not in text:
        return None
    try:
        parts = urlsplit(text if "//" in text else f"https://{text}")
        host = (parts.hostname or "").removeprefix("www.")
    except ValueError:
        return None
    match = _PATH.fullmatch(parts.path)
    if host != "creativecommons.org" or not match:
        return None
    code = match["code"] or _PUBLIC_DOMAIN[match["dedication"]]
    return (code, match["version"]) if code in OPENVERSE_LICENSES else None
