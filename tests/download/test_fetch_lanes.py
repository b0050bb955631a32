"""How a fetch behaves towards the hosts it comes by: pauses, rests, trials, redirects into other lanes."""

import asyncio
import time
from email.utils import formatdate

import pytest

from imagenet_build.download.fetch import Fetched
from imagenet_build.errors import HostResting
from imagenet_build.network.circuit_breaker import FAILURES_TO_OPEN, RESTS_S
from imagenet_build.network.host_lanes import LaneState
from imagenet_build.records import Rejection, RejectReason
from tests.download.fetching import fetcher
from tests.fakes.image_server import ImageServer, redirect, refusal
from tests.fakes.pictures import photo
from tests.fakes.server import Reply
from tests.network.lanes import Memory, lanes_of

PICTURE = photo(1)
R = RejectReason
LONG_AGO = 1.0


def host(server: ImageServer) -> str:
    return f"127.0.0.1:{server.port}"


# pauses


async def test_a_short_retry_after_is_waited_for_by_the_whole_host(image_server):
    first = image_server.serve("/a.jpg", refusal(429, {"Retry-After": "1"}), PICTURE)
    second = image_server.serve("/b.jpg", PICTURE)
    memory = Memory()
    async with fetcher(lanes=lanes_of(memory)) as one:
        found = await asyncio.gather(one.fetch(first), one.fetch(second))
    assert found == [Fetched(PICTURE, 2, first), Fetched(PICTURE, 1, second)]
    refused, *later = [call for call in image_server.log.calls if call.path != "/robots.txt"]
    assert refused.path == "/a.jpg"
    assert min(call.start_s for call in later) - refused.start_s >= 0.99
    assert memory.states[host(image_server)].not_before > 0


@pytest.mark.parametrize("as_date", [False, True])
@pytest.mark.parametrize("status", [429, 503])
async def test_a_long_retry_after_leaves_the_url_in_the_queue(image_server, status, as_date):
    asked = formatdate(time.time() + 600, usegmt=True) if as_date else "600"
    urls = [image_server.serve(f"/{n}.jpg", refusal(status, {"Retry-After": asked})) for n in range(4)]
    memory = Memory()
    async with fetcher(lanes=lanes_of(memory), attempts=1) as one:
        found = await asyncio.gather(*(one.fetch(url) for url in urls), return_exceptions=True)
    for resting in found:
        assert isinstance(resting, HostResting)
        assert resting.until == pytest.approx(time.time() + 600, abs=5)
    assert image_server.log.counts() == {"/robots.txt": 1, "/0.jpg": 1}
    async with fetcher(lanes=lanes_of(memory)) as after_a_restart:
        with pytest.raises(HostResting):
            await after_a_restart.fetch(urls[0])
    assert image_server.log.count() == 2


async def test_without_a_word_about_the_pause_there_is_one_all_the_same(image_server):
    url = image_server.serve("/a.jpg", refusal(429), PICTURE)
    async with fetcher() as one:
        assert (await one.fetch(url)).attempts == 2
    assert image_server.log.gaps_s("/a.jpg")[0] >= 0.49


# the circuit breaker


async def test_a_host_that_refuses_everything_is_left_alone_after_ten_rows(image_server):
    memory = Memory()
    lanes = lanes_of(memory)
    urls = [image_server.serve(f"/{number}.jpg", refusal(403)) for number in range(FAILURES_TO_OPEN + 1)]
    async with fetcher(lanes=lanes) as one:
        rows = [await one.fetch(url) for url in urls[:-1]]
        with pytest.raises(HostResting) as caught:
            await one.fetch(urls[-1])
    assert {row.result.reason for row in rows} == {R.HTTP_ERROR}
    assert image_server.log.count(f"/{FAILURES_TO_OPEN}.jpg") == 0
    assert caught.value.until == pytest.approx(time.time() + RESTS_S[0], abs=5)
    assert memory.states[host(image_server)].rests == 1


async def test_an_address_counts_once_however_often_it_was_tried(image_server):
    lanes = lanes_of()
    async with fetcher(lanes=lanes, attempts=4) as one:
        await one.fetch(image_server.serve("/a.jpg", refusal(500)))
    assert image_server.log.count("/a.jpg") == 4
    assert lanes.lane(host(image_server)).state().failures == 1


@pytest.mark.parametrize(
    ("reply", "fails"),
    [
        (refusal(403), True),
        (refusal(500), True),
        (Reply(mode="drop"), True),
        (Reply(mode="hang"), True),
        (refusal(404), False),
        (Reply.text("<html>", kind="html"), False),
        (Reply(200, PICTURE, "image/jpeg", mode="cut"), False),
        (Reply(200, PICTURE, "image/jpeg", mode="drip"), False),
        (redirect("http://10.0.0.1/"), False),
    ],
    ids=["403", "500", "dropped", "silent", "404", "html", "cut", "drip", "led away"],
)
async def test_what_counts_against_a_host(image_server, reply, fails):
    lanes = lanes_of(Memory({host(image_server): LaneState(failures=5)}))
    async with fetcher(lanes=lanes, attempts=1, timeout_s=0.4) as one:
        await one.fetch(image_server.serve("/a.jpg", reply))
        # robots.txt was an answer; only what came after it is counted here
    assert lanes.lane(host(image_server)).state().failures == (1 if fails else 0)


async def test_a_host_that_is_gone_is_left_alone_after_ten_rows(image_server):
    """Though robots.txt is what fails: else all its addresses would be refused within a moment."""
    lanes = lanes_of()
    with ImageServer() as gone:
        urls = [gone.url(f"/{number}.jpg") for number in range(FAILURES_TO_OPEN + 1)]
    async with fetcher(lanes=lanes) as one:
        rows = [await one.fetch(url) for url in urls[:-1]]
        with pytest.raises(HostResting):
            await one.fetch(urls[-1])
    assert {row.result.reason for row in rows} == {R.UNREACHABLE}


async def test_a_trial_that_fails_is_a_row_and_is_not_repeated(image_server):
    """The row lets a run with a dead host come to its end: each rest costs one address, not for ever the same one."""
    memory = Memory({host(image_server): LaneState(LONG_AGO, rests=2)})
    url = image_server.serve("/a.jpg", refusal(429, {"Retry-After": "900"}))
    async with fetcher(lanes=lanes_of(memory), robots=False) as one:
        assert await one.fetch(url) == Fetched(Rejection(R.THROTTLED, "HTTP 429"), 1, url)
    assert image_server.log.count() == 1
    assert memory.states[host(image_server)].not_before == pytest.approx(time.time() + RESTS_S[2], abs=5)


async def test_a_trial_that_succeeds_ends_it(image_server):
    memory = Memory({host(image_server): LaneState(LONG_AGO, rests=2)})
    async with fetcher(lanes=lanes_of(memory), robots=False) as one:
        assert (await one.fetch(image_server.serve("/a.jpg", PICTURE))).result == PICTURE
    assert memory.states[host(image_server)] == LaneState(LONG_AGO)


# redirects


async def test_each_hop_takes_the_lane_of_its_host_and_leaves_the_one_before(image_server):
    """Two hosts that redirect to each other, one place each: holding one while waiting for the other would lock."""
    with ImageServer() as other:
        there = [
            image_server.serve(f"/{n}.jpg", redirect(other.serve(f"/to{n}.jpg", Reply(200, PICTURE, "image/jpeg"))))
            for n in range(20)
        ]
        back = [other.serve(f"/{n}.jpg", redirect(image_server.serve(f"/to{n}.jpg", PICTURE))) for n in range(20)]
        async with fetcher() as one:
            found = await asyncio.wait_for(asyncio.gather(*(one.fetch(url) for url in there + back)), 30)
        assert all(fetched.result == PICTURE for fetched in found)
        assert (image_server.log.most_at_once(), other.log.most_at_once()) == (1, 1)


async def test_hops_keep_the_distance_of_their_host(image_server):
    with ImageServer() as other:
        urls = [image_server.serve(f"/{n}.jpg", redirect(other.serve(f"/{n}.jpg", PICTURE))) for n in range(4)]
        async with fetcher(lanes=lanes_of(min_delay_s=0.1), robots=False) as one:
            await asyncio.gather(*(one.fetch(url) for url in urls))
        assert sum(other.log.gaps_s()) >= 0.25


async def test_a_redirect_to_a_host_at_rest_is_a_row_that_may_pass(image_server):
    with ImageServer() as other:
        url = image_server.serve("/a.jpg", redirect(other.serve("/b.jpg", PICTURE)))
        lanes = lanes_of(Memory({host(other): LaneState(not_before=time.time() + 1000)}))
        async with fetcher(lanes=lanes) as one:
            fetched = await one.fetch(url)
        detail = f"redirects to {host(other)}, which is left in peace"
        assert fetched == Fetched(Rejection(R.THROTTLED, detail), 1, other.url("/b.jpg"))
        assert other.log.count() == 0


async def test_the_host_that_fails_is_the_one_that_is_blamed(image_server):
    with ImageServer() as other:
        lanes = lanes_of(Memory({host(image_server): LaneState(LONG_AGO, rests=1)}))
        url = image_server.serve("/a.jpg", redirect(other.serve("/b.jpg", refusal(500))))
        async with fetcher(lanes=lanes, attempts=2, robots=False) as one:
            assert (await one.fetch(url)).result.reason is R.SERVER_ERROR
        assert not lanes.lane(host(image_server)).is_on_trial
        assert lanes.lane(host(other)).state().failures == 1


async def test_a_throttled_host_behind_a_redirect_does_not_park_the_one_before_it(image_server):
    with ImageServer() as other:
        lanes = lanes_of()
        url = image_server.serve("/a.jpg", redirect(other.serve("/b.jpg", refusal(429, {"Retry-After": "900"}))))
        async with fetcher(lanes=lanes, robots=False) as one:
            assert (await one.fetch(url)).result == Rejection(R.THROTTLED, "HTTP 429")
        assert lanes.lane(host(image_server)).until == 0.0
        assert lanes.lane(host(other)).until > time.time() + 800
        assert image_server.log.count() == other.log.count() == 1


async def test_robots_txt_of_a_host_at_rest_is_left_in_peace_too(image_server):
    lanes = lanes_of(Memory({host(image_server): LaneState(not_before=time.time() + 1000)}))
    async with fetcher(lanes=lanes) as one:
        with pytest.raises(HostResting):
            await one.fetch(image_server.serve("/a.jpg", PICTURE))
    assert image_server.log.count() == 0
