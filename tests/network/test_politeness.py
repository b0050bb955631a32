import asyncio
import time
from itertools import pairwise

import pytest

from imagenet_build.errors import RateLimited
from imagenet_build.network.politeness import LONGEST_WAIT_S, Pace
from tests.fakes.image_server import picture
from tests.fakes.server import Reply


def waiting(body: bytes = b"x") -> Reply:
    return Reply(200, body, "image/jpeg", mode="wait")


async def test_starts_keep_their_distance(image_server, client):
    url = image_server.serve("/a.jpg", picture(b"x"))
    pace = Pace(0.1, concurrency=4)
    starts = []

    async def one() -> None:
        async with pace.turn():
            starts.append(time.monotonic())
            await client.get(url, timeout_s=10, max_bytes=10)

    await asyncio.gather(*(one() for _ in range(6)))
    assert min(later - earlier for earlier, later in pairwise(starts)) >= 0.05
    # seen from the server single gaps jitter with its thread; the sum cannot shrink by more than one delay
    assert sum(image_server.log.gaps_s()) >= 0.4


async def test_slow_answers_overlap_up_to_the_concurrency_and_not_beyond(image_server, client):
    url = image_server.serve("/a.jpg", waiting())
    pace = Pace(0.0, concurrency=2)

    async def one() -> None:
        async with pace.turn():
            await client.get(url, timeout_s=30, max_bytes=10)

    fetches = [asyncio.create_task(one()) for _ in range(7)]
    await asyncio.to_thread(image_server.log.wait_for, 2)
    image_server.release()
    await asyncio.gather(*fetches)
    assert image_server.log.count() == 7
    assert image_server.log.most_at_once() == 2


async def test_park_holds_the_whole_lane_though_places_are_free():
    pace = Pace(0.0, concurrency=3)
    starts = []

    async def one() -> None:
        async with pace.turn():
            starts.append(time.time())

    begun = time.time()
    pace.park(0.25)
    assert 0.0 < pace.wait_s <= 0.25
    await asyncio.gather(*(one() for _ in range(5)))
    assert min(starts) - begun >= 0.25
    assert pace.wait_s == 0.0


async def test_park_reaches_those_who_wait_already():
    pace = Pace(0.2)
    async with pace.turn():
        pass
    begun = time.time()
    second = asyncio.create_task(pace.turn().__aenter__())
    await asyncio.sleep(0)  # it waits for its moment now
    pace.park(0.4)
    await second
    assert time.time() - begun >= 0.4


def test_a_park_is_reported_once_and_never_shortened():
    parked: list[float] = []
    pace = Pace(0.0, on_park=parked.append)
    now = time.time()
    pace.park(100.0)
    pace.park(10.0)
    assert len(parked) == 1
    assert parked[0] == pytest.approx(now + 100.0, abs=5.0)
    assert pace.wait_s > 90.0
    pace.park(200.0)
    assert len(parked) == 2


async def test_a_pause_outlives_the_process():
    begun = time.time()
    pace = Pace(0.0, not_before=begun + 0.2)
    async with pace.turn():
        assert time.time() - begun >= 0.2


async def test_too_long_a_pause_is_said_instead_of_waited_for():
    pace = Pace(0.0)
    pace.park(LONGEST_WAIT_S + 100.0)
    with pytest.raises(RateLimited) as caught:
        await asyncio.wait_for(pace.turn().__aenter__(), 10.0)
    assert caught.value.retry_after_s == pytest.approx(LONGEST_WAIT_S + 100.0, abs=5.0)


async def test_too_long_a_pause_releases_those_who_queue_for_a_place():
    pace = Pace(0.0, concurrency=1)
    outcomes: list[str] = []

    async def one() -> None:
        try:
            async with pace.turn():
                await asyncio.sleep(0)
                pace.park(LONGEST_WAIT_S * 2)
                outcomes.append("parked it")
        except RateLimited:
            outcomes.append("left")

    await asyncio.wait_for(asyncio.gather(*(one() for _ in range(4))), 10.0)
    assert outcomes == ["parked it", "left", "left", "left"]


async def test_a_place_comes_back_after_errors_and_cancellation():
    pace = Pace(0.0, concurrency=1)
    with pytest.raises(ZeroDivisionError):
        async with pace.turn():
            raise ZeroDivisionError
    pace.park(0.3)
    gone = asyncio.create_task(pace.turn().__aenter__())
    await asyncio.sleep(0)
    gone.cancel()
    await asyncio.gather(gone, return_exceptions=True)
    async with pace.turn():  # would wait for ever for a lost place
        assert pace.wait_s == 0.0
