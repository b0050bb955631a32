"""Openverse's free accounts: registering a client, and what its tokens are fetched with.

Source: https://docs.openverse.org/api/reference/authentication_and_throttling.html
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

from imagenet_build.errors import (
    ConfigError,
    EngineRefused,
    RateLimited,
    SourceError,
    UnexpectedResponse,
    Unreachable,
)
from imagenet_build.network.messages import HttpAnswer, HttpRequest
from imagenet_build.network.oauth import OAuthClientCredentials
from imagenet_build.network.retry import retry_after_s

SOURCE = "openverse"
CLIENT_ID_ENV = "OPENVERSE_CLIENT_ID"
CLIENT_SECRET_ENV = "OPENVERSE_CLIENT_SECRET"


@dataclass(frozen=True, slots=True)
class RegisteredClient:
    """A new client: its limits stay those of anonymous use until the link in a mail to its address is opened."""

    name: str
    client_id: str
    client_secret: str = field(repr=False)


def credentials(base_url: str) -> OAuthClientCredentials:
    """What tokens of the service at this address are fetched with."""
    return OAuthClientCredentials(
        f"{base_url.rstrip('/')}/v1/auth_tokens/token/",
        CLIENT_ID_ENV,
        CLIENT_SECRET_ENV,
        SOURCE,
        anonymous_scope="anon_",
        unverified_remedy="Open the link in the mail that Openverse sent to the address you registered, or unset "
        f"{CLIENT_ID_ENV} and {CLIENT_SECRET_ENV} to be asked for less.",
    )


def registration_request(base_url: str, name: str, description: str, email: str) -> HttpRequest:
    """The request that makes a client. It holds no secret.

    Args:
        base_url: of the service.
        name: of the client; no other client may have it.
        description: what it is for; people read it.
        email: where the link to confirm goes.
    """
    body = json.dumps({"name": name, "description": description, "email": email}, ensure_ascii=False).encode()
    return HttpRequest(
        f"{base_url.rstrip('/')}/v1/auth_tokens/register/", headers={"Content-Type": "application/json"}, body=body
    )


async def register(
    send: Callable[[HttpRequest], Awaitable[HttpAnswer]], base_url: str, name: str, description: str, email: str
) -> RegisteredClient:
    """Make a client. Not worth repeating on its own: every call that succeeds makes another one.

    Raises:
        ConfigError: the name is taken, or the address is none; says which.
        RateLimited, Unreachable, EngineRefused: the service does not answer this now, or not to this machine.
        UnexpectedResponse: an answer without the documented form.
    """
    answer = await send(registration_request(base_url, name, description, email))
    if answer.status != 201:
        raise _failure(answer)
    try:
        found: Any = json.loads(answer.body)
        client = RegisteredClient(str(found["name"]), found["client_id"], found["client_secret"])
    except (ValueError, KeyError, TypeError):
        client = None
    if client is None or not all(isinstance(key, str) and key for key in (client.client_id, client.client_secret)):
        # Nothing of the body is shown: it may hold the secret in another form.
        raise UnexpectedResponse(f"{SOURCE} answered 201, but without client_id and client_secret.", source=SOURCE)
    return client


def _failure(answer: HttpAnswer) -> SourceError | ConfigError:
    message = f"{SOURCE} answered {answer.status} to the registration"
    if answer.status == 400:
        return ConfigError(f"{message}: {_said(answer.body)}", remedy="Choose another name, or check the address.")
    if answer.status in (408, 425, 429) or answer.status >= 500:
        return RateLimited(f"{message}.", source=SOURCE, retry_after_s=retry_after_s(answer.headers))
    if answer.status in (401, 403, 404):
        return EngineRefused(
            f"{message}.", source=SOURCE, remedy="Try from another network: data centres' addresses are often refused."
        )
    if answer.status == 200:
        return Unreachable(f"{message}, which is not its way to say that a client was made.", source=SOURCE)
    return UnexpectedResponse(f"{message}.", source=SOURCE)


def _said(body: bytes) -> str:
    """What is wrong with each field."""
    try:
        answer = json.loads(body)
        problems = answer.get("detail", answer)
        if not isinstance(problems, dict):
            return str(problems)[:300]
        texts = [f"{name}: {' '.join(map(str, said))}" for name, said in problems.items() if isinstance(said, list)]
        return "; ".join(texts)[:300]
    except (ValueError, AttributeError):
        return body[:200].decode("utf-8", "replace").strip()
