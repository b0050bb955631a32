"""Processes of a Ray cluster as a crew: actors, of which each runs a `Post`.

Source: https://docs.ray.io (asynchronous actors, fault tolerance).
"""

from __future__ import annotations

import asyncio
import hashlib
import itertools
import os
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from imagenet_build.contracts import Member, Post
from imagenet_build.errors import MemberLost, SourceError
from imagenet_build.execution.ray_link import cause_of, check_there, first_line, unusable
from imagenet_build.storage.places import Location
from imagenet_build.worker_process import expect_many_rows

WAIT_S = 1.0
"""An actor that has nothing to say answers after so long."""
SILENCE_S = 10.0
"""An actor that nobody has listened to for so long ends: whoever started it is gone, or out of reach."""
START_S = 60.0
_NOTICES_S = 2.0
"""It may take so much longer until it does."""
_GONE_S = 30.0


class RayCrew:
    """Offers actors. At its beginning those of an earlier, killed process of the same run are ended."""

    def __init__(self, ray: Any, root: Location, size: int) -> None:
        self._ray = ray
        self.size = size
        self._run = hashlib.sha256(str(root.resolve() if isinstance(root, Path) else root).encode()).hexdigest()[:12]
        self._numbers = itertools.count()
        self._end_old_ones()

    async def hire(self, make: Callable[[str], Post]) -> Member:
        """See `Crew.hire`."""
        name = f"{self._run}-{os.getpid()}-{next(self._numbers)}"
        actor = await asyncio.to_thread(self._actor, make, name)  # it waits for the cluster's head
        try:
            await asyncio.wait_for(_answer(self._ray, actor.start.remote()), START_S)
        except BaseException as error:
            self._ray.kill(actor)
            if isinstance(error, asyncio.TimeoutError):
                raise MemberLost(f"{name} does not start") from None
            raise
        return RayMember(self._ray, actor, name)

    def _actor(self, make: Callable[[str], Post], name: str) -> Any:
        actor_class = self._ray.remote(num_cpus=1, max_restarts=0, max_concurrency=64)(PostActor)
        try:
            check_there(self._ray.get_runtime_context().gcs_address)  # else Ray waits for a minute
            return actor_class.options(name=name).remote(make, name)
        except (OSError, self._ray.exceptions.RayError) as error:
            raise MemberLost(first_line(error)) from None

    def _end_old_ones(self) -> None:
        """Two processes must not fetch from one host: wait until none is left."""
        ray = self._ray
        deadline = time.monotonic() + _GONE_S
        while old := [name for name in ray.util.list_named_actors() if name.startswith(f"{self._run}-")]:
            if time.monotonic() > deadline:
                raise SourceError(
                    f"{len(old)} processes of an earlier build still fetch on the cluster.",
                    remedy="End them (`ray list actors`), or wait a minute.",
                )
            for name in old:
                try:
                    ray.kill(ray.get_actor(name))
                except ValueError:  # gone meanwhile
                    continue
            time.sleep(0.2)  # the cluster notices; nothing tells us when


class RayMember:
    """An actor as a `Member`."""

    def __init__(self, ray: Any, actor: Any, name: str) -> None:
        self._ray = ray
        self._actor = actor
        self._heard_at = time.monotonic()
        self.name = name

    async def tell(self, messages: Sequence[Any]) -> None:
        """See `Member.tell`."""
        await self._answer(self._actor.tell.remote(list(messages)))

    async def hear(self) -> Sequence[Any]:
        """See `Member.hear`."""
        said: Sequence[Any] = await self._answer(self._actor.hear.remote(WAIT_S))
        self._heard_at = time.monotonic()
        return said

    async def _answer(self, ref: Any) -> Any:
        try:
            return await _answer(self._ray, ref)
        except MemberLost as error:  # whether it has ended, or is only out of reach, nobody knows for sure
            ends_at = self._heard_at + SILENCE_S + _NOTICES_S
            raise MemberLost(str(error), stays_s=max(0.0, ends_at - time.monotonic())) from None

    async def dismiss(self) -> None:
        """See `Member.dismiss`."""
        self._ray.kill(self._actor)


class PostActor:
    """A `Post` in a process of the cluster."""

    def __init__(self, make: Callable[[str], Post], name: str) -> None:
        expect_many_rows()
        self._post = make(name)
        self._heard_at = time.monotonic()

    async def start(self) -> None:
        """Begin; and end by itself when nobody listens any more."""
        await self._post.start()
        self._heard_at = time.monotonic()
        self._watch = asyncio.get_running_loop().create_task(self._end_when_alone())

    async def tell(self, messages: Sequence[Any]) -> None:
        """Take messages in."""
        self._post.tell(messages)

    async def hear(self, wait_s: float) -> Sequence[Any]:
        """What it has to say."""
        said = await self._post.hear(wait_s)
        self._heard_at = time.monotonic()
        return said

    async def _end_when_alone(self) -> None:
        while time.monotonic() - self._heard_at < SILENCE_S:  # noqa: ASYNC110 (silence is no event)
            await asyncio.sleep(1.0)
        os._exit(1)


async def _answer(ray: Any, ref: Any) -> Any:
    """What a call of an actor gives. Raises MemberLost if the actor is gone, and what the call raised."""
    try:
        return await ref
    except ray.exceptions.RayTaskError as error:
        raise cause_of(error) from None
    except ray.exceptions.RayError as error:
        if getattr(error, "has_creation_task_error", bool)():  # the next one would fail as well
            raise unusable(error) from None
        raise MemberLost(first_line(error)) from None
