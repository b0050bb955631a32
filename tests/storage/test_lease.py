from __future__ import annotations

import threading
from pathlib import Path

import pytest

from imagenet_build.errors import RunInUse
from imagenet_build.storage.lease import Lease
from imagenet_build.storage.object_store import ObjectStore
from tests.fakes.s3_server import S3Server


def test_writers_are_counted_and_exclude_each_other(store: ObjectStore, tmp_path: Path) -> None:
    first = Lease(store, tmp_path / "one", 60)
    first.take()
    assert (first.epoch, first.epoch_before) == (1, 0)
    with pytest.raises(RunInUse, match="is being written by"):
        Lease(store, tmp_path / "two", 60).take()
    first.check()
    first.renew()
    first.release()
    second = Lease(store, tmp_path / "two", 60)
    second.take()
    assert (second.epoch, second.epoch_before, second.ended_well_before) == (2, 1, True)


def test_a_killed_writer_is_followed_at_once_from_its_own_directory(store: ObjectStore, tmp_path: Path) -> None:
    Lease(store, tmp_path / "one", 60).take()
    again = Lease(store, tmp_path / "one", 60)
    again.take()
    assert (again.epoch, again.ended_well_before) == (2, False)


def test_a_stale_lease_ends_and_its_writer_learns_it(
    store: ObjectStore, s3: S3Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = Lease(store, tmp_path / "one", 0.0)  # dead as soon as the store's clock goes on
    first.take()
    second = Lease(store, tmp_path / "two", 60)
    second.take()
    assert second.epoch == 2
    with pytest.raises(RunInUse, match="no longer the writer"):
        first.check()
    first.renew()  # does not bring its claim back
    assert [key for key in s3.stored() if "/lock/" in key] == [f"runs/x/lock/0002-{_owner(tmp_path / 'two')}.json"]
    second.check()


def test_of_many_that_come_together_at_most_one_writes(store: ObjectStore, tmp_path: Path) -> None:
    barrier = threading.Barrier(6)
    won: list[int] = []

    def come(number: int) -> None:
        lease = Lease(store, tmp_path / str(number), 60)
        barrier.wait()
        try:
            lease.take()
        except RunInUse:
            return
        won.append(number)

    threads = [threading.Thread(target=come, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(won) <= 1


def _owner(work: Path) -> str:
    return (work / "owner").read_text()
