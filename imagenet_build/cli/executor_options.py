"""The options that say where the work is done."""

from __future__ import annotations

import json
from collections.abc import Callable

import click

from imagenet_build.errors import ConfigError


def executor_options(command: Callable[..., None]) -> Callable[..., None]:
    """`--executor` and `--address`, which `build` and `fetch` share."""
    address = click.option(
        "--address",
        "ray_address",
        metavar="HOST:PORT",
        help="The Ray cluster's head, or auto for the one that this machine belongs to. Means --executor ray.",
    )
    executor = click.option(
        "--executor",
        type=click.Choice(["local", "ray"]),
        help="Where the work is done: on this machine, or on a Ray cluster as well. [default: local]",
    )
    return executor(address(command))


def executor_overrides(executor: str | None, ray_address: str | None) -> list[str]:
    """What they stand for. Raises ConfigError if they contradict each other."""
    if ray_address is not None and executor == "local":
        raise ConfigError("--address is of a Ray cluster, and --executor is local.", remedy="Leave one of them out.")
    if ray_address is None:
        return [f"execution.executor={executor}"] if executor else []
    return ["execution.executor=ray", f"execution.ray_address={json.dumps(ray_address)}"]
