"""A bucket on loopback for the tests of runs in an object store."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

pytest.importorskip("moto.server", reason="moto[server] is not installed (pip install imagenet-build[dev])")

from imagenet_build.storage.object_store import ObjectStore, open_store
from imagenet_build.storage.places import Place, place_of
from tests.fakes.s3_server import S3Server


@pytest.fixture
def s3(monkeypatch: pytest.MonkeyPatch) -> Iterator[S3Server]:
    """A server, and the environment that leads to it."""
    with S3Server() as server:
        for name, value in server.environment.items():
            monkeypatch.setenv(name, value)
        yield server


@pytest.fixture
def store(s3: S3Server) -> ObjectStore:
    return open_store("s3://bucket/runs/x")


@pytest.fixture
def place(s3: S3Server, tmp_path: Path) -> Place:
    """A run's root."""
    found = place_of("s3://bucket/runs/x", tmp_path / "work")
    assert isinstance(found, Place)
    return found
