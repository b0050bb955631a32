"""A Ray cluster: computing stages as tasks, fetching as actors. Ray is imported only when this executor is chosen.

The process that was started by the user stays the owner of the run: it alone writes the run's state. Tasks and actors
that are lost with a node are done again. Every node must see the run directory under the same path.

Source: https://docs.ray.io (tasks, asynchronous actors, fault tolerance).
"""

from __future__ import annotations

import asyncio
import hashlib
import itertools
import os
import platform
import signal
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from imagenet_build.contracts import Advance, AnyStage, LaneStage, Member, Post, RunContext, Stage, UnitResult, WorkUnit
from imagenet_build.errors import ConfigError, MemberLost, SourceError
from imagenet_build.execution.executor import OnResult
from imagenet_build.execution.lanes import run_lanes
from imagenet_build.execution.local import CHUNK, run_chunk

NAMESPACE = "imagenet_build"
PENDING_PER_CPU = 2
"""Chunks of units that are submitted ahead of those that run."""
WAIT_S = 1.0
"""An actor that has nothing to say answers after so long."""
SILENCE_S = 10.0
"""An actor that nobody has listened to for so long ends: whoever started it is gone, or out of reach."""
_NOTICES_S = 2.0
"""It may take so much longer until it does."""
_MOST_RETRIES = 10
"""A chunk of units that is lost more often is what the processes die of."""
START_S = 60.0
_GONE_S = 30.0


class RayExecutor:
    """Runs units on a cluster."""

    def __init__(self, address: str, workers: int = 0) -> None:
        """Connect.

        Args:
            address: of the cluster: `auto`, or host:port of its head.
            workers: actors that fetch, and chunks of units under way; 0: one per CPU of the cluster.
        Raises:
            ConfigError: Ray is not installed. SourceError: there is no such cluster.
        """
        self._ray = _ray()
        self._workers = workers
        self._is_ours = not self._ray.is_initialized()
        if not self._is_ours:
            return
        on_sigterm = signal.getsignal(signal.SIGTERM)
        try:
            self._ray.init(address=address, namespace=NAMESPACE, log_to_driver=False, logging_level="error")
        except (ConnectionError, ValueError, RuntimeError, OSError) as error:
            raise SourceError(
                f"No Ray cluster answers at {address}: {_first_line(error)}",
                source=address,
                remedy="Start one with `ray start --head` on this machine, or join one with"
                " `ray start --address HOST:PORT`, and name its address.",
            ) from None
        finally:
            if threading.current_thread() is threading.main_thread():
                signal.signal(signal.SIGTERM, on_sigterm)  # Ray takes it, and would end the process in its own way

    def close(self) -> None:
        """Leave the cluster; everything that was started there ends."""
        if self._is_ours:
            self._ray.shutdown()

    def run(
        self, stage: AnyStage, units: Sequence[WorkUnit], run: RunContext, on_result: OnResult, advance: Advance
    ) -> None:
        """See `Executor.run`."""
        if isinstance(stage, LaneStage):
            crew = RayCrew(self._ray, run.layout.root, self._size())
            run_lanes(stage, units, run, on_result, advance, crew)
        else:
            self._run_tasks(stage, units, run, on_result, advance)

    def _size(self) -> int:
        return self._workers or max(1, int(self._ray.cluster_resources().get("CPU", 1)))

    def _run_tasks(
        self, stage: Stage, units: Sequence[WorkUnit], run: RunContext, on_result: OnResult, advance: Advance
    ) -> None:
        """Chunks as tasks; Ray runs those of a lost node elsewhere, and doing a unit twice leaves the same files."""
        ray = self._ray
        task = ray.remote(num_cpus=1, max_retries=_MOST_RETRIES)(_run_chunk)
        shared = ray.put((stage, run))
        pending: set[Any] = set()

        def collect() -> None:
            done, _ = ray.wait(list(pending), num_returns=1)
            for ref in done:
                pending.discard(ref)
                results: list[UnitResult] = _got(ray, ref)
                for result in results:
                    on_result(result)
                    advance(result.unit.size)

        chunk = max(1, min(CHUNK, len(units) // (4 * self._size()) or 1))
        try:
            for start in range(0, len(units), chunk):
                pending.add(task.remote(shared, units[start : start + chunk]))
                if len(pending) >= PENDING_PER_CPU * self._size():
                    collect()
            while pending:
                collect()
        except BaseException:
            for ref in pending:
                ray.cancel(ref)
            raise


def _run_chunk(shared: tuple[Stage, RunContext], units: Sequence[WorkUnit]) -> list[UnitResult]:
    stage, run = shared
    if not run.layout.root.is_dir():
        raise ConfigError(
            f"A node of the cluster ({platform.node()}) does not see the run directory {run.layout.root}.",
            remedy="Put the run where every node sees it under the same path, or build with --executor local.",
        )
    return run_chunk(stage, units, run)


class RayCrew:
    """Offers actors. At its beginning those of an earlier, killed process of the same run are ended."""

    def __init__(self, ray: Any, root: Path, size: int) -> None:
        self._ray = ray
        self.size = size
        self._run = hashlib.sha256(str(root.resolve()).encode()).hexdigest()[:12]
        self._numbers = itertools.count()
        self._end_old_ones()

    async def hire(self, make: Callable[[str], Post]) -> Member:
        """See `Crew.hire`."""
        name = f"{self._run}-{os.getpid()}-{next(self._numbers)}"
        actor_class = self._ray.remote(num_cpus=1, max_restarts=0, max_concurrency=64)(PostActor)
        actor = actor_class.options(name=name).remote(make, name)
        try:
            await asyncio.wait_for(_answer(self._ray, actor.start.remote()), START_S)
        except BaseException as error:
            self._ray.kill(actor)
            if isinstance(error, asyncio.TimeoutError):
                raise MemberLost(f"{name} does not start") from None
            raise
        return RayMember(self._ray, actor, name)

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
        raise _cause(error) from None
    except ray.exceptions.RayError as error:
        if getattr(error, "has_creation_task_error", bool)():  # the next one would fail as well
            raise _unusable(error) from None
        raise MemberLost(_first_line(error)) from None


def _got(ray: Any, ref: Any) -> Any:
    """The value of a task. Raises what the task raised."""
    try:
        return ray.get(ref)
    except ray.exceptions.RayTaskError as error:
        raise _cause(error) from None
    except ray.exceptions.RayError as error:
        raise SourceError(
            f"The Ray cluster lost a task: {_first_line(error)}",
            remedy="Look at `ray status`; the same command goes on where this one stopped.",
        ) from None


def _cause(error: Any) -> Exception:
    cause: object = error.cause
    if isinstance(cause, ImportError):
        return _unusable(cause)
    return cause if isinstance(cause, Exception) else SourceError(f"A task failed on the cluster: {_last_line(error)}")


def _unusable(error: object) -> ConfigError:
    return ConfigError(
        f"The nodes of the cluster cannot run imagenet_build: {_last_line(error)}",
        remedy="Install the same versions of Python, Ray and imagenet-build on all of them.",
    )


def _first_line(error: object) -> str:
    return next((line.strip() for line in str(error).splitlines() if line.strip()), repr(error))


def _last_line(error: object) -> str:
    return next((line.strip() for line in reversed(str(error).splitlines()) if line.strip()), repr(error))


def _ray() -> Any:
    try:
        import ray
    except ImportError:
        raise ConfigError("The ray executor needs Ray.", remedy="pip install 'imagenet-build[ray]'") from None
    return ray
