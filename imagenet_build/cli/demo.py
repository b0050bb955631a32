"""The command `demo`."""

from __future__ import annotations

import json
import os
import shlex
import sys
from dataclasses import asdict
from pathlib import Path

import click
from rich.console import Console
from rich.table import Table

from imagenet_build.cli.main import EXIT_ATTENTION
from imagenet_build.cli.progress import BuildProgress
from imagenet_build.cli.runs import CONTACT_VARIABLE
from imagenet_build.config.load import load_config
from imagenet_build.demo.pictures import has_apt
from imagenet_build.demo.run import DemoOutcome, run_demo
from imagenet_build.demo.shipped import shipped_file
from imagenet_build.errors import SourceError
from imagenet_build.pipeline import build

_FOLDER = click.Path(path_type=Path, file_okay=False)


@click.command("demo")
@click.option("--out", type=_FOLDER, default=Path("data/runs/demo"), show_default=True, help="The run directory.")
@click.option(
    "--photos",
    type=click.Path(path_type=Path, exists=True),
    help="Captioned pictures of your own: a folder or a table.",
)
@click.option("--contact", help=f"Only where there is no apt: ask the live engines. [or {CONTACT_VARIABLE}]")
@click.option("--json", "as_json", is_flag=True, help="Print the numbers as JSON.")
def demo_command(out: Path, photos: Path | None, contact: str | None, as_json: bool) -> None:
    """The whole job on real pictures, on loopback, without an account. Safe to stop and repeat.

    About 800 captioned pictures (Debian's Tux Paint stamps) are fetched, indexed, served on this machine, searched in
    five languages, downloaded, deduplicated and written as one manifest per synset.

    \b
    Examples:
      imagenet-build demo
      imagenet-build demo --photos ~/captioned --out /tmp/mine
    """
    contact = contact or os.environ.get(CONTACT_VARIABLE)
    with BuildProgress(Console(stderr=True)) as progress:
        if photos is None and not has_apt():
            _live(out, contact, progress)
            return
        outcome = run_demo(out, progress, lambda text: progress.note(f"demo: {text}"), photos=photos)
    if as_json:
        numbers = {**asdict(outcome.facts), "engine_requests": outcome.engine_requests, "page": str(outcome.page)}
        click.echo(json.dumps(numbers, indent=1, ensure_ascii=False))
    else:
        _print(outcome, out)
    if outcome.build.problems:
        sys.exit(EXIT_ATTENTION)


def _live(out: Path, contact: str | None, progress: BuildProgress) -> None:
    """A few synsets from the live engines that need no key, at their pace."""
    if not contact:
        raise SourceError(
            "This machine has no apt-get to fetch the demo's pictures with.",
            remedy="Give captioned pictures (--photos DIR), or --contact me@example.org to ask Wikimedia Commons.",
        )
    sets = [
        'taxonomy.roots=["whippet.n.01"]',
        'search.engines=[{"name": "wikimedia"}]',
        "search.candidates_per_synset=20",
    ]
    config = load_config(None, [*sets, f"network.contact={json.dumps(contact)}"])
    progress.note("demo: no apt here, so Wikimedia Commons is asked for 20 whippets, at one picture a second")
    build(config, out, progress)
    click.echo(f"Next: imagenet-build status {out}")


def _listed(counts: dict[str, int]) -> str:
    return ", ".join(f"{count} {name}" for name, count in sorted(counts.items(), key=lambda item: -item[1])) or "none"


def _print(outcome: DemoOutcome, out: Path) -> None:
    facts = outcome.facts
    table = Table(show_header=False, title="imagenet_build demo", title_justify="left")
    for name, value in (
        ("synsets", f"{facts.synsets} ({facts.left_out} left out)"),
        ("queries", f"{sum(facts.queries.values())}: {_listed(facts.queries)}"),
        ("hits", f"{sum(facts.hits.values())}: {_listed(facts.hits)}; {facts.urls} distinct image addresses"),
        ("images", f"{facts.images} different files kept"),
        ("refused", _listed(facts.refused)),
        ("duplicates", f"{sum(facts.duplicates.values())} rows point to a kept picture: {_listed(facts.duplicates)}"),
        ("manifests", f"{facts.manifests} written, {facts.non_empty} with pictures"),
        (
            "translations",
            f"{facts.only_translated} pictures found only by a translated query; "
            f"{facts.candidates_only_translated} (synset, picture) pairs found by none of the synset's English queries",
        ),
        ("this time", f"{outcome.engine_requests} searches sent, {outcome.pictures_served} pictures fetched"),
        ("alpha", "the pictures are cut-outs with transparency; hashes and thumbnails see them on white"),
        ("report", str(outcome.page.resolve())),
    ):
        table.add_row(name, value)
    console = Console()
    console.print(table)
    first = next(iter(sorted((out / "manifest").glob("*.parquet"))), out / "manifest")
    example = f"import pandas as pd; print(pd.read_parquet('{first}')[['candidate_id','kept','url','license']])"
    config = shlex.quote(os.path.relpath(shipped_file("configs/musical_instrument.yaml")))
    console.print("Try next:", highlight=False)
    for command in (
        f"imagenet-build serve {shlex.quote(str(out))}",
        f"imagenet-build verify serve {shlex.quote(str(out))}",
        f"imagenet-build status {shlex.quote(str(out))} --synsets",
        f"imagenet-build check {shlex.quote(str(out))}",
        f'python -c "{example}"',
        f"imagenet-build build {config} --contact you@example.org",
    ):
        console.print(f"  {command}", highlight=False, soft_wrap=True, markup=False)
