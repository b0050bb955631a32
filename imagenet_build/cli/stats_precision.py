"""The commands `stats sample` and `stats precision`: an independent check of how much of a run is right."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

import click

from imagenet_build.cli.late_progress import LateProgress
from imagenet_build.cli.run_place import EXISTING_RUN, RUN_OR_FILE, FileHere, work_option
from imagenet_build.cli.taxonomy_views import print_table
from imagenet_build.errors import DataError
from imagenet_build.stats.precision import DepthPrecision
from imagenet_build.stats.sample_files import (
    ACCEPTED,
    KEPT,
    default_sample,
    draw_run_sample,
    evaluate,
    read_sample,
    votes_on,
    write_sample,
)
from imagenet_build.stats.sampling import PICTURES, SYNSETS
from imagenet_build.storage.layout import RunLayout
from imagenet_build.storage.places import Location, Place
from imagenet_build.storage.run_record import read_config
from imagenet_build.verify.run_pictures import synsets_with_pictures

_FILE = FileHere()


@click.command("sample")
@click.argument("run", type=EXISTING_RUN)
@work_option
@click.option("--synsets", type=click.IntRange(1), default=SYNSETS, show_default=True, help="Over all depths.")
@click.option("--pictures", type=click.IntRange(1), default=PICTURES, show_default=True, help="Of each synset.")
@click.option("--of", type=click.Choice([ACCEPTED, KEPT]), help="[default: accepted, if there are verdicts; else kept]")
@click.option("--seed", type=click.IntRange(0), default=0, show_default=True, help="Another seed, another sample.")
@click.option(
    "--out",
    type=_FILE,
    metavar="FILE",
    help="[default: RUN/precision/sample.parquet; of a run at a URL: in its work directory]",
)
@click.option("--json", "as_json", is_flag=True, help="Print one object: what was drawn at each depth.")
def sample(
    run: Location, synsets: int, pictures: int, of: str | None, seed: int, out: Path | None, as_json: bool
) -> None:
    """Draw pictures for an independent check: synsets over all depths, pictures inside each.

    Every depth gets the same number of synsets, as far as it has them; they and their pictures are drawn at random. The
    same run and seed give the same sample. Vote on it, then evaluate it: votes on a sample never become verdicts.

    \b
    Examples:
      imagenet-build stats sample data/runs/mine
      imagenet-build stats sample data/runs/mine --synsets 40 --pictures 10 --of kept --seed 7 --out check.parquet
      imagenet-build verify serve data/runs/mine --sample check.parquet
      imagenet-build stats precision check.parquet
    """
    layout = RunLayout(run)
    read_config(layout)
    path = out or default_sample(layout)
    with LateProgress("counting pictures", len(synsets_with_pictures(layout))) as progress:
        stored = draw_run_sample(layout, of=of, synsets=synsets, pictures=pictures, seed=seed, advance=progress.advance)
    rows = write_sample(path, layout, stored)
    if as_json:
        strata = [asdict(stratum) for stratum in stored.sample.strata]
        click.echo(json.dumps({"file": str(path), "images": rows, **stored.about, "strata": strata}, indent=1))
        return
    table = [
        {"depth": one.depth, "synsets": one.synsets, "pictures": one.pictures, "drawn synsets": one.drawn}
        for one in stored.sample.strata
    ]
    print_table(table, list(table[0]))
    click.echo(
        f"{rows:,} {stored.about['of']} pictures of {len(stored.sample.synsets):,} synsets in {path}.\n"
        f"Vote on them:  imagenet-build verify serve {run} --sample {path}\n"
        f"Then evaluate: imagenet-build stats precision {path}"
    )


@click.command("precision")
@click.argument("where", type=RUN_OR_FILE, metavar="RUN|FILE")
@work_option
@click.option("--votes", "votes_file", type=_FILE, metavar="FILE",
              help="CSV or Parquet: image, worker, answer, wnid. [default: the votes beside the sample]")  # fmt: skip
@click.option("--json", "as_json", is_flag=True, help="Print one object: the sample, and a row per depth.")
def precision(where: Location, votes_file: Path | None, as_json: bool) -> None:
    """Say how precise the synsets of each depth are, from the votes on a sample; with 95 % intervals.

    FILE is what `stats sample` wrote; of a RUN, the sample in it. A picture is right if more than half of its votes say
    yes: unsure counts as no, and a tie is no. Precision is averaged over synsets, each counting the same; over pictures
    it is given beside. Intervals allow for how much synsets differ, and for how many there are at each depth.

    \b
    Examples:
      imagenet-build stats precision data/runs/mine
      imagenet-build stats precision check.parquet --votes votes.csv --json
    """
    path = where if isinstance(where, Path) and where.is_file() else default_sample(_run_at(where))
    stored = read_sample(path)
    votes = votes_on(RunLayout(path.parent), path, votes_file)
    if votes is None:
        raise DataError(
            f"There are no votes on {path} yet.", remedy=f"Vote first: imagenet-build verify serve RUN --sample {path}"
        )
    rows = evaluate(stored, votes)
    if as_json:
        click.echo(json.dumps({"file": str(path), **stored.about, "rows": [asdict(row) for row in rows]}, indent=1))
        return
    print_table([_shown(row) for row in rows], list(_shown(rows[0])))
    for line in _notes(stored.about["of"], sum(map(len, stored.images.values())), rows, len(stored.sample.strata)):
        click.echo(line)


def _run_at(where: Location) -> RunLayout:
    layout = RunLayout(where)
    if isinstance(where, Place):
        read_config(layout)  # a mistyped URL is no run without a sample
    return layout


def _shown(row: DepthPrecision) -> dict[str, str | int]:
    return {
        "depth": "all" if row.depth is None else str(row.depth),
        "synsets": row.synsets,
        "of": row.of_synsets,
        "pictures": row.pictures,
        "right": row.correct,
        "precision": f"{row.precision:.4f}",
        "95 % interval": f"{row.low:.4f} to {row.high:.4f}",
        "over pictures": f"{row.over_pictures:.4f}",
    }


def _notes(of: str, asked: int, rows: Sequence[DepthPrecision], depths: int) -> list[str]:
    whole = rows[-1]
    notes = [
        f"Of the {of} pictures, {100 * whole.precision:.1f} % are right (95 % interval {100 * whole.low:.1f} to"
        f" {100 * whole.high:.1f} %), averaged over {whole.of_synsets:,} synsets."
    ]
    if whole.pictures < asked:
        notes.append(f"{asked - whole.pictures:,} of {asked:,} pictures have no vote; they count as not sampled.")
    if len(rows) - 1 < depths:
        notes.append(f"{depths - len(rows) + 1} of {depths} depths have no vote; the last row is about the others.")
    return notes
