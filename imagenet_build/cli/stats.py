"""The command `stats`: a run, or any table of wnids and images, in numbers."""

from __future__ import annotations

from pathlib import Path
from typing import IO

import click

from imagenet_build.cli.late_progress import LateProgress
from imagenet_build.cli.run_place import EXISTING_RUN, work_option
from imagenet_build.cli.stats_tables import print_statistics
from imagenet_build.cli.taxonomy import config_options
from imagenet_build.config.load import load_config
from imagenet_build.errors import ConfigError, StoreUnusable
from imagenet_build.stats.document import Statistics, to_json
from imagenet_build.stats.gather import gather_run, steps_of
from imagenet_build.stats.gather_counts import gather_counts
from imagenet_build.storage.layout import RunLayout
from imagenet_build.storage.places import Location, Place
from imagenet_build.storage.run_record import read_config
from imagenet_build.storage.tables import write_whole
from imagenet_build.taxonomy.select import read_wnids
from imagenet_build.taxonomy.sources import load_wordnet

_FILE = click.Path(path_type=Path, dir_okay=False)


class RunOrCommand(click.Group):
    """A group whose first word is one of its commands, or else a RUN, after which options may come."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Leave RUN empty before a command's name."""
        if args and args[0] in self.commands:
            args = ["", *args]
        else:
            ctx.allow_interspersed_args = True
        return super().parse_args(ctx, args)


@click.group("stats", cls=RunOrCommand, invoke_without_command=True, subcommand_metavar="| COMMAND [ARGS]...")
@click.argument("run", required=False, metavar="[RUN]", type=EXISTING_RUN)
@work_option
@click.option("--counts", type=_FILE, metavar="FILE", help="Instead of a run, a table: CSV or Parquet.")
@click.option("--root", "roots", multiple=True, metavar="SYNSET", help="With --counts: a subtree to show first.")
@click.option("--wnids", "wnids_file", type=_FILE, metavar="FILE", help="With --counts: only the synsets of a list.")
@click.option("--json", "as_json", is_flag=True, help="Print the whole document as one JSON object.")
@config_options
@click.pass_context
def stats(
    ctx: click.Context,
    run: Location | None,
    counts: Path | None,
    roots: tuple[str, ...],
    wnids_file: Path | None,
    as_json: bool,
    config_file: Path | None,
    sets: tuple[str, ...],
) -> None:
    """Say in numbers what RUN holds, as far as it has come, and write it to RUN/stats/stats.json.

    Of a run at a URL the file is stored there, and written to the work directory too.

    Synsets and images, images per synset, subtrees, depths and heights; what each language, engine and kind of query
    found; licences, hosts, sizes, refusals, duplicates, conflicts; mean colours, diversity, precision by depth.

    With --counts, the same of any table with a column of wnids: images in another column, or one row per image.

    \b
    Exit codes: 0 done, 2 wrong command line, 3 the run or the table cannot be read.

    \b
    Examples:
      imagenet-build stats data/runs/demo
      imagenet-build stats data/runs/demo --json > demo.json
      imagenet-build stats s3://bucket/runs/birds
      imagenet-build stats --counts imagenet21k.csv --root mammal.n.01 --root tool.n.01
    """
    if ctx.invoked_subcommand is not None:
        return
    if bool(run) == bool(counts):
        raise ConfigError("Of what?", remedy="Name one RUN, or one table with --counts FILE.")
    if run and (roots or wnids_file or config_file or sets):
        raise ConfigError(
            "--root, --wnids, --config and --set go with --counts.", remedy="A run has its own configuration."
        )
    if counts:
        wordnet = load_wordnet(load_config(config_file, sets).taxonomy)
        only = frozenset(read_wnids(wnids_file)) if wnids_file else None
        found = gather_counts(counts, wordnet, [wordnet.find(root) for root in roots], only)
    else:
        assert run is not None, "one of the two is given"
        found, files = _of_run(run)
    if as_json:
        click.echo(to_json(found))
        return
    print_statistics(found)
    if run:
        click.echo(f"All of it is in {' and '.join(map(str, files))}.")
        click.echo(f"Next: imagenet-build report {run} --html report.html")


def _write(out: IO[bytes], text: bytes) -> None:
    out.write(text)


def _of_run(run: Location) -> tuple[Statistics, list[Location]]:
    """The statistics, and the files that hold them now."""
    layout = RunLayout(run)
    read_config(layout)  # refuses what is no run before anything is counted
    with LateProgress("reading", steps_of(run)) as progress:
        found = gather_run(run, advance=progress.advance)
    text = to_json(found)
    here = layout.work() / "stats" / "stats.json"
    write_whole(here, lambda out: _write(out, text))
    files: list[Location] = [here]
    if isinstance(run, Place):
        stored = run / "stats" / "stats.json"
        try:
            write_whole(stored, lambda out: _write(out, text))
            files.insert(0, stored)
        except StoreUnusable as error:  # who may only read has the numbers all the same
            click.echo(f"Not stored beside the run: {error}", err=True)
    return found, files
