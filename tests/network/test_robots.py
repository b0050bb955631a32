import asyncio
import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imagenet_build.errors import AddressRefused, HostResting, NoConnection
from imagenet_build.network import robots as robots_module
from imagenet_build.network.addresses import AddressPolicy
from imagenet_build.network.client import PRODUCT_TOKEN, HttpClient
from imagenet_build.network.host_lanes import LaneState
from imagenet_build.network.messages import HttpAnswer
from imagenet_build.network.robots import MAX_BYTES, UNREACHABLE_S, Robots, robots_fetcher
from imagenet_build.network.robots_lines import lines_for
from tests.fakes.image_server import ImageServer, redirect, refusal
from tests.fakes.server import Reply
from tests.network.lanes import Memory, lanes_of


@pytest.fixture
def robots(client) -> Robots:
    return Robots(robots_fetcher(client, lanes_of(), 1.0), PRODUCT_TOKEN)


def answering(body: bytes, status: int = 200) -> Robots:
    async def fetch(url: str) -> HttpAnswer:
        return HttpAnswer(status, {}, body)

    return Robots(fetch, PRODUCT_TOKEN)


@pytest.mark.parametrize("status", [400, 401, 403, 404, 410, 451])
async def test_an_absent_file_allows(image_server, robots, status):
    image_server.robots(refusal(status))
    verdict = await robots.verdict(image_server.url("/a.jpg"))
    assert verdict.allowed
    assert str(status) in verdict.evidence


@pytest.mark.parametrize(
    "reply",
    [
        refusal(500),
        refusal(503, {"Retry-After": "60"}),
        refusal(429),
        Reply(mode="drop"),
        Reply(mode="hang"),
        redirect("/robots.txt"),
        Reply(200, bytes(4 * MAX_BYTES + 1), "text/plain"),
    ],
    ids=["500", "503", "429", "dropped", "silent", "loop", "huge"],
)
async def test_an_unreachable_file_refuses_for_now(image_server, robots, reply):
    image_server.robots(reply)
    verdict = await robots.verdict(image_server.url("/a.jpg"))
    assert (verdict.allowed, verdict.reachable) == (False, False)
    assert "/robots.txt" in verdict.evidence


async def test_a_host_that_is_not_there_refuses_until_it_is(robots):
    with ImageServer() as server:
        url = server.url("/a.jpg")
    verdict = await robots.verdict(url)
    assert not verdict.reachable
    assert isinstance(verdict.error, NoConnection)


async def test_a_failed_connection_is_not_remembered(client):
    outcomes = [NoConnection("refused"), HttpAnswer(404, {}, b"")]

    async def fetch(url: str) -> HttpAnswer:
        outcome = outcomes.pop(0)
        if isinstance(outcome, Exception):
            raise outcome
        return outcome

    robots = Robots(fetch, PRODUCT_TOKEN)
    assert not (await robots.verdict("http://example.org/a.jpg")).allowed
    assert (await robots.verdict("http://example.org/b.jpg")).allowed


async def test_a_file_that_redirects_to_nowhere_is_not_the_hosts_own_absence(image_server, robots):
    with ImageServer() as other:
        image_server.robots(redirect(other.url("/robots.txt")))
    verdict = await robots.verdict(image_server.url("/a.jpg"))
    assert not verdict.reachable
    assert verdict.error is None


@pytest.mark.parametrize(
    ("rules", "path", "allowed"),
    [
        ("User-agent: *\nDisallow: /private/", "/private/a.jpg", False),
        ("User-agent: *\nDisallow: /private/", "/public/a.jpg", True),
        ("User-agent: *\nDisallow: /img\nAllow: /img/free/", "/img/free/a.jpg", True),
        ("User-agent: *\nAllow: /img\nDisallow: /img/paid/", "/img/paid/a.jpg", False),
        ("User-agent: *\nDisallow: /a.jpg\nAllow: /a.jpg", "/a.jpg", True),
        ("User-agent: *\nDisallow: /*.png$", "/x/y.png", False),
        ("User-agent: *\nDisallow: /*.png$", "/x/y.png?v=1", True),
        ("User-agent: *\nDisallow: /*?size=", "/a.jpg?size=big", False),
        ("User-agent: imagenet_build\nDisallow: /\n\nUser-agent: *\nAllow: /", "/a.jpg", False),
        ("User-agent: *\nDisallow: /\n\nUser-agent: ImageNet_Build\nAllow: /", "/a.jpg", True),
        ("User-agent: otherbot\nDisallow: /", "/a.jpg", True),
        ("User-agent: otherbot\nUser-agent: imagenet_build\nDisallow: /", "/a.jpg", False),
        ("User-agent: *\nDisallow:", "/a.jpg", True),
        ("\ufeffUser-agent: *\r\nDisallow: /\r\n", "/a.jpg", False),
        ("<html>this is no robots file</html>", "/a.jpg", True),
        ("", "/a.jpg", True),
    ],
)
async def test_rules(image_server, robots, rules, path, allowed):
    image_server.robots(rules)
    verdict = await robots.verdict(image_server.url(path))
    assert verdict.allowed == allowed
    assert verdict.reachable
    assert f"127.0.0.1:{image_server.port}/robots.txt" in verdict.evidence


@pytest.mark.parametrize(
    ("rules", "line"),
    [
        ("User-agent: *\nDisallow: /\nDisallow: /a/*.jpg # all", "Disallow: /a/*.jpg"),
        ("User-agent: *\ndisalow: /a", "disalow: /a"),
        ("User-agent: *\nAllow: /\nContent-Signal: ai-train=no", "Content-Signal: ai-train=no"),
    ],
)
async def test_the_line_itself_is_the_evidence(image_server, robots, rules, line):
    image_server.robots(rules)
    verdict = await robots.verdict(image_server.url("/a/b.jpg"))
    assert not verdict.allowed
    assert verdict.evidence == f"http://127.0.0.1:{image_server.port}/robots.txt: {line}"
    assert verdict.is_opt_out == ("Content" in line)


async def test_content_signals_can_be_switched_off():
    async def fetch(url: str) -> HttpAnswer:
        return HttpAnswer(200, {}, b"User-agent: *\nContent-Signal: ai-train=no\nDisallow: /b")

    robots = Robots(fetch, PRODUCT_TOKEN, content_signals=False)
    assert (await robots.verdict("http://example.org/a.jpg")).allowed
    assert not (await robots.verdict("http://example.org/b.jpg")).allowed


async def test_a_disallowed_path_is_a_matter_of_robots_whatever_the_signals_say():
    robots = answering(b"User-agent: *\nContent-Signal: ai-train=no\nDisallow: /b")
    assert not (await robots.verdict("http://example.org/b.jpg")).is_opt_out
    assert (await robots.verdict("http://example.org/a.jpg")).is_opt_out


async def test_redirects_to_the_rules_are_followed(image_server, robots):
    image_server.robots(redirect("/elsewhere.txt"))
    image_server.serve("/elsewhere.txt", Reply.text("User-agent: *\nDisallow: /"))
    assert not (await robots.verdict(image_server.url("/a.jpg"))).allowed


async def test_one_fetch_per_authority_however_many_ask(image_server, robots):
    image_server.robots(Reply(200, b"User-agent: *\nDisallow: /no", "text/plain", mode="wait"))
    asked = [asyncio.create_task(robots.verdict(image_server.url(f"/{n}.jpg"))) for n in range(10)]
    await asyncio.to_thread(image_server.log.wait_for, 1, "/robots.txt")
    image_server.release()
    assert all(verdict.allowed for verdict in await asyncio.gather(*asked))
    assert not (await robots.verdict(image_server.url("/no.jpg"))).allowed
    assert image_server.log.counts() == {"/robots.txt": 1}


async def test_an_unreachable_file_is_not_asked_for_again_at_once(image_server, robots):
    image_server.robots(refusal(500))
    for number in range(3):
        assert not (await robots.verdict(image_server.url(f"/{number}.jpg"))).reachable
    assert image_server.log.count("/robots.txt") == 1


async def test_each_port_has_its_own_rules(image_server, robots):
    image_server.robots("User-agent: *\nDisallow: /")
    with ImageServer() as other:
        assert not (await robots.verdict(image_server.url("/a.jpg"))).allowed
        assert (await robots.verdict(other.url("/a.jpg"))).allowed
        assert other.log.count("/robots.txt") == 1


async def test_a_waiter_that_gives_up_leaves_the_others_alone(image_server, robots):
    image_server.robots(Reply(200, b"User-agent: *\nDisallow: /", "text/plain", mode="wait"))
    first = asyncio.create_task(robots.verdict(image_server.url("/1.jpg")))
    await asyncio.to_thread(image_server.log.wait_for, 1)
    second = asyncio.create_task(robots.verdict(image_server.url("/2.jpg")))
    first.cancel()
    image_server.release()
    assert not (await second).allowed


async def test_rules_beyond_the_size_limit_are_ignored_and_those_before_hold():
    head = b"User-agent: *\nDisallow: /early\n"
    filler = b"#" + b"x" * 98 + b"\n"
    body = head + filler * ((MAX_BYTES - len(head)) // 100 + 1) + b"Disallow: /late\n"
    robots = answering(body)
    assert not (await robots.verdict("http://example.org/early.jpg")).allowed
    assert (await robots.verdict("http://example.org/late.jpg")).allowed


async def test_rules_grow_stale_after_a_day(monkeypatch):
    asked = []

    async def fetch(url: str) -> HttpAnswer:
        asked.append(url)
        return HttpAnswer(404, {}, b"")

    clock = [1000.0]
    monkeypatch.setattr(robots_module.time, "monotonic", lambda: clock[0])
    robots = Robots(fetch, PRODUCT_TOKEN)
    await robots.verdict("http://example.org/a.jpg")
    clock[0] += robots_module.CACHE_S - 1
    await robots.verdict("http://example.org/b.jpg")
    assert asked == ["http://example.org/robots.txt"]
    clock[0] += 2
    await robots.verdict("http://example.org/c.jpg")
    assert len(asked) == 2


async def test_an_unreachable_file_is_asked_for_again_after_a_while(monkeypatch):
    statuses = [503, 404]

    async def fetch(url: str) -> HttpAnswer:
        return HttpAnswer(statuses.pop(0), {}, b"")

    clock = [1000.0]
    monkeypatch.setattr(robots_module.time, "monotonic", lambda: clock[0])
    robots = Robots(fetch, PRODUCT_TOKEN)
    assert not (await robots.verdict("http://example.org/a.jpg")).allowed
    clock[0] += UNREACHABLE_S - 1
    assert not (await robots.verdict("http://example.org/b.jpg")).allowed
    clock[0] += 2
    assert (await robots.verdict("http://example.org/c.jpg")).allowed


async def test_huge_files_push_each_other_out(monkeypatch):
    asked = []

    async def fetch(url: str) -> HttpAnswer:
        asked.append(url[7])
        return HttpAnswer(200, {}, b"User-agent: *\n" + b"Disallow: /x\n" * 60)

    monkeypatch.setattr(robots_module, "MAX_LINES", 100)
    robots = Robots(fetch, PRODUCT_TOKEN)
    for host in ("a", "a", "b", "a"):
        assert not (await robots.verdict(f"http://{host}.example/x.jpg")).allowed
    assert asked == ["a", "b", "a"]


async def test_memory_is_bounded_by_the_oldest_leaving(monkeypatch):
    asked = []

    async def fetch(url: str) -> HttpAnswer:
        asked.append(url)
        return HttpAnswer(404, {}, b"")

    monkeypatch.setattr(robots_module, "MAX_AUTHORITIES", 2)
    robots = Robots(fetch, PRODUCT_TOKEN)
    for host in ("a", "b", "c", "b", "c", "a"):
        await robots.verdict(f"http://{host}.example/x.jpg")
    assert [url[7] for url in asked] == ["a", "b", "c", "a"]


async def test_a_host_on_a_private_address_is_an_address_question_not_a_robots_question():
    """Otherwise its pictures would be refused as `robots_unreachable`, which is worth another try."""
    async with HttpClient(contact="", policy=AddressPolicy()) as client:
        robots = Robots(lambda url: client.get(url, timeout_s=5.0, max_bytes=MAX_BYTES), PRODUCT_TOKEN)
        with pytest.raises(AddressRefused):
            await robots.verdict("http://localhost:9/a.jpg")


async def test_rules_that_redirect_to_a_private_address_are_unreachable(image_server, robots):
    image_server.robots(redirect("http://10.0.0.1/robots.txt"))
    assert not (await robots.verdict(image_server.url("/a.jpg"))).reachable


# lanes


async def test_the_file_is_asked_for_in_the_lane_of_its_host(image_server, client):
    image_server.robots("User-agent: *\nDisallow: /no")
    lanes = lanes_of()
    robots = Robots(robots_fetcher(client, lanes, 5.0), PRODUCT_TOKEN)
    lane = lanes.lane(f"127.0.0.1:{image_server.port}")
    async with lane.turn():
        asking = asyncio.create_task(robots.verdict(image_server.url("/no.jpg")))
        for _ in range(20):  # until everybody waits for something
            await asyncio.sleep(0)
        assert len(lane._queue) == 1
        assert image_server.log.count() == 0
    assert not (await asking).allowed


async def test_a_host_at_rest_is_not_asked_and_nothing_is_concluded(image_server, client):
    memory = Memory({f"127.0.0.1:{image_server.port}": LaneState(not_before=4e9)})
    lanes = lanes_of(memory)
    robots = Robots(robots_fetcher(client, lanes, 5.0), PRODUCT_TOKEN)
    for _ in range(2):
        with pytest.raises(HostResting):
            await robots.verdict(image_server.url("/a.jpg"))
    assert image_server.log.count() == 0


async def test_a_file_behind_a_redirect_to_a_host_at_rest_is_unreachable(image_server, client):
    with ImageServer() as other:
        image_server.robots(redirect(other.url("/robots.txt")))
        memory = Memory({f"127.0.0.1:{other.port}": LaneState(not_before=4e9)})
        robots = Robots(robots_fetcher(client, lanes_of(memory), 5.0), PRODUCT_TOKEN)
        verdict = await robots.verdict(image_server.url("/a.jpg"))
        assert not verdict.reachable
        assert other.log.count() == 0


async def test_a_file_that_fails_is_one_failure_of_its_host(image_server, client):
    image_server.robots(refusal(503, {"Retry-After": "100"}))
    memory = Memory()
    lanes = lanes_of(memory)
    robots = Robots(robots_fetcher(client, lanes, 5.0), PRODUCT_TOKEN)
    assert not (await robots.verdict(image_server.url("/a.jpg"))).reachable
    host = f"127.0.0.1:{image_server.port}"
    assert lanes.lane(host).state().failures == 1
    assert memory.states[host].not_before > 0


_LINES = st.sampled_from(
    ["User-agent: *", "user-agent:imagenet_build", "Disallow: /", "Allow: /a", "Crawl-delay: x", ""]
)


@given(st.binary(max_size=300) | st.lists(_LINES | st.text(max_size=30)).map(lambda lines: "\n".join(lines).encode()))
def test_any_bytes_give_a_verdict(body):
    verdict = asyncio.run(answering(body).verdict("http://example.org/a/%7Eb.jpg?x=%zz"))
    assert verdict.reachable


async def test_a_file_of_very_many_rules_is_read_and_asked_beside_the_event_loop(monkeypatch):
    """It takes a second, and every other host would wait."""
    threads = []

    def noting(text: str, token: str) -> list[tuple[str, str, str]]:
        threads.append(threading.get_ident())
        return lines_for(text, token)

    monkeypatch.setattr(robots_module, "lines_for", noting)
    rules = b"".join(b"Disallow: /a/%d/\n" % number for number in range(25_000))
    robots = answering(b"User-agent: *\nContent-Usage: /b train-ai=n\n" + rules)
    refused = await robots.verdict("http://example.org/a/24999/1.jpg")
    assert (refused.allowed, refused.evidence) == (False, "http://example.org/robots.txt: Disallow: /a/24999/")
    assert (await robots.verdict("http://example.org/c.jpg")).allowed
    assert (await robots.verdict("http://example.org/b.jpg")).is_opt_out
    assert len(threads) == 1
    assert threads[0] != threading.get_ident()
