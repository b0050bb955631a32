"""A process that fetches for a download session elsewhere: the hosts it is given, and only them.

The lane of a host lives in one process at a time. Where a redirect leads to a host of another process, that process is
asked for a turn, through the session (`network/away_lanes.py`): so limits hold for all processes together.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Coroutine, Sequence
from contextlib import AsyncExitStack
from pathlib import Path

from imagenet_build.contracts import RunContext
from imagenet_build.download.crew_messages import (
    CloseHost,
    Failed,
    FetchUrl,
    Found,
    HostClosed,
    LaneChanged,
    OpenHost,
    Resting,
    ToMember,
    ToSession,
)
from imagenet_build.download.decode_pool import DecodePool
from imagenet_build.download.fetching import fetching
from imagenet_build.download.host_rules import rules_of
from imagenet_build.download.large_bodies import LargeBodies
from imagenet_build.download.post_shards import PostShards
from imagenet_build.errors import BuildError, HostResting
from imagenet_build.network.away_lanes import (
    AwayLanes,
    EndTurn,
    LaneHome,
    TurnAnswered,
    TurnBegun,
    TurnGiven,
    TurnRefused,
)
from imagenet_build.network.host_lanes import HostLanes, LaneState
from imagenet_build.records import ImageFacts, Rejection, ShardRef

UNUSED_LOOK_S = 0.01
"""How often a lane that is to be given back is looked at."""
GATHER_S = 0.04
"""What there is to say is gathered for so long after the last time: every call costs about as much as a picture."""
MOST_SAID = 256
MOST_SAID_BYTES = 16 << 20
"""Messages that are handed over together, and the bytes of pictures in them, but for the last."""


class FetchPost:
    """What runs in such a process; `tell` and `hear` are called from outside."""

    def __init__(self, run: RunContext, name: str) -> None:
        """`name`: unique in the run."""
        self._run = run
        self._name = name
        self._stack = AsyncExitStack()
        self._own: dict[str, LaneState | None] = {}
        self._closing: set[str] = set()
        self._said: list[ToSession] = []
        self._has_said = asyncio.Event()
        self._said_at = 0.0
        self._tasks: set[asyncio.Task[None]] = set()
        self._large_bodies = LargeBodies()
        self._shards: PostShards | None = None

    async def start(self) -> None:
        """Open connections and decoders."""
        config, network = self._run.config.download, self._run.config.network
        self._decoders = DecodePool(config, 1)
        self._stack.callback(self._decoders.close)
        if isinstance(self._run.layout.root, Path):
            self._shards = PostShards(self._run.layout.open_shards, config.shard_bytes)
            self._stack.push_async_callback(self._shards.close)
        self._lanes = HostLanes(rules_of(config), self)
        self._away = AwayLanes(self._name, self._lanes, self._is_open, self._say)
        self._home = LaneHome(self._lanes, self._say)
        self._fetcher = await self._stack.enter_async_context(fetching(config, network, self._away, self._name))

    def lane_state(self, host: str) -> LaneState | None:
        """What came with the lane; see `LaneMemory`."""
        return self._own.get(host)

    def keep_lane_state(self, host: str, state: LaneState) -> None:
        """Report a change; see `LaneMemory`."""
        if host in self._own:
            self._own[host] = state
            self._say(LaneChanged(host, state))

    def tell(self, messages: Sequence[ToMember]) -> None:
        """Take messages in, in their order."""
        for message in messages:
            if isinstance(message, FetchUrl):
                self._do(self._fetch(message))
            elif isinstance(message, OpenHost):
                self._own[message.host] = message.state
                self._lanes.lane(message.host).delay_start(message.pause_s)
            elif isinstance(message, CloseHost):
                self._do(self._close_host(message.host))
            elif isinstance(message, TurnGiven | TurnRefused):
                self._away.heard(message)
            elif isinstance(message, TurnBegun | TurnAnswered | EndTurn) or message.host in self._own:
                self._home.heard(message)
            else:
                self._say(message)  # the host was given back meanwhile: the session knows where it is

    async def hear(self, wait_s: float) -> list[ToSession]:
        """What there is to say; waits for the first, but not longer than `wait_s`. Pictures make it shorter."""
        if not self._said:
            self._has_said.clear()
            # not wait_for: before Python 3.12 it can lose a cancellation
            timer = asyncio.get_running_loop().call_later(wait_s, self._has_said.set)
            try:
                await self._has_said.wait()
            finally:
                timer.cancel()
        if not self._said:
            return []
        await asyncio.sleep(self._said_at + GATHER_S - time.monotonic())
        self._said_at = time.monotonic()
        count = size = 0
        while count < min(len(self._said), MOST_SAID) and size < MOST_SAID_BYTES:
            message = self._said[count]
            size += len(message.result) if isinstance(message, Found) and isinstance(message.result, bytes) else 0
            count += 1
        said, self._said = self._said[:count], self._said[count:]
        return said

    async def close(self) -> None:
        """Stop everything."""
        while self._tasks:  # more than once: see `CrewFetcher.__aexit__`
            for task in self._tasks:
                task.cancel()
            await asyncio.wait(list(self._tasks), timeout=1.0)
        await self._home.close()
        await self._stack.aclose()

    def _is_open(self, host: str) -> bool:
        return host in self._own and host not in self._closing

    def _say(self, message: ToSession) -> None:
        self._said.append(message)
        self._has_said.set()

    def _do(self, work: Coroutine[None, None, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _fetch(self, wanted: FetchUrl) -> None:
        place = self._large_bodies.place()
        try:
            fetched = await self._fetcher.fetch(wanted.url, place)
            result: ShardRef | bytes | Rejection = fetched.result
            facts: ImageFacts | None = None
            if isinstance(result, bytes):
                found = await self._decoders.inspect(result)
                if isinstance(found, Rejection):
                    result = found  # bytes that are refused are not kept
                else:
                    facts = found
                    result = self._shards.keep(facts, result) if self._shards else result
            self._say(Found(wanted.number, result, facts, fetched.attempts, fetched.final_url))
        except HostResting as resting:
            self._say(Resting(wanted.number, resting.until, str(resting)))
        except BuildError as error:
            self._say(Failed(error))
        except Exception as error:  # noqa: BLE001 (the session would wait for ever)
            self._say(Failed(BuildError(f"{self._name} cannot fetch {wanted.url}: {error!r}")))
        finally:
            place.leave()

    async def _close_host(self, host: str) -> None:
        self._closing.add(host)  # who needs it from now on asks for a turn: else redirects could hold it for ever
        self._home.withdraw(host)
        lane = self._lanes.lane(host)
        while not lane.is_unused or self._home.uses(host):  # noqa: ASYNC110 (a lane tells nobody when it falls idle)
            await asyncio.sleep(UNUSED_LOOK_S)
        self._closing.discard(host)
        del self._own[host]
        self._lanes.forget(host)
        self._say(HostClosed(host, lane.state(), lane.next_start_in_s))
