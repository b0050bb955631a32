"""kill -9 at any moment loses nothing: the run ends with the rows of an undisturbed one, and nothing is asked twice."""

from __future__ import annotations

import random
import signal
import threading
import time
from pathlib import Path

from tests.program_here import run_here
from tests.world import World, assert_same_rows, kill, manifest_rows

KILLS = 5
"""Twenty of them: `scripts/bench/resume.py`."""
IN_FLIGHT = 1 + 4 + 2
"""Requests that may be under way at a kill: one search; four pictures on the wire and two being decoded."""


def test_kills_at_random_moments(world: World, tmp_path: Path) -> None:
    assert world.build_here(tmp_path / "undisturbed").returncode == 0
    asked_once = world.requests()
    world.openverse.log.clear()
    world.images.log.clear()

    out = tmp_path / "killed"
    rng = random.Random(20091)
    kills = 0
    for _ in range(10 * KILLS):
        process = world.start(out)
        before = sum(world.requests().values())
        wanted = rng.randint(1, max(2, sum(asked_once.values()) // KILLS))
        deadline = time.monotonic() + rng.uniform(0.8, 4.0)  # also before the first and after the last request
        while process.poll() is None and time.monotonic() < deadline:
            if sum(world.requests().values()) >= before + wanted:
                break
            threading.Event().wait(0.002)  # a look every 2 ms, so that the program under test gets the processor
        if process.poll() is None:
            kill(process)
            kills += 1
        if kills == KILLS:
            break
    assert kills == KILLS, f"only {kills} kills"

    finished = world.build(out)
    assert finished.returncode == 0, finished.stderr
    assert_same_rows(manifest_rows(tmp_path / "undisturbed"), manifest_rows(out))
    asked = world.requests()
    assert asked.keys() == asked_once.keys()
    repeated = {url: times - 1 for url, times in asked.items() if times > 1}
    assert sum(repeated.values()) <= KILLS * IN_FLIGHT
    checked = run_here("check", str(out))
    assert checked.returncode == 0, checked.stdout


def test_one_kill_repeats_at_most_what_was_in_flight(world: World, tmp_path: Path) -> None:
    out = tmp_path / "killed"
    process = world.start(out)
    world.images.log.wait_for(20)
    kill(process)
    at_kill = set(world.requests())
    assert world.build(out).returncode == 0
    repeated = [url for url, times in world.requests().items() if times > 1]
    assert len(repeated) <= IN_FLIGHT
    assert set(repeated) <= at_kill
    assert world.build_here(tmp_path / "undisturbed").returncode == 0
    assert_same_rows(manifest_rows(tmp_path / "undisturbed"), manifest_rows(out))


def test_ctrl_c_ends_in_seconds_with_130_and_the_next_build_goes_on(world: World, tmp_path: Path) -> None:
    out = tmp_path / "interrupted"
    process = world.start(out)
    world.images.log.wait_for(10)
    started = time.monotonic()
    process.send_signal(signal.SIGINT)
    assert process.wait(timeout=20) == 130
    assert time.monotonic() - started < 10
    assert world.build(out).returncode == 0
    assert [url for url, times in world.requests().items() if times > 1 + IN_FLIGHT] == []
    assert world.build_here(tmp_path / "undisturbed").returncode == 0
    assert_same_rows(manifest_rows(tmp_path / "undisturbed"), manifest_rows(out))


def test_two_builds_of_one_run_do_not_meet(world: World, tmp_path: Path) -> None:
    out = tmp_path / "run"
    process = world.start(out)
    try:
        world.openverse.log.wait_for(5)
        second = world.build(out)
        assert second.returncode == 3
        assert "Another process is writing" in second.stderr
    finally:
        kill(process)
