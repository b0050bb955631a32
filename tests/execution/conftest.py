"""Ray in the tests' own process, for what needs no second node."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest


@pytest.fixture(scope="package")
def joined_ray() -> Iterator[Any]:
    """The package `ray`, connected to a cluster of this process."""
    ray = pytest.importorskip("ray", reason="needs Ray: pip install 'imagenet-build[ray]'")
    from imagenet_build.execution.ray_link import import_ray

    paths = os.pathsep.join([str(Path(__file__).parents[2]), os.environ.get("PYTHONPATH", "")])
    before = dict(os.environ)
    os.environ["RAY_AUTH_MODE"] = "disabled"  # else Ray writes a token into the home directory
    import_ray()
    ray.init(
        "local", num_cpus=1, log_to_driver=False, logging_level="error", runtime_env={"env_vars": {"PYTHONPATH": paths}}
    )
    os.environ.clear()  # it is the same process that later starts programs, and clusters with other settings
    os.environ.update(before)
    yield ray
    ray.shutdown()
