"""OAuth 2.0 client credentials (RFC 6749 section 4.4): what they are, and a source of tokens that renews them.

Keys and tokens stand in no request object, message or exception: whoever sends a request adds the header that
`TokenSource.header` gives at the last moment.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from imagenet_build.errors import EngineRefused, RateLimited, SourceError, UnexpectedResponse, Unreachable
from imagenet_build.network.messages import HttpAnswer
from imagenet_build.network.retry import retry_after_s

ClientPost = Callable[[str, bytes, Mapping[str, str]], Awaitable[HttpAnswer]]
"""Sends a POST (URL, body, headers) and gives the answer; raises Unreachable when there is none."""

EARLY_S = 600.0
"""A token is renewed this long before it ends, or after nine tenths of its life where that is later."""
UNSAID_LIFE_S = 600.0
"""Life of a token whose answer does not say it (`expires_in` is only recommended), seconds."""

_FORM = {"Content-Type": "application/x-www-form-urlencoded", "Accept": "application/json"}


@dataclass(frozen=True, slots=True)
class OAuthClientCredentials:
    """Where tokens come from, and the names of the variables that hold what they are given for."""

    token_url: str
    client_id_env: str
    client_secret_env: str
    source: str
    """The engine's name, for messages."""
    anonymous_scope: str = ""
    """A service that takes a bad token for none may say so only in its rate-limit headers: how the scopes of those
    that are not signed in begin (`anon_` in `X-RateLimit-Limit-anon_burst`). Empty: it says 401."""
    unverified_remedy: str = ""
    """What the user should do when even a fresh token is taken for none."""


class TokenSource:
    """The `Authorization` header for one client, fetched when first needed and renewed before it ends.

    Args:
        post: sends the token request.
        credentials: what is exchanged.
        environment: the variables' values, by name.
        clock: seconds, never going back.
    """

    def __init__(
        self,
        post: ClientPost,
        credentials: OAuthClientCredentials,
        *,
        environment: Mapping[str, str],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._post = post
        self._credentials = credentials
        self._environment = environment
        self._clock = clock
        self._lock = asyncio.Lock()
        self._header = ""
        self._renew_at_s = 0.0
        self._downgrades = 0

    async def header(self) -> str:
        """The header's value, `Bearer …`; however many wait for it, one exchange is under way.

        Raises:
            EngineRefused: a variable is not set, or the service refuses the client.
            RateLimited, Unreachable: worth another try.
            UnexpectedResponse: an answer without the form of RFC 6749 section 5.
        """
        async with self._lock:
            if not self._header or self._clock() >= self._renew_at_s:
                await self._exchange()
            return self._header

    def saw(self, header: str, answer: HttpAnswer) -> bool:
        """Look at an answer to a request that carried `header`.

        Returns:
            Whether the service took the request for an anonymous one: then the token is dropped, and the next call of
            `header` fetches another.
        Raises:
            EngineRefused: it happened again with a token fetched because of that.
        """
        scopes = _scopes(answer.headers)
        if not self._credentials.anonymous_scope or not scopes or header != self._header:
            return False
        if not any(scope.startswith(self._credentials.anonymous_scope) for scope in scopes):
            self._downgrades = 0
            return False
        self._downgrades += 1
        if self._downgrades > 1:
            raise EngineRefused(
                f"{self._credentials.source} takes requests with a fresh token for anonymous ones.",
                source=self._credentials.source,
                remedy=self._credentials.unverified_remedy,
            )
        self._header = ""
        return True

    async def _exchange(self) -> None:
        form = {
            "grant_type": "client_credentials",
            "client_id": self._variable(self._credentials.client_id_env),
            "client_secret": self._variable(self._credentials.client_secret_env),
        }
        asked_s = self._clock()
        answer = await self._post(self._credentials.token_url, urlencode(form).encode(), _FORM)
        failure = self._failure(answer)
        if failure is not None:
            raise failure
        token, life_s = self._read(answer.body)
        self._header = f"Bearer {token}"
        self._renew_at_s = asked_s + max(life_s - EARLY_S, 0.9 * life_s)

    def _variable(self, name: str) -> str:
        value = self._environment.get(name, "").strip()
        if not value:
            raise EngineRefused(
                f"{name} is not set.",
                source=self._credentials.source,
                remedy=f"Set {self._credentials.client_id_env} and {self._credentials.client_secret_env}, or neither.",
            )
        return value

    def _failure(self, answer: HttpAnswer) -> SourceError | None:
        """RFC 6749 section 5.2: 400 or 401 with an error code. The body may repeat what was sent: it is not shown."""
        name = self._credentials.source
        message = f"{name}'s token endpoint answered {answer.status}"
        if answer.status == 200:
            return None
        if answer.status in (408, 425, 429) or answer.status >= 500:
            return RateLimited(f"{message}.", source=name, retry_after_s=retry_after_s(answer.headers))
        code = _error_code(answer.body)
        if answer.status in (400, 401):
            return EngineRefused(
                f"{message}: {code or 'no reason given'}.",
                source=name,
                remedy=f"Check {self._credentials.client_id_env} and {self._credentials.client_secret_env}.",
            )
        if answer.status == 403:
            return EngineRefused(f"{message}: its gatekeeper refuses this machine's address.", source=name)
        return UnexpectedResponse(f"{message}.", source=name)

    def _read(self, body: bytes) -> tuple[str, float]:
        name = self._credentials.source
        try:
            answer: Any = json.loads(body)
        except ValueError:
            raise Unreachable(f"{name}'s token endpoint answered 200 without JSON.", source=name) from None
        token = answer.get("access_token") if isinstance(answer, dict) else None
        if not isinstance(token, str) or not token.isascii() or not token.isprintable() or not token:
            raise UnexpectedResponse(f"{name}'s token endpoint gave no access_token.", source=name)
        kind = answer.get("token_type", "Bearer")
        if str(kind).lower() != "bearer":
            raise UnexpectedResponse(f"{name}'s token endpoint gave a token that is no bearer token.", source=name)
        life = answer.get("expires_in")
        is_number = isinstance(life, (int, float)) and not isinstance(life, bool) and life > 0
        return token, float(life) if is_number else UNSAID_LIFE_S


_ERROR_CODES = frozenset(
    {"invalid_request", "invalid_client", "invalid_grant", "unauthorized_client", "unsupported_grant_type"}
)


def _error_code(body: bytes) -> str:
    try:
        answer = json.loads(body)
    except ValueError:
        return ""
    code = answer.get("error") if isinstance(answer, dict) else None
    return code if isinstance(code, str) and code in _ERROR_CODES else ""


def _scopes(headers: Mapping[str, str]) -> list[str]:
    """The scopes of `X-RateLimit-Limit-<scope>` headers."""
    prefix = "x-ratelimit-limit-"
    return [name.removeprefix(prefix) for name in headers if name.startswith(prefix)]
