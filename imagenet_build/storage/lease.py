"""One writer per run in an object store: claims that expire, decided by what every store promises.

A claim is a small object `lock/<epoch>-<owner>.json`. Whoever wants to write stores one and *then* lists all claims: if
another one is alive, the newcomer takes its own back. Of two that come at the same moment at least one sees the
other, for listings show what was stored before them (S3 and GCS are strongly consistent), so never two go on. Claims
age by the store's clock alone. A conditional PUT would do the same, but not every store has it, nor does pyarrow.
"""

from __future__ import annotations

import json
import os
import socket
import time
from pathlib import Path
from typing import Any

from imagenet_build.errors import RunInUse
from imagenet_build.storage.object_store import ObjectStore, StoredObject
from imagenet_build.storage.publication import read_published
from imagenet_build.storage.work_directory import owner_of

FOLDER = "lock"


class Lease:
    """The right to write one run.

    Args:
        store: where the run lies.
        work: the local work directory; the caller has locked it, so no other process of this machine writes from it.
        lease_s: seconds after which a claim that is not renewed is dead.
    """

    def __init__(self, store: ObjectStore, work: Path, lease_s: float) -> None:
        self._store = store
        self._lease_s = lease_s
        self._owner = owner_of(work)
        self._key = ""
        self._renewed_at = 0.0
        self._lost = ""
        self.epoch = 0
        """Counts the writers of the run."""
        self.epoch_before = 0
        """Of the last writer before; 0: there was none."""
        self.ended_well_before = False
        """Whether that one stored its state when it ended."""

    def take(self) -> None:
        """Become the writer.

        Raises:
            RunInUse: another machine writes the run, or did until less than its lease ago.
        """
        published, _ = read_published(self._store)
        self.epoch_before = max([published, *(_epoch(row) for row in self._claims())])
        self.epoch = self.epoch_before + 1
        self._key = f"{FOLDER}/{self.epoch:04d}-{self._owner}.json"
        self._put("entering")
        claims = self._claims()
        now = next((row.changed_at for row in claims if row.key == self._key), time.time())
        others = [row for row in claims if row.key != self._key]
        for row in others:
            said = self._read(row)
            if _epoch(row) == self.epoch_before:
                self.ended_well_before = said.get("state") == "released"
            age = now - row.changed_at
            rest = float(said.get("lease_s", 0.0)) - age
            if rest > 0 and said.get("state") not in ("released", "dead") and not self._is_own(said):
                self._store.delete(self._key)
                raise RunInUse(
                    f"{self._store.url} is being written by {said.get('host', 'another machine')},"
                    f" process {said.get('process', '?')}, heard of {max(age, 0.0):.0f} s ago.",
                    remedy=f"Stop it, or, if it is dead, wait {rest + 1:.0f} s more: then its lease ends.",
                )
        self._put("writing")
        for row in others:
            self._store.delete(row.key)

    def renew(self) -> None:
        """Stay the writer; to be called several times per lease."""
        self._look()
        if not self._lost:
            self._put("writing")

    def check(self) -> None:
        """Raises RunInUse if another machine may be the writer by now; to be called before anything is published."""
        if not self._lost and time.monotonic() - self._renewed_at > self._lease_s:
            self._lost = f"the store could not be reached for {self._lease_s:.0f} s"
        self._look()
        if self._lost:
            raise RunInUse(
                f"This process is no longer the writer of {self._store.url}: {self._lost}. Nothing was published.",
                remedy="Give the same command again; it goes on where the run is now.",
            )

    def release(self) -> None:
        """Let others write, once the run's state is stored. The claim stays, as the memory of its epoch."""
        if not self._lost:
            self._put("released")

    def withdraw(self) -> None:
        """Let others write, although nothing was stored."""
        if not self._lost:
            self._put("dead")

    def _look(self) -> None:
        """A newcomer that will withdraw is no writer; one that stays says so, and removes our claim."""
        claims = [] if self._lost else self._claims()
        newer = [row for row in claims if _epoch(row) > self.epoch]
        if any(self._read(row).get("state") == "writing" for row in newer):
            self._lost = "another machine took it over"

    def _is_own(self, said: dict[str, Any]) -> bool:
        """Whether a claim was made from this work directory, whose lock we hold: whoever made it is dead."""
        return (said.get("owner"), said.get("host")) == (self._owner, socket.gethostname())

    def _claims(self) -> list[StoredObject]:
        return self._store.list(FOLDER, recursive=False)

    def _read(self, row: StoredObject) -> dict[str, Any]:
        data = self._store.get(row.key)
        try:
            said = json.loads(data) if data else {"state": "released"}  # withdrawn meanwhile
        except ValueError:
            said = None
        return said if isinstance(said, dict) else {"lease_s": self._lease_s}

    def _put(self, state: str) -> None:
        said = {
            "owner": self._owner,
            "host": socket.gethostname(),
            "process": os.getpid(),
            "lease_s": self._lease_s,
            "state": state,
        }
        started = time.monotonic()
        self._store.put(self._key, json.dumps(said).encode())
        self._renewed_at = started


def _epoch(row: StoredObject) -> int:
    """Of a claim, by its key."""
    number = row.key.rpartition("/")[2].partition("-")[0]
    return int(number) if number.isdigit() else 0
