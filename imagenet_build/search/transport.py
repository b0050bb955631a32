"""EDGE: how an engine's requests are sent: over HTTP with its keys, or to an index on this disk."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AsyncExitStack
from urllib.parse import urlsplit

from imagenet_build.collection.transport import CollectionTransport
from imagenet_build.config.models import EngineConfig, SearchConfig
from imagenet_build.errors import EngineRefused, HopRefused, SourceError, Unreachable
from imagenet_build.network.client import HttpClient
from imagenet_build.network.messages import HttpAnswer, HttpRequest
from imagenet_build.network.oauth import OAuthClientCredentials, TokenSource
from imagenet_build.search.engine import Engine
from imagenet_build.search.keys import Keys
from imagenet_build.search.pages import Transport


def transport_for(
    engine: Engine,
    config: EngineConfig,
    search: SearchConfig,
    client: HttpClient,
    keys: Keys,
    stack: AsyncExitStack,
) -> Transport:
    """The transport of one engine; what it opens is closed with `stack`."""
    if config.index is not None:
        local = CollectionTransport(config.index)
        stack.callback(local.close)
        return local.answer

    async def post(url: str, body: bytes, headers: Mapping[str, str]) -> HttpAnswer:
        return await client.send(
            url, headers=headers, body=body, timeout_s=search.timeout_s, max_bytes=search.max_page_bytes
        )

    oauth: OAuthClientCredentials | None = getattr(engine, "oauth", None)
    account = {name: keys.value(name) for name in engine.info.keys} if oauth else {}
    tokens = TokenSource(post, oauth, environment=account) if oauth else None
    hidden = keys

    async def send(request: HttpRequest) -> HttpAnswer:
        nonlocal hidden
        url, headers = keys.filled(request)
        token = await tokens.header() if tokens else ""
        if token:
            headers["Authorization"] = token
            hidden = hidden.with_token(token.removeprefix("Bearer "))

        async def stay(hop: str) -> None:
            if _origin(hop) != _origin(url):
                raise HopRefused(f"{config.name} redirects to {_origin(hop)}; keys are not sent there.")

        try:
            answer = await client.send(
                url,
                headers=headers,
                body=request.body,
                timeout_s=search.timeout_s,
                max_bytes=search.max_page_bytes,
                before_hop=stay if request.secrets or token else None,
            )
            if tokens:
                tokens.saw(token, answer)
            # some services repeat the key in their answer; what is kept must not hold it
            return HttpAnswer(answer.status, answer.headers, hidden.scrubbed_bytes(answer.body))
        except Unreachable as error:
            raise Unreachable(hidden.scrubbed(error.message), source=config.name) from None
        except SourceError as error:  # an address, a redirect or a size that will not change by asking again
            raise EngineRefused(hidden.scrubbed(str(error)), source=config.name) from None

    return send


def _origin(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"
