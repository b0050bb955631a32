"""What `duplicates` says of a run: groups per synset, or the page of the most doubtful ones."""

from __future__ import annotations

import json
import shlex
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.table import Table

from imagenet_build.cli.review_file import counted, line, reasons_line, write_review
from imagenet_build.dedup.review import REASON_WORDS
from imagenet_build.dedup.run_groups import SynsetGroups, count_groups, doubtful_groups, wnid_in_run
from imagenet_build.errors import ConfigError
from imagenet_build.storage.layout import RunLayout
from imagenet_build.storage.places import Location, run_name
from imagenet_build.storage.run_status import is_list_run

_SYNSETS_PRINTED = 20
_PIPE_WIDTH = 160
"""Characters: into a file or pipe, nothing is broken into lines."""


def show_run(run: Location, page: Path | None, limit: int, synset: str | None, as_json: bool) -> None:
    """Print the counts of a run, and write its page if one is asked for.

    Raises:
        ConfigError: the run was made by `fetch`; no synset is grouped there.
        UnknownSynset: the run has no such synset.
        DataError: the run has not reached the dedup stage, or is damaged.
    """
    layout = RunLayout(run)
    if is_list_run(layout):
        raise ConfigError(
            f"{run} was made by `fetch`, which groups no pictures.",
            remedy="Unpack its shards (tar -xf) into a folder, and name that.",
        )
    wnid = wnid_in_run(layout, synset) if synset is not None else None
    synsets = count_groups(layout, wnid)
    reasons: Counter[str] = sum((of.reasons for of in synsets), Counter())
    groups = sum(of.groups for of in synsets)
    what = f"{run}, {synset}" if synset else str(run)
    sentence = f"{what}: {counted(groups, 'group')} with {counted(reasons.total(), 'duplicate')}{reasons_line(reasons)}"
    if page is not None:
        facts = [sentence]
        if groups > limit:
            facts.append(f"{limit} of {groups:,} groups are shown.")
        shown, album = doubtful_groups(layout, limit, wnid)
        write_review(page, f"Duplicates in {run_name(run)}", facts, shown, None, album.picture)
    if as_json:
        click.echo(json.dumps(_as_json(run, groups, reasons, synsets), indent=1, ensure_ascii=False))
    else:
        _print(run, page, sentence, synset, synsets)


def _as_json(run: Location, groups: int, reasons: Counter[str], synsets: Sequence[SynsetGroups]) -> dict[str, Any]:
    return {
        "run": str(run),
        "groups": groups,
        "duplicates": reasons.total(),
        "reasons": dict(sorted(reasons.items())),
        "synsets": [
            {
                "wnid": of.wnid,
                "name": of.name,
                "groups": of.groups,
                "duplicates": of.reasons.total(),
                "reasons": dict(sorted(of.reasons.items())),
            }
            for of in synsets
        ],
    }


def _print(
    run: Location, page: Path | None, sentence: str, synset: str | None, synsets: Sequence[SynsetGroups]
) -> None:
    line(sentence)
    if synsets:
        console = Console()
        table = Table(box=None, header_style="bold", pad_edge=False)
        for name in ("wnid", "name"):
            table.add_column(name, no_wrap=not console.is_terminal)
        for name in ("groups", "duplicates", *REASON_WORDS.values()):
            table.add_column(name, justify="right")
        for of in synsets[:_SYNSETS_PRINTED]:
            numbers = (of.groups, of.reasons.total(), *(of.reasons[reason] for reason in REASON_WORDS))
            table.add_row(of.wnid, of.name, *(f"{number:,}" for number in numbers))
        (console if console.is_terminal else Console(width=_PIPE_WIDTH)).print(table)
    if len(synsets) > _SYNSETS_PRINTED:
        line(f"and {len(synsets) - _SYNSETS_PRINTED:,} more synsets; --json lists all")
    if page is not None:
        line(f"Next: look at {page}")
    elif synsets:
        chosen = ["--wnid", synset] if synset else []
        line("Next: " + shlex.join(["imagenet-build", "duplicates", str(run), *chosen, "--html", "review.html"]))
