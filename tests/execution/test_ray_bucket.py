"""A run in a bucket on a cluster of two nodes: every process reads and writes the bucket with what its node knows."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("ray", reason="needs Ray: pip install 'imagenet-build[ray]'")
pytest.importorskip("moto.server", reason="moto[server] is not installed (pip install imagenet-build[dev])")

from imagenet_build.config.models import BuildConfig
from imagenet_build.contracts import RunContext, UnitResult, WorkUnit
from imagenet_build.errors import StoreUnusable
from imagenet_build.execution.ray_cluster import _run_chunk
from imagenet_build.storage import tables
from imagenet_build.storage.layout import RunLayout
from imagenet_build.storage.places import Place, files_in, place_of
from imagenet_build.storage.schemas import MANIFEST
from tests.fakes.s3_server import Request, S3Server
from tests.ray_nodes import Nodes, environment, ray_nodes
from tests.world import VOLATILE, World, assert_same_rows, manifest_rows, run

URL = "s3://bucket/runs/x"


@pytest.fixture
def s3() -> Iterator[S3Server]:
    with S3Server() as server:
        yield server


@pytest.fixture
def nodes(s3: S3Server, monkeypatch: pytest.MonkeyPatch) -> Iterator[Nodes]:
    """Two nodes with credentials of their own; the environment of the test is the driver's in the end.

    Nodes do not know the endpoint, nor the region: these are the run's, and travel with it.
    """
    for name in s3.environment:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "testing-secret")
    with ray_nodes(0) as started:
        for name in ("head", "second"):
            monkeypatch.setenv("AWS_ACCESS_KEY_ID", name)
            started.start()
        for name, value in {**s3.environment, "AWS_ACCESS_KEY_ID": "driver", "AWS_REGION": "eu-north-1"}.items():
            monkeypatch.setenv(name, value)
        yield started


def rows_in_bucket(tmp_path: Path) -> dict[str, list[dict[str, Any]]]:
    root = place_of(URL, tmp_path / "reader")
    assert isinstance(root, Place)
    paths = files_in(RunLayout(root).manifests, "*.parquet")
    return {path.stem: tables.read(path, MANIFEST).drop_columns(list(VOLATILE)).to_pylist() for path in paths}


def test_nodes_use_the_bucket_themselves_and_one_is_killed_in_the_middle_of_dedup(
    world: World, nodes: Nodes, s3: S3Server, tmp_path: Path
) -> None:
    local = world.start(tmp_path / "disk")
    nodes.wait_for(2)
    killed: list[str] = []

    def kill_the_second(request: Request) -> str:
        """Its first part of dedup is never stored: the node dies while it waits for the answer."""
        if request.account == "second" and request.method == "PUT" and not killed:
            killed.append(request.key)
            nodes.kill(1)
            return "InternalError"
        return ""

    s3.refuse = kill_the_second
    command = world.command("build", str(world.config), "--out", URL, "--work", str(tmp_path / "work"))
    on_ray = ("--executor", "ray", "--address", nodes.address, "--set", "execution.workers=0")
    built = run([*command, *on_ray], env=environment())
    assert built.returncode == 0, built.stderr
    assert [key.rpartition("/")[0] for key in killed] == ["runs/x/dedup"]
    assert local.wait(100) == 0
    assert_same_rows(manifest_rows(tmp_path / "disk"), rows_in_bucket(tmp_path))
    for folder in ("dedup", "manifest"):
        puts = [r for r in s3.requests if r.method == "PUT" and r.key.startswith(f"runs/x/{folder}/")]
        assert {request.account for request in puts} - {"second"} == {"head"}  # never the driver


class ReadingStage:
    """A unit of it reads the bucket."""

    name = "reading"

    def plan(self, run: RunContext) -> Iterator[WorkUnit]:
        yield WorkUnit(self.name, "one")

    def run_unit(self, unit: WorkUnit, run: RunContext) -> UnitResult:
        (run.layout.root / "run.json").exists()
        return UnitResult(unit)

    def finish(self, run: RunContext, _: object = None, /) -> None: ...


def test_a_node_without_credentials_is_named(s3: S3Server, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name, value in s3.environment.items():
        monkeypatch.setenv(name, value)
    run_there = RunContext(RunLayout(place_of(f"{URL}?region=eu-south-1", tmp_path / "work")), BuildConfig())
    s3.refuse = lambda _: "AccessDenied"
    with pytest.raises(StoreUnusable, match="A node of the cluster") as caught:
        _run_chunk((ReadingStage(), run_there), [WorkUnit("reading", "one")])
    assert "refuses access" in caught.value.message
    assert "environment of its `ray start`" in caught.value.remedy
