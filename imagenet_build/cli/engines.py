"""The command `engines`."""

from __future__ import annotations

import json
from dataclasses import asdict

import click
from rich.console import Console
from rich.table import Table

from imagenet_build.search.registry import engine_infos


@click.command("engines")
@click.option("--json", "as_json", is_flag=True, help="Print as JSON.")
def engines_command(as_json: bool) -> None:
    """The engines that can be asked: languages, depth limit, pace, licences. Sends nothing.

    \b
    Example:
      imagenet-build engines --json
    """
    infos = engine_infos()
    if as_json:
        click.echo(json.dumps([{**asdict(info), "options": sorted(info.options)} for info in infos], indent=1))
        return
    table = Table("engine", "what", "languages", "hits per query", "pause", "licences", "needs")
    for info in infos:
        depth = "no limit" if info.depth is None else str(info.depth)
        needs = "your contact" if info.is_live else ", ".join(sorted(info.options & {"index"})) or "nothing"
        table.add_row(info.name, info.title, info.languages, depth, f"{info.min_delay_s:g} s", info.licenses, needs)
    Console().print(table)
