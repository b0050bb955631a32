"""Runs commands as a shell would."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from click.testing import CliRunner, Result

from imagenet_build.cli.app import main


def program(*arguments: str | Path) -> Result:
    return CliRunner().invoke(main, [str(argument) for argument in arguments])


def said(*arguments: str | Path) -> dict[str, Any]:
    done = program(*arguments, "--json")
    assert done.exit_code == 0, done.output
    return dict(json.loads(done.stdout))


def refused(*arguments: str | Path) -> tuple[int, str]:
    done = program(*arguments)
    return done.exit_code, " ".join(done.stderr.split())
