"""Pure: who somebody is, by a signed cookie; who may come in, by an invitation link."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import ipaddress
from collections.abc import Collection
from urllib.parse import urlencode

COOKIE = "annotator"
MOST_NAME = 80


def _signature(secret: str, text: str) -> str:
    return hmac.new(secret.encode(), text.encode(), hashlib.sha256).hexdigest()[:32]


def clean_name(name: object) -> str:
    """A name as it is kept: without spaces around it or control characters; empty if it is none.

    >>> clean_name("  Ada  Lovelace ")
    'Ada Lovelace'
    """
    if not isinstance(name, str):
        return ""
    return " ".join("".join(letter for letter in name if letter.isprintable()).split())[:MOST_NAME]


def cookie_of(secret: str, name: str) -> str:
    """The cookie of somebody who may vote."""
    return f"{base64.urlsafe_b64encode(name.encode()).decode()}.{_signature(secret, 'session:' + name)}"


def name_of(secret: str, cookie: str | None) -> str | None:
    """Whose cookie it is; None if nobody's.

    >>> name_of("s", cookie_of("s", "ada"))
    'ada'
    >>> name_of("another", cookie_of("s", "ada")) is None
    True
    """
    encoded, _, signature = (cookie or "").partition(".")
    try:
        name = base64.urlsafe_b64decode(encoded).decode()
    except (binascii.Error, ValueError):
        return None
    return (
        name
        if name and hmac.compare_digest(signature.encode(), _signature(secret, "session:" + name).encode())
        else None
    )


def invitation(secret: str, name: str = "") -> str:
    """The token of a link for one name; without a name, for everybody who has it."""
    return _signature(secret, "invite:" + name)


def is_invited(secret: str, name: str, token: object) -> bool:
    """Whether a token lets somebody in under this name."""
    if not isinstance(token, str):
        return False
    return any(hmac.compare_digest(token.encode(), invitation(secret, given).encode()) for given in (name, ""))


def invitation_link(url: str, secret: str, name: str = "") -> str:
    """The address to send to an annotator."""
    query = {"token": invitation(secret, name), **({"name": name} if name else {})}
    return f"{url}/?{urlencode(query)}"


def is_loopback(host: str) -> bool:
    """Whether an address to listen on answers this machine only.

    >>> is_loopback("127.0.0.1"), is_loopback("localhost"), is_loopback("0.0.0.0")
    (True, True, False)
    """
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


def is_own_host(header: str | None, port: int) -> bool:
    """Whether a Host header names this machine: another name may lead here by a trick with DNS.

    >>> is_own_host("localhost:8500", 8500), is_own_host("evil.example:8500", 8500)
    (True, False)
    """
    host, _, given = (header or "").rpartition(":")
    if not host:
        host, given = header or "", "80"
    return given == str(port) and is_loopback(host)


def may_join(secret: str, name: str, token: object, names: Collection[str], *, needs_token: bool) -> str:
    """Why somebody may not come in under a name; empty if they may."""
    if not name:
        return "Please give a name."
    if needs_token and not is_invited(secret, name, token):
        return "This needs the invitation link; ask whoever runs this server for it."
    if names and name not in names:
        return f"{name} is not on the list of annotators."
    return ""
