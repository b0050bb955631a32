import asyncio
import json
from collections.abc import Mapping
from dataclasses import dataclass, field

import aiohttp
import pytest

from imagenet_build.errors import ConfigError, EngineRefused, RateLimited, SourceError, UnexpectedResponse, Unreachable
from imagenet_build.network.messages import HttpAnswer, HttpRequest
from imagenet_build.network.oauth import EARLY_S, UNSAID_LIFE_S, TokenSource
from imagenet_build.search.engines.openverse import Openverse
from imagenet_build.search.engines.openverse_account import (
    CLIENT_ID_ENV,
    CLIENT_SECRET_ENV,
    credentials,
    register,
    registration_request,
)
from tests.fakes.openverse_server import OpenverseServer, blocked, throttled
from tests.fakes.server import Reply
from tests.search.engines.asking import AGENT, english

SECRET = "s3cr3t-of-the-tests"
ENVIRONMENT = {CLIENT_ID_ENV: "client-a", CLIENT_SECRET_ENV: SECRET}
PATH = "/v1/auth_tokens/token/"


async def post(url: str, body: bytes, headers: Mapping[str, str]) -> HttpAnswer:
    async with aiohttp.ClientSession() as session, session.post(url, data=body, headers=headers) as answer:
        return HttpAnswer(answer.status, {k.lower(): v for k, v in answer.headers.items()}, await answer.read())


async def send(request: HttpRequest) -> HttpAnswer:
    assert request.body is not None
    return await post(request.url, request.body, request.headers)


@dataclass
class Session:
    """A client with a clock that the test moves."""

    server: OpenverseServer
    environment: Mapping[str, str] = field(default_factory=lambda: ENVIRONMENT)
    now_s: float = 5000.0

    def __post_init__(self) -> None:
        self.engine = Openverse(self.server.base_url, with_token=True)
        assert self.engine.oauth is not None
        self.tokens = TokenSource(post, self.engine.oauth, environment=self.environment, clock=lambda: self.now_s)

    async def search(self) -> tuple[str, HttpAnswer]:
        """One search with the token of now, and that token's header."""
        header = await self.tokens.header()
        request = self.engine.request(english("beagle"), None)
        async with (
            aiohttp.ClientSession(headers={"User-Agent": AGENT, "Authorization": header}) as session,
            session.get(request.full_url()) as answer,
        ):
            headers = {k.lower(): v for k, v in answer.headers.items()}
            return header, HttpAnswer(answer.status, headers, await answer.read())


@pytest.fixture
def server():
    pictures = [{"title": f"Beagle {n}", "url": f"http://127.0.0.1/{n}.jpg"} for n in range(300)]
    with OpenverseServer(pictures, clients={"client-a": SECRET}) as running:
        yield running


async def test_one_exchange_serves_many_requests(server):
    session = Session(server)
    headers = await asyncio.gather(*(session.tokens.header() for _ in range(20)))
    assert len(set(headers)) == 1
    assert headers[0].startswith("Bearer ")
    assert server.log.counts() == {PATH: 1}
    assert server.log.calls[0].method == "POST"
    assert SECRET not in str(server.log.calls[0].query)


async def test_with_a_token_pages_are_larger_and_reach_the_depth(server):
    session = Session(server)
    header = await session.tokens.header()
    hits, cursor = [], None
    async with aiohttp.ClientSession(headers={"Authorization": header}) as client:
        while True:
            async with client.get(session.engine.request(english("beagle"), cursor).full_url()) as answer:
                page = session.engine.parse(await answer.read(), english("beagle"), cursor)
            hits += page.hits
            if page.next_cursor is None:
                break
            cursor = page.next_cursor
    assert [hit.rank for hit in hits] == list(range(240))
    assert server.log.count("/v1/images/") == 5
    assert page.truncated


async def test_renewed_before_it_ends_and_not_earlier(server):
    session = Session(server)
    first = await session.tokens.header()
    session.now_s += server.token_life_s - EARLY_S - 1
    assert await session.tokens.header() == first
    session.now_s += 2
    assert await session.tokens.header() != first
    assert server.log.count(PATH) == 2


@pytest.mark.parametrize(
    ("said", "life_s"),
    [({"expires_in": 100}, 90.0), ({}, 0.9 * UNSAID_LIFE_S), ({"expires_in": "x"}, 0.9 * UNSAID_LIFE_S)],
)
async def test_short_and_unsaid_lives(server, said, life_s):
    session = Session(server)
    server.at(1, Reply.json({"access_token": "t", "token_type": "bearer", **said}))
    assert await session.tokens.header() == "Bearer t"
    session.now_s += life_s - 1
    assert await session.tokens.header() == "Bearer t"
    session.now_s += 1
    assert await session.tokens.header() != "Bearer t"


async def test_a_token_taken_for_none_is_replaced(server):
    session = Session(server)
    header, answer = await session.search()
    assert (answer.status, session.tokens.saw(header, answer)) == (200, False)
    server.tokens.clear()  # expired there, though not by our clock
    header, answer = await session.search()
    assert answer.status == 401
    assert isinstance(session.engine.failure(answer), RateLimited)
    assert session.tokens.saw(header, answer)
    renewed, answer = await session.search()
    assert renewed != header
    assert (answer.status, session.tokens.saw(renewed, answer)) == (200, False)
    server.tokens.clear()  # another time later is another renewal, no end
    header, answer = await session.search()
    assert session.tokens.saw(header, answer)


async def test_answers_to_older_tokens_say_nothing_of_the_new_one(server):
    session = Session(server)
    old, _ = await session.search()
    server.tokens.clear()
    _, late = await session.search()
    assert session.tokens.saw(old, late)
    current = await session.tokens.header()
    assert not session.tokens.saw(old, late)
    assert await session.tokens.header() == current


async def test_an_unconfirmed_client_is_told_what_to_do(server):
    server.unverified.add("client-a")
    session = Session(server)
    header, answer = await session.search()
    assert answer.status == 200
    assert session.tokens.saw(header, answer)
    header, answer = await session.search()
    with pytest.raises(EngineRefused, match="mail that Openverse sent"):
        session.tokens.saw(header, answer)


async def test_wrong_secret_stops_the_engine_without_showing_it(server):
    session = Session(server, {CLIENT_ID_ENV: "client-a", CLIENT_SECRET_ENV: "wr0ng-secret"})
    with pytest.raises(EngineRefused, match="invalid_client") as caught:
        await session.tokens.header()
    assert server.log.calls[0].status == 401
    assert CLIENT_SECRET_ENV in caught.value.remedy
    assert "wr0ng-secret" not in str(caught.value)


@pytest.mark.parametrize("environment", [{}, {CLIENT_ID_ENV: "client-a"}, {**ENVIRONMENT, CLIENT_SECRET_ENV: " "}])
async def test_missing_variables_are_named_and_nothing_is_sent(server, environment):
    with pytest.raises(EngineRefused, match="is not set"):
        await Session(server, environment).tokens.header()
    assert server.log.count() == 0


@pytest.mark.parametrize(
    ("reply", "kind"),
    [
        (throttled(9), RateLimited),
        (Reply.text("down", 503), RateLimited),
        (blocked(), EngineRefused),
        (Reply.text(f"client_secret={SECRET} is bad", 400), EngineRefused),
        (Reply.json({"error": f"bad {SECRET}"}, 401), EngineRefused),
        (Reply.text("<html>portal</html>"), Unreachable),
        (Reply.json([]), UnexpectedResponse),
        (Reply.json({"access_token": ""}), UnexpectedResponse),
        (Reply.json({"access_token": "a\r\nX-Evil: 1"}), UnexpectedResponse),
        (Reply.json({"access_token": "t", "token_type": "mac"}), UnexpectedResponse),
        (Reply.text("?", 302), UnexpectedResponse),
    ],
)
async def test_other_answers_have_their_class_and_the_next_call_tries_again(server, reply, kind):
    session = Session(server)
    server.at(1, reply)
    with pytest.raises(SourceError) as caught:
        await session.tokens.header()
    assert type(caught.value) is kind
    assert SECRET not in str(caught.value)
    assert (await session.tokens.header()).startswith("Bearer token-")


async def test_throttling_keeps_its_wait(server):
    server.at(1, throttled(9))
    with pytest.raises(RateLimited) as caught:
        await Session(server).tokens.header()
    assert caught.value.retry_after_s == 9


def test_no_secret_in_what_may_be_printed(server):
    session = Session(server)
    assert SECRET not in repr(session.tokens) + repr(session.engine.oauth) + str(vars(session.engine))


async def test_registration_makes_a_client_whose_tokens_work_once_confirmed(server):
    client = await register(send, server.base_url, "My crawl", "A picture dataset", "me@example.org")
    assert client.client_secret not in repr(client)
    session = Session(server, {CLIENT_ID_ENV: client.client_id, CLIENT_SECRET_ENV: client.client_secret})
    server.unverified.discard(client.client_id)
    header, answer = await session.search()
    assert (answer.status, session.tokens.saw(header, answer)) == (200, False)


async def test_registration_problems_are_named(server):
    await register(send, server.base_url, "My crawl", "A picture dataset", "me@example.org")
    with pytest.raises(ConfigError, match=r"name: .*already exists"):
        await register(send, server.base_url, "My crawl", "A picture dataset", "me@example.org")
    with pytest.raises(ConfigError, match="email: Enter a valid"):
        await register(send, server.base_url, "Another", "A picture dataset", "nobody")


@pytest.mark.parametrize(
    ("reply", "kind"),
    [
        (throttled(9), RateLimited),
        (blocked(), EngineRefused),
        (Reply.text("<html>portal</html>"), Unreachable),
        (Reply.json({"name": "x", "secret_in_new_form": SECRET}, 201), UnexpectedResponse),
        (Reply.json({"name": "x", "client_id": 7, "client_secret": SECRET}, 201), UnexpectedResponse),
        (Reply.text("<html>" + SECRET, 201), UnexpectedResponse),
    ],
)
async def test_other_answers_to_a_registration(server, reply, kind):
    server.at(1, reply)
    with pytest.raises(SourceError) as caught:
        await register(send, server.base_url, "My crawl", "A picture dataset", "me@example.org")
    assert type(caught.value) is kind
    assert SECRET not in str(caught.value)


def test_the_registration_holds_what_the_service_documents():
    request = registration_request("https://example.org/", "Ärger", "why", "me@example.org")
    assert request.url == "https://example.org/v1/auth_tokens/register/"
    assert request.body is not None
    assert json.loads(request.body) == {"name": "Ärger", "description": "why", "email": "me@example.org"}
    assert credentials("https://example.org").token_url == "https://example.org/v1/auth_tokens/token/"
