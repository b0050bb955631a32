"""A cluster of two nodes on this machine: the manifests of one process, whatever is killed, and its manners."""

from __future__ import annotations

import shutil
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from imagenet_build.pipeline import STAGE_NAMES
from tests.fakes.image_server import ImageServer
from tests.fakes.openverse_server import OpenverseServer
from tests.fakes.request_log import RequestLog
from tests.program_here import run_here
from tests.ray_nodes import Nodes, environment, ray_nodes
from tests.world import World, assert_same_rows, kill, make_world, manifest_rows, run

pytest.importorskip("ray", reason="needs Ray: pip install 'imagenet-build[ray]'")

HOSTS = tuple(f"127.0.0.{number}" for number in range(1, 6))
CONCURRENCY = 2
DELAY_S = 0.03
Rows = dict[str, list[dict[str, Any]]]


@pytest.fixture(scope="module")
def nodes() -> Iterator[Nodes]:
    with ray_nodes(2) as started:
        yield started


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with OpenverseServer() as openverse, ImageServer(HOSTS) as images:
        folder = tmp_path_factory.mktemp("world")
        yield make_world(folder, openverse, images, late_s=0.1, min_delay_s=DELAY_S, concurrency=CONCURRENCY)


@pytest.fixture(scope="module")
def searched(world: World, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run up to its search, which is the same for all."""
    out = tmp_path_factory.mktemp("searched") / "run"
    assert world.build_here(out, "--until", "search").returncode == 0
    return out


@pytest.fixture(scope="module")
def expected(world: World, searched: Path, tmp_path_factory: pytest.TempPathFactory) -> Rows:
    """The manifests of the local executor with one worker."""
    out = tmp_path_factory.mktemp("local") / "run"
    shutil.copytree(searched, out)
    assert world.build_here(out).returncode == 0
    return manifest_rows(out)


@pytest.fixture
def out(searched: Path, tmp_path: Path) -> Path:
    """A run that goes on from there."""
    shutil.copytree(searched, tmp_path / "run")
    return tmp_path / "run"


@pytest.fixture(autouse=True)
def manners(world: World) -> Iterator[None]:
    """No host is asked for more at once, or faster, than its rule says."""
    world.images.log.clear()
    yield
    logs: dict[str, RequestLog] = {}
    for call in world.images.log.calls:
        logs.setdefault(call.host, RequestLog()).calls.append(call)
    assert len(logs) == len(HOSTS)
    for host, log in logs.items():
        assert log.most_at_once() <= CONCURRENCY, host
        # single gaps jitter with the server's thread; their sum cannot shrink by more than one delay
        assert sum(log.gaps_s()) >= (log.count() - 2) * DELAY_S, host


def on(nodes: Nodes) -> tuple[str, ...]:
    return ("--executor", "ray", "--address", nodes.address, "--set", "execution.workers=0")  # one on each


def assert_clean(out: Path) -> None:
    checked = run_here("check", str(out))
    assert checked.returncode == 0, checked.stdout


def refuse_without_token(world: World, nodes: Nodes, out: Path) -> None:
    without = {name: value for name, value in environment().items() if name != "RAY_AUTH_TOKEN"} | {"HOME": str(out)}
    refused = run(world.build_command(out, *on(nodes)), env=without | {"RAY_AUTH_TOKEN": ""})
    assert refused.returncode == 3
    assert "cannot be joined" in refused.stderr
    assert "set RAY_AUTH_TOKEN" in refused.stderr


def finish(world: World, out: Path, *more: str) -> None:
    done = run(world.build_command(out, *more), env=environment())
    assert done.returncode == 0, done.stderr
    strange = [line for line in done.stderr.splitlines() if not line.lstrip().startswith(STAGE_NAMES)]
    assert strange == []  # what Ray has to say is not for the user


def wait_until(condition: Callable[[], bool], longest_s: float = 60.0) -> None:
    deadline = time.monotonic() + longest_s
    while not condition():
        assert time.monotonic() < deadline, "it does not happen"
        threading.Event().wait(0.005)


def repeated(world: World) -> int:
    """Pictures that were asked for again."""
    return sum(times - 1 for path, times in world.images.log.counts().items() if path != "/robots.txt")


def test_two_workers_here_make_the_same_manifests(world: World, expected: Rows, out: Path) -> None:
    finish(world, out, "--set", "execution.workers=2")
    assert_same_rows(expected, manifest_rows(out))


def test_two_nodes_make_the_same_manifests_and_ask_for_nothing_twice(
    world: World, expected: Rows, nodes: Nodes, out: Path
) -> None:
    refuse_without_token(world, nodes, out)
    finish(world, out, *on(nodes))
    assert_same_rows(expected, manifest_rows(out))
    assert repeated(world) == 0
    lanes = {path.parent.name for path in out.glob("images/*/*.tar") if path.stat().st_size > 1024}
    assert lanes == {"w0", "w1", "w2"}  # files of this disk are read here
    assert_clean(out)


def test_a_node_is_killed_in_the_middle_of_the_download(world: World, expected: Rows, nodes: Nodes, out: Path) -> None:
    building = world.start(out, *on(nodes), env=environment())
    world.images.log.wait_for(40)
    nodes.kill(1)
    assert building.wait(timeout=100) == 0
    assert_same_rows(expected, manifest_rows(out))
    assert repeated(world) <= len(HOSTS) * (CONCURRENCY + 2) * 2  # in hand, a redirect and its goal
    assert_clean(out)
    nodes.start()
    nodes.wait_for(2)


def test_a_node_is_killed_in_the_middle_of_dedup(world: World, expected: Rows, nodes: Nodes, out: Path) -> None:
    finish(world, out, "--until", "download")
    building = world.start(out, *on(nodes), env=environment())
    wait_until(lambda: any((out / "dedup").glob("*.parquet")) or building.poll() is not None)
    assert building.poll() is None
    nodes.kill(2)
    assert building.wait(timeout=100) == 0
    assert_same_rows(expected, manifest_rows(out))


def test_the_driver_is_killed_and_comes_back(world: World, expected: Rows, nodes: Nodes, out: Path) -> None:
    building = world.start(out, *on(nodes), env=environment())
    world.images.log.wait_for(40)
    kill(building)
    assert building.returncode == -9
    finish(world, out, *on(nodes))
    assert_same_rows(expected, manifest_rows(out))
    assert repeated(world) <= len(HOSTS) * (CONCURRENCY + 2) * 2
    assert_clean(out)
