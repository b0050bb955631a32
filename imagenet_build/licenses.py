"""Pure: what sources write about a picture's licence, normalised to (code, version, URL).

The codes are Openverse's (`by`, `by-sa`, …, `cc0`, `pdm`) and a few of our own for what Creative Commons has none for.
Anything not recognised is `unknown`: a licence is never guessed.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import NamedTuple
from urllib.parse import urlsplit

from imagenet_build.records import UNKNOWN_LICENSE

CC_CODES = frozenset({"by", "by-sa", "by-nc", "by-nd", "by-nc-sa", "by-nc-nd", "sampling+", "nc-sampling+"})
OPENVERSE_LICENSES = CC_CODES | {"cc0", "pdm"}
"""The values of the `license` parameter of Openverse's API."""
LICENSE_CODES = OPENVERSE_LICENSES | {"arr", "nkc", "usgov", UNKNOWN_LICENSE}
"""arr: all rights reserved; nkc: no known copyright restrictions; usgov: work of the US government."""

_SITE = re.compile(r"site:[a-z0-9.-]+")
_CC_TEXT = re.compile(
    r"(?:cc-)?(?P<code>by(?:-[a-z]{2})*|nc-sampling\+|sampling\+)(?:-(?P<version>\d\.\d)(?:-(?P<port>[a-z]{2,}))?(?:[,-].*)?)?"
)
_CC0_TEXT = re.compile(r"(?:cc-?0|cc-zero|zero)(?:-1\.0)?")
_PUBLIC_DOMAIN_TEXT = re.compile(r"pd|pdm|cc-pd|cc-pdm|public-domain|public-domain-mark")
_MARK_VERSION = re.compile(r"(?:cc-)?(?:pdm|public-domain-mark)-1\.0")
_CC_PATH = re.compile(r"/licenses/(?P<code>[a-z+-]+)/(?P<version>\d\.\d)(?:/(?P<port>[a-z]{2,}))?(?:/.*)?")
_PORT_NOISE = frozenset({"deed", "legalcode", "migrated", "igo"})
_OTHER_TEXT = {
    "arr": "arr",
    "all-rights-reserved": "arr",
    "nkc": "nkc",
    "no-known-copyright-restrictions": "nkc",
    "usgov": "usgov",
}
_ZERO_URL = "https://creativecommons.org/publicdomain/zero/1.0/"
_MARK_URL = "https://creativecommons.org/publicdomain/mark/1.0/"


class LicenseTerms(NamedTuple):
    """A licence as the manifests write it; version and URL are empty where nothing is known of them."""

    code: str
    version: str = ""
    url: str = ""


UNKNOWN = LicenseTerms(UNKNOWN_LICENSE)


def is_license_code(code: str) -> bool:
    """Whether a text is one of the codes, `site:<name>` (one licence for a whole site) included."""
    return code in LICENSE_CODES or _SITE.fullmatch(code) is not None


@lru_cache(4096)
def normalize_license(name: str = "", version: str = "", url: str = "") -> LicenseTerms:
    """The licence that a name, a version and a URL stand for; the name counts before the URL.

    Args:
        name: a code or a spelling of it: `by-sa`, `cc-by-sa-3.0-de`, `CC BY 2.0`, `CC_BY_NC_4_0`, `pd`, `CC0`, or a
            creativecommons.org URL; empty if not said.
        version: `4.0`; needed only if the name does not hold it.
        url: the licence's page; given back in its usual form, or made from code and version where absent.

    >>> normalize_license("cc-by-sa-4.0", url="http://creativecommons.org/licenses/by-sa/4.0")
    LicenseTerms(code='by-sa', version='4.0', url='https://creativecommons.org/licenses/by-sa/4.0/')
    >>> normalize_license("some template nobody knows")
    LicenseTerms(code='unknown', version='', url='')
    """
    by_url = license_from_url(url)
    terms = license_from_url(name) if "creativecommons.org/" in name.lower() else _from_name(name, version.strip())
    if terms.code == UNKNOWN_LICENSE:
        # A name that is not known says less than a URL that is; unknown terms keep their URL, for people to read.
        return by_url if by_url.code != UNKNOWN_LICENSE else LicenseTerms(UNKNOWN_LICENSE, "", url.strip())
    if by_url.code == terms.code and terms.version in ("", by_url.version):
        return by_url
    if by_url.code == UNKNOWN_LICENSE and url.strip():
        return terms._replace(url=url.strip())
    return terms


def license_from_url(url: str) -> LicenseTerms:
    """Read a creativecommons.org URL; `http:`, `www.`, deeds, legal code and a trailing slash do not matter.

    >>> license_from_url("http://www.creativecommons.org/licenses/by-nc/2.0/deed.de")
    LicenseTerms(code='by-nc', version='2.0', url='https://creativecommons.org/licenses/by-nc/2.0/')
    >>> license_from_url("https://creativecommons.org/publicdomain/zero/1.0")
    LicenseTerms(code='cc0', version='1.0', url='https://creativecommons.org/publicdomain/zero/1.0/')
    """
    text = url.strip().lower()
    try:
        parts = urlsplit(text if "//" in text else f"https://{text}")
        host = parts.hostname or ""
    except ValueError:
        return UNKNOWN
    if host.removeprefix("www.") != "creativecommons.org":
        return UNKNOWN
    path = parts.path.rstrip("/") + "/"
    if path.startswith("/publicdomain/zero/1.0/"):
        return LicenseTerms("cc0", "1.0", _ZERO_URL)
    if path.startswith("/publicdomain/mark/1.0/"):
        return LicenseTerms("pdm", "1.0", _MARK_URL)
    if path.startswith("/licenses/publicdomain/"):
        return LicenseTerms("pdm", "", url.strip())
    found = _CC_PATH.fullmatch(path)
    return _cc_terms(found["code"], found["version"], found["port"] or "") if found else UNKNOWN


def _from_name(name: str, version: str) -> LicenseTerms:
    text = re.sub(r"(\d)[_](\d)", r"\1.\2", name.strip().lower())
    text = re.sub(r"[\s_-]+", "-", text).strip("-.")
    if _SITE.fullmatch(text):
        return LicenseTerms(text, version)
    if text.startswith("pd-usgov"):  # Commons has one template per agency
        return LicenseTerms("usgov", version)
    if text in _OTHER_TEXT:
        return LicenseTerms(_OTHER_TEXT[text], version)
    if _CC0_TEXT.fullmatch(text):
        return LicenseTerms("cc0", "1.0", _ZERO_URL)
    if _MARK_VERSION.fullmatch(text) or (text == "pdm" and version == "1.0"):
        return LicenseTerms("pdm", "1.0", _MARK_URL)
    if _PUBLIC_DOMAIN_TEXT.fullmatch(text):
        return LicenseTerms("pdm", version)
    found = _CC_TEXT.fullmatch(text)
    return _cc_terms(found["code"], found["version"] or version, found["port"] or "") if found else UNKNOWN


def _cc_terms(code: str, version: str, port: str) -> LicenseTerms:
    """A Creative Commons licence; its elements come in any order (version 1.0 has by-nd-nc), the code has one."""
    if code not in CC_CODES:
        elements = set(code.split("-"))
        code = "-".join(element for element in ("by", "nc", "nd", "sa") if element in elements)
        if code not in CC_CODES or elements - {"by", "nc", "nd", "sa"}:
            return UNKNOWN
    if not version:
        return LicenseTerms(code)
    place = f"{port}/" if port and port not in _PORT_NOISE else ""
    return LicenseTerms(code, version, f"https://creativecommons.org/licenses/{code}/{version}/{place}")
