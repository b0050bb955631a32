"""All commands, put together: the console script's entry point."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from importlib import import_module

import click

from imagenet_build.cli.main import main

_COMMANDS = {
    "build": "runs:build_command",
    "check": "runs:check_command",
    "collection": "collection:collection",
    "data": "taxonomy:data",
    "demo": "demo:demo_command",
    "duplicates": "duplicates:duplicates_command",
    "engines": "engines:engines_command",
    "engines-register": "engines:engines_register_command",
    "fetch": "fetch:fetch_command",
    "fingerprint": "duplicates:fingerprint_command",
    "plan": "plan:plan_command",
    "queries": "taxonomy:queries",
    "report": "report:report_command",
    "retry": "runs:retry_command",
    "serve": "serve:serve_command",
    "stats": "stats:stats",
    "status": "runs:status_command",
    "synsets": "taxonomy:synsets",
    "verify": "verify:verify",
}
"""Name -> module of this folder and what the command is called there."""
_PARTS = {
    "data": ("concepts:concepts_command",),
    "stats": ("stats_precision:sample", "stats_precision:precision"),
    "verify": (
        *("verify_run:tasks_command", "verify_run:serve_command", "verify_run:votes_command", "verify_run:run_command"),
        *("verify_exchange:export_command", "verify_exchange:import_command"),
    ),
}
"""Groups -> commands of theirs that stand in other modules."""


def _found(place: str) -> click.Command:
    module, name = place.split(":")
    found = getattr(import_module(f"imagenet_build.cli.{module}"), name)
    assert isinstance(found, click.Command)
    return found


def _load(name: str) -> click.Command:
    command = _found(_COMMANDS[name])
    for part in _PARTS.get(name, ()):
        assert isinstance(command, click.Group)
        command.add_command(_found(part))
    return command


_later: dict[str, Callable[[], click.Command]] = {name: partial(_load, name) for name in _COMMANDS}
main.later = _later

__all__ = ["main"]
