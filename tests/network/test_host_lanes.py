import asyncio
import gc
import time
from itertools import pairwise

import pytest

from imagenet_build.errors import DeadlinePassed, HostResting
from imagenet_build.network import host_lanes
from imagenet_build.network.circuit_breaker import FAILURES_TO_OPEN, RESTS_S
from imagenet_build.network.host_lane import PATIENCE_S, HostLane
from imagenet_build.network.host_lanes import HostLanes, LaneState, host_of
from tests.network.lanes import Memory, lanes_of

HOST = "example.org"


@pytest.mark.parametrize(
    ("url", "host"),
    [
        ("http://Example.org/a.jpg", "example.org"),
        ("https://example.org:443/a.jpg", "example.org"),
        ("http://example.org:443/a.jpg", "example.org:443"),
        ("http://user:pass@example.org:8080/", "example.org:8080"),
        ("http://[::1]:8080/", "[::1]:8080"),
    ],
)
def test_the_key_of_a_lane(url, host):
    assert host_of(url) == host


async def holding(lane: HostLane, running: list[int], most: list[int], release: asyncio.Event) -> None:
    async with lane.turn():
        running[0] += 1
        most[0] = max(most[0], running[0])
        await release.wait()
        running[0] -= 1


async def settle() -> None:
    """Let every task run until it waits."""
    for _ in range(20):
        await asyncio.sleep(0)


@pytest.mark.parametrize("places", [1, 3])
async def test_places_are_never_exceeded(places):
    lane = lanes_of(concurrency=places).lane(HOST)
    running, most, release = [0], [0], asyncio.Event()
    tasks = [asyncio.create_task(holding(lane, running, most, release)) for _ in range(10)]
    await settle()
    assert running == [places]
    release.set()
    await asyncio.gather(*tasks)
    assert most == [places]


async def test_starts_keep_their_distance():
    lane = lanes_of(min_delay_s=0.05, concurrency=4).lane(HOST)
    starts = []

    async def one() -> None:
        async with lane.turn() as turn:
            starts.append(turn.began_s)

    await asyncio.gather(*(one() for _ in range(6)))
    assert min(later - earlier for earlier, later in pairwise(starts)) >= 0.0499


async def test_who_gives_up_waiting_loses_no_place():
    lane = lanes_of().lane(HOST)
    running, most, release = [0], [0], asyncio.Event()
    first, *others = [asyncio.create_task(holding(lane, running, most, release)) for _ in range(6)]
    await settle()
    for task in others[:3]:
        task.cancel()
    release.set()
    # the place is handed to a waiter that is cancelled in the same moment
    await first
    others[3].cancel()
    await asyncio.wait_for(asyncio.gather(*others, return_exceptions=True), 5)
    async with lane.turn():
        assert most == [1]


# silence


async def test_a_short_silence_is_waited_for():
    lane = lanes_of().lane(HOST)
    begun = time.time()
    lane.park(0.1)
    async with lane.turn():
        assert time.time() - begun >= 0.1


async def test_a_long_silence_is_said_at_once_and_to_all_who_wait():
    memory = Memory()
    lane = lanes_of(memory).lane(HOST)
    running, most, release = [0], [0], asyncio.Event()
    first, *others = [asyncio.create_task(holding(lane, running, most, release)) for _ in range(4)]
    await settle()
    lane.park(100.0)
    release.set()
    await first
    for found in await asyncio.wait_for(asyncio.gather(*others, return_exceptions=True), PATIENCE_S / 2):
        assert isinstance(found, HostResting)
        assert found.source == HOST
        assert found.until == memory.states[HOST].not_before == pytest.approx(time.time() + 100, abs=3)


async def test_a_silence_is_never_shortened():
    lane = lanes_of().lane(HOST)
    lane.park(100.0)
    until = lane.until
    lane.park(10.0)
    assert lane.until == until


async def test_silence_outlives_the_process():
    memory = Memory()
    lanes_of(memory).lane(HOST).park(100.0)
    with pytest.raises(HostResting):
        await lanes_of(memory).lane(HOST).turn().__aenter__()
    async with lanes_of(memory).lane("other.example").turn():
        pass


async def test_a_distance_beyond_patience_is_said_instead_of_waited_for():
    lane = lanes_of(min_delay_s=50.0).lane(HOST)
    async with lane.turn():
        pass
    with pytest.raises(HostResting) as caught:
        await asyncio.wait_for(lane.turn().__aenter__(), 5)
    assert caught.value.until == pytest.approx(time.time() + 50, abs=3)
    assert lane.until == 0.0, "the host has not asked for anything"


# learning


async def answered(lane: HostLane, status: int, headers: dict[str, str] | None = None) -> None:
    async with lane.turn() as turn:
        turn.answered(status, headers or {})


@pytest.mark.parametrize("status", [429, 503])
async def test_a_host_that_complains_is_slowed_down_also_in_the_next_process(status):
    memory = Memory()
    lane = lanes_of(memory, concurrency=4).lane(HOST)
    await answered(lane, status)
    assert (lane.places, lane.delay_s) == (3, pytest.approx(0.1))
    again = lanes_of(memory, concurrency=4).lane(HOST)
    assert (again.places, again.delay_s) == (3, pytest.approx(0.1))


@pytest.mark.parametrize("status", [200, 302, 404, 500])
async def test_other_answers_slow_nobody_down(status):
    memory = Memory()
    lane = lanes_of(memory, concurrency=4).lane(HOST)
    await answered(lane, status)
    assert (lane.places, lane.delay_s, memory.kept) == (4, 0.0, 0)


async def test_no_answer_in_time_slows_down_but_a_slow_body_does_not():
    lane = lanes_of(concurrency=4).lane(HOST)

    async def too_late(status: int) -> None:
        async with lane.turn() as turn:
            if status:
                turn.answered(status, {})
            raise DeadlinePassed

    with pytest.raises(DeadlinePassed):
        await too_late(200)
    assert lane.places == 4
    with pytest.raises(DeadlinePassed):
        await too_late(0)
    assert lane.places == 3


@pytest.mark.parametrize("status", [429, 503, 403, 500])
async def test_retry_after_parks_the_host(status):
    lane = lanes_of().lane(HOST)
    await answered(lane, status, {"retry-after": "77"})
    assert lane.until == pytest.approx(time.time() + 77, abs=3)


async def test_the_memory_is_not_called_per_request():
    memory = Memory()
    lane = lanes_of(memory, concurrency=2).lane(HOST)
    for number in range(500):
        await answered(lane, 200)
        lane.outcome(number % 5 > 0, time.monotonic())
    assert memory.kept == 0


# the circuit breaker


def failing(lane: HostLane, times: int) -> None:
    for _ in range(times):
        lane.outcome(False, time.monotonic())


async def test_a_host_that_always_fails_rests():
    memory = Memory()
    lane = lanes_of(memory).lane(HOST)
    failing(lane, FAILURES_TO_OPEN - 1)
    assert lane.until == 0.0
    failing(lane, 1)
    assert lane.until == pytest.approx(time.time() + RESTS_S[0], abs=3)
    assert memory.states[HOST].rests == 1
    with pytest.raises(HostResting):
        await lane.turn().__aenter__()


async def test_after_its_rest_one_request_at_a_time_tries_the_host():
    memory = Memory({HOST: LaneState(not_before=time.time() - 1, rests=1)})
    lane = lanes_of(memory, concurrency=4).lane(HOST)
    assert lane.is_on_trial
    running, most, release = [0], [0], asyncio.Event()
    tasks = [asyncio.create_task(holding(lane, running, most, release)) for _ in range(8)]
    await settle()
    assert running == [1]
    lane.outcome(True, time.monotonic())
    await settle()
    assert running == [4]
    assert memory.states[HOST].rests == 0
    release.set()
    await asyncio.gather(*tasks)


async def test_a_failed_trial_means_a_longer_rest():
    memory = Memory({HOST: LaneState(not_before=time.time() - 1, rests=1)})
    lane = lanes_of(memory).lane(HOST)
    failing(lane, 1)
    assert memory.states[HOST].not_before == pytest.approx(time.time() + RESTS_S[1], abs=3)


# many hosts


async def test_lanes_do_not_wait_for_each_other():
    lanes = lanes_of(min_delay_s=1000.0)
    for number in range(100):
        async with lanes.lane(f"host{number}.example").turn():
            pass


async def test_memory_is_bounded_and_what_matters_is_kept(monkeypatch):
    monkeypatch.setattr(host_lanes, "MOST_LANES", 10)
    memory = Memory()
    lanes = lanes_of(memory)
    failing(lanes.lane("bad.example"), 3)
    for number in range(1000):
        await answered(lanes.lane(f"host{number}.example"), 200)
    gc.collect()
    assert sum(isinstance(thing, HostLane) for thing in gc.get_objects()) <= 11
    assert memory.states == {"bad.example": LaneState(failures=3)}
    failing(lanes.lane("bad.example"), FAILURES_TO_OPEN - 3)
    assert lanes.lane("bad.example").is_on_trial


async def test_a_lane_in_use_is_not_forgotten(monkeypatch):
    monkeypatch.setattr(host_lanes, "MOST_LANES", 2)
    lanes = lanes_of()
    async with lanes.lane(HOST).turn():
        for number in range(300):
            async with lanes.lane(f"host{number}.example").turn():
                pass
        second = asyncio.create_task(lanes.lane(HOST).turn().__aenter__())
        await settle()
        assert not second.done(), "it found another lane of the same host"
    await second


def test_each_host_has_its_own_rule():
    asked: list[str] = []
    lanes = HostLanes(lambda host: asked.append(host) or lanes_of().rule(host), Memory())
    lanes.lane("a.example:8080")
    lanes.lane("a.example:8080")
    assert asked == ["a.example:8080"]
