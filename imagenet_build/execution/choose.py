"""The executor that a configuration names."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from imagenet_build.config.models import ExecutionConfig
from imagenet_build.execution.executor import Executor
from imagenet_build.execution.local import LocalExecutor
from imagenet_build.execution.ray_cluster import RayExecutor


@contextmanager
def chosen_executor(config: ExecutionConfig) -> Iterator[Executor]:
    """The executor, for as long as the block runs.

    Raises:
        ConfigError: Ray is not installed. SourceError: there is no such cluster.
    """
    if config.executor == "local":
        yield LocalExecutor(config.workers)
        return
    executor = RayExecutor(config.ray_address, config.workers)
    try:
        yield executor
    finally:
        executor.close()
