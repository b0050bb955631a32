"""The local directory of a run in an object store: whose it is, and that it is nothing else."""

from __future__ import annotations

import uuid
from pathlib import Path

from imagenet_build.errors import ConfigError

OWNER = "owner"
"""A file with a name that stays with the directory: a killed writer is known to be dead by the next one there."""
_BEFORE_OWNER = {"run.lock", "tmp"}


def owner_of(work: Path) -> str:
    """The name of whoever works here; the directory is made if missing.

    Raises:
        ConfigError: it holds something else, which restoring a snapshot would remove.
    """
    path = work / OWNER
    if not path.exists():
        if work.exists() and {item.name for item in work.iterdir()} - _BEFORE_OWNER:
            raise ConfigError(
                f"{work} holds files that are not the state of a run in a bucket.",
                remedy="Give --work an empty directory, or one that does not exist.",
            )
        work.mkdir(parents=True, exist_ok=True)
        path.write_text(uuid.uuid4().hex)
    return path.read_text().strip()
