"""Lanes of hosts whose home is another process: turns by message, with the limits of the lane at home."""

import asyncio
import pickle
import time

import pytest

from imagenet_build.errors import DeadlinePassed, HostResting
from imagenet_build.network.away_lanes import (
    MOST_AWAY,
    AwayLanes,
    CountOutcome,
    EndTurn,
    LaneHome,
    Park,
    TurnAnswered,
    TurnBegun,
    TurnGiven,
    TurnRefused,
    WantTurn,
)
from imagenet_build.network.circuit_breaker import FAILURES_TO_OPEN
from imagenet_build.network.host_lanes import HostLanes
from tests.network.lanes import Memory, lanes_of

HOST = "far.example"


class Two:
    """A process whose lanes are at home, and one that is led there; messages pass when the test lets them."""

    def __init__(self, **rule):
        self.memory = Memory()
        self.lanes = lanes_of(self.memory, **rule)
        self.to_home, self.to_away = [], []
        self.home = LaneHome(self.lanes, self.to_away.append)
        self.away = AwayLanes("away", lanes_of(), lambda host: host == "own.example", self.to_home.append)
        self.lane = self.lanes.lane(HOST)

    async def pass_on(self):
        """Until nothing more is said."""
        for _ in range(3):
            await asyncio.sleep(0)
            while self.to_home or self.to_away:
                for message in _sent(self.to_home):
                    self.home.heard(message)
                for message in _sent(self.to_away):
                    self.away.heard(message)
                await asyncio.sleep(0)

    async def enter(self):
        """A turn that is held; its end is up to the test."""
        turn = self.away.lane(HOST).turn()
        entered = asyncio.create_task(turn.__aenter__())
        await self.pass_on()
        await entered
        await self.pass_on()
        return turn

    async def leave(self, turn, error=None):
        await turn.__aexit__(type(error) if error else None, error, None)
        await self.pass_on()


def _sent(messages):
    sent = pickle.loads(pickle.dumps(messages))
    messages.clear()
    return sent


async def test_a_turn_is_asked_for_held_and_given_back():
    two = Two()
    turn = two.away.lane(HOST).turn()
    entered = asyncio.create_task(turn.__aenter__())
    await asyncio.sleep(0)
    assert two.to_home == [WantTurn(("away", 0), HOST, 5.0)]
    assert not entered.done()
    await two.pass_on()
    assert entered.done()
    assert two.home.uses(HOST)
    assert not two.lane.is_unused
    turn.answered(200, {"content-type": "image/jpeg", "retry-after": "9"})
    await two.leave(turn)
    assert two.lane.is_unused
    assert not two.home.uses(HOST)
    assert (turn.status, turn.has_parked, two.lane.until) == (200, False, 0.0)


async def test_own_lanes_are_used_as_they_are():
    two = Two()
    assert two.away.lane("own.example").turn() is not None
    async with two.away.lane("own.example").turn():
        assert two.to_home == []


async def test_turns_come_in_the_order_in_which_they_were_asked_for_and_no_more_than_places():
    two = Two(concurrency=2)
    begun = []

    async def one(number):
        async with two.away.lane(HOST).turn():
            begun.append(number)
            await asyncio.sleep(0.01)

    tasks = [asyncio.create_task(one(number)) for number in range(6)]
    while not all(task.done() for task in tasks):
        await two.pass_on()
        assert len(begun) - sum(task.done() for task in tasks) <= 2
        await asyncio.sleep(0.001)
    assert begun == sorted(begun)
    await two.pass_on()
    assert two.lane.is_unused


async def test_own_requests_and_those_of_others_share_the_places():
    two = Two(concurrency=1)
    async with two.lane.turn():
        asking = asyncio.create_task(two.enter())
        await two.pass_on()
        assert not asking.done()
    await two.pass_on()
    turn = await asking
    own = asyncio.create_task(two.lane.turn().__aenter__())
    await asyncio.sleep(0.01)
    assert not own.done()
    await two.leave(turn)
    await own


async def test_a_lane_at_rest_refuses_at_once_and_says_until_when():
    two = Two()
    two.lane.park(60.0)
    turn = two.away.lane(HOST).turn()
    entered = asyncio.create_task(turn.__aenter__())
    await two.pass_on()
    with pytest.raises(HostResting) as caught:
        await entered
    assert caught.value.source == HOST
    assert caught.value.until == two.lane.until
    assert two.lane.is_unused
    await two.pass_on()
    assert not two.home.uses(HOST)


@pytest.mark.parametrize("when", ["asked", "waiting", "given", "heard"])
async def test_cancelled_while_waiting_the_place_is_free_again(when):
    two = Two(concurrency=1)
    first = await two.enter() if when == "waiting" else None
    entered = asyncio.create_task(two.away.lane(HOST).turn().__aenter__())
    await asyncio.sleep(0)
    if when == "asked":
        entered.cancel()
        await asyncio.sleep(0)
    else:
        for message in _sent(two.to_home):
            two.home.heard(message)
        await asyncio.sleep(0)
        if when == "heard":
            for message in _sent(two.to_away):
                two.away.heard(message)  # set, but the task has not run on
        entered.cancel()
    await asyncio.gather(entered, return_exceptions=True)
    assert entered.cancelled()
    await two.pass_on()
    if first is not None:
        await two.leave(first)
    assert two.lane.is_unused
    assert not two.home.uses(HOST)


async def test_retry_after_parks_the_home_lane_as_soon_as_it_is_read():
    two = Two(concurrency=2)
    turn = await two.enter()
    turn.answered(503, {"retry-after": "30", "content-type": "text/plain"})
    assert turn.has_parked
    await two.pass_on()  # the body is still under way
    assert two.lane.until == pytest.approx(time.time() + 30, abs=2)
    assert two.away.lane(HOST).until == pytest.approx(time.time() + 30, abs=2)
    assert two.memory.states[HOST].not_before == two.lane.until
    assert two.lane.places == 1  # and it is asked more slowly afterwards
    await two.leave(turn)


async def test_parking_and_outcomes_reach_the_home():
    two = Two()
    away = two.away.lane(HOST)
    away.park(20.0, "has asked for silence")
    assert two.to_home == [Park(HOST, 20.0, "has asked for silence")]
    await two.pass_on()
    assert two.lane.until == pytest.approx(time.time() + 20, abs=2)
    for _ in range(FAILURES_TO_OPEN):
        away.outcome(False, time.monotonic())
    await two.pass_on()
    assert two.lane.is_on_trial
    away.outcome(True, time.monotonic())
    await two.pass_on()
    assert not two.lane.is_on_trial


async def test_who_gets_a_turn_on_trial_is_told():
    two = Two()
    for _ in range(FAILURES_TO_OPEN):
        two.lane.outcome(False, time.monotonic())
    two.lane._not_before = 0.0  # the rest is over
    turn = await two.enter()
    assert two.away.lane(HOST).is_on_trial
    await two.leave(turn)


async def test_no_answer_in_time_slows_the_lane_down():
    two = Two(concurrency=3)
    turn = await two.enter()
    await two.leave(turn, DeadlinePassed("no answer"))
    assert two.lane.places == 2
    assert two.lane.delay_s > 0


async def test_how_long_an_answer_took_is_what_its_asker_saw():
    """Messages that take their time must not make a host look slow."""
    two = Two(concurrency=3)
    for _ in range(40):
        two.home.heard(WantTurn(("away", -1), HOST, 5.0))
        await asyncio.sleep(0)
        two.home.heard(TurnBegun(("away", -1)))
        for held in two.home._held.values():
            held.turn.began_s -= 30.0  # as if the message about the answer had come so late
        two.home.heard(TurnAnswered(("away", -1), 200, {}, 0.01))
        two.home.heard(EndTurn(("away", -1)))
    assert two.lane.places == 3
    assert two.lane.delay_s == 0.0


async def test_the_distance_to_the_next_start_is_counted_from_the_start_itself():
    """However long the message takes that a turn is given."""
    two = Two(concurrency=3, min_delay_s=0.1)
    asking = asyncio.create_task(two.away.lane(HOST).turn().__aenter__())
    await asyncio.sleep(0)
    for message in _sent(two.to_home):
        two.home.heard(message)
    own = asyncio.create_task(two.lane.turn().__aenter__())
    await asyncio.sleep(0.25)
    assert not own.done()  # nobody knows yet when the other starts
    assert two.lane.start_now() == 0.0
    started = time.monotonic()
    await two.pass_on()
    await asking
    turn = await own
    assert turn.began_s >= started + 0.1
    await two.pass_on()


async def test_a_turn_that_is_never_begun_holds_up_nobody_for_ever():
    two = Two(min_delay_s=0.05)
    two.home.heard(WantTurn(("gone", 0), HOST, 5.0))
    await asyncio.sleep(0.01)
    assert two.to_away == [TurnGiven(("gone", 0), False)]
    two.home.heard(EndTurn(("gone", 0)))
    async with two.lane.turn():
        assert not two.home.uses(HOST)


async def test_a_turn_that_another_home_gave_holds_its_place_here():
    two = Two(concurrency=1)
    two.home.adopt(("away", 7), HOST)
    own = asyncio.create_task(two.lane.turn().__aenter__())
    await asyncio.sleep(0.01)
    assert not own.done()
    assert two.home.uses(HOST)
    two.home.heard(TurnBegun(("away", 7)))
    two.home.heard(EndTurn(("away", 7)))
    await own
    assert not two.home.uses(HOST)


async def test_more_adopted_turns_than_places_must_all_end_first():
    two = Two(concurrency=1)
    for number in range(3):
        two.home.adopt(("away", number), HOST)
    own = asyncio.create_task(two.lane.turn().__aenter__())
    for number in range(3):
        assert not own.done()
        two.home.heard(EndTurn(("away", number)))
        await asyncio.sleep(0)
    await own


async def test_when_the_lane_moves_away_those_who_wait_are_forgotten_and_those_at_work_are_not():
    two = Two(concurrency=1)
    turn = await two.enter()
    waiting = asyncio.create_task(two.away.lane(HOST).turn().__aenter__())
    await two.pass_on()
    two.home.withdraw(HOST)
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert two.home.uses(HOST)
    await two.leave(turn)
    assert not two.home.uses(HOST)
    assert two.lane.is_unused
    assert not waiting.done()  # it will be asked for again, under its token, where the lane is then
    two.home.heard(WantTurn(("away", 1), HOST, 5.0))
    await two.pass_on()
    await waiting


async def test_closing_ends_all_waiting():
    two = Two(concurrency=1)
    turn = await two.enter()
    waiting = asyncio.create_task(two.away.lane(HOST).turn().__aenter__())
    await two.pass_on()
    await two.home.close()
    await two.leave(turn)
    assert two.lane.is_unused
    waiting.cancel()
    await asyncio.gather(waiting, return_exceptions=True)


async def test_what_is_over_or_unknown_is_no_error():
    two = Two()
    two.home.heard(EndTurn(("nobody", 1)))
    two.home.heard(TurnBegun(("nobody", 1)))
    two.away.heard(TurnRefused(("away", 99), 0.0, "late"))
    assert two.to_home == []
    two.away.heard(TurnGiven(("away", 99), False))
    assert two.to_home == [EndTurn(("away", 99))]


async def test_few_lanes_elsewhere_are_remembered():
    two = Two()
    first = two.away.lane("h0.example")
    assert two.away.lane("h0.example") is first
    for number in range(1, MOST_AWAY + 1):
        two.away.lane(f"h{number}.example")
    assert two.away.lane("h0.example") is not first


async def test_a_lane_is_handed_over_with_its_state_and_its_pace():
    """What the next home needs: the state, and how long nothing may start."""
    rule = {"min_delay_s": 0.2, "concurrency": 4}
    two = Two(**rule)
    turn = await two.enter()
    turn.answered(429, {})
    await two.leave(turn)
    state, pause_s = pickle.loads(pickle.dumps((two.lane.state(), two.lane.next_start_in_s)))
    assert (state.delay_s, state.places) == (0.4, 3)
    assert 0 < pause_s <= 0.4
    begun = time.monotonic()
    two.lanes.forget(HOST)
    there = HostLanes(two.lanes.rule, Memory({HOST: state})).lane(HOST)
    there.delay_start(pause_s)
    assert (there.delay_s, there.places) == (0.4, 3)
    async with there.turn() as later:
        assert later.began_s >= begun + pause_s - 0.02


async def test_an_outcome_counts_at_the_moment_of_its_request():
    """A failure of a request from before the rest says nothing about its end."""
    two = Two()
    for _ in range(FAILURES_TO_OPEN):
        two.lane.outcome(False, time.monotonic())
    until = two.lane.until
    two.home.heard(CountOutcome(HOST, is_well=False, ago_s=5.0))
    assert two.lane.until == until
    assert two.lane.state().rests == 1
