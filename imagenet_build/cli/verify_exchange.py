"""The commands `verify export` and `verify import`: votes given elsewhere."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import click

from imagenet_build.cli.run_place import work_option
from imagenet_build.cli.verify_run import FILE, RUN, asking, desk_setting, judging, layout_of, sampled
from imagenet_build.errors import ConfigError
from imagenet_build.stats.sample_files import sample_votes
from imagenet_build.storage.places import Location
from imagenet_build.storage.run_record import storing
from imagenet_build.verify.exports.label_studio import CONFIG, read_export, tasks_json
from imagenet_build.verify.exports.mturk import Submission, batch_csv, batch_html, read_results
from imagenet_build.verify.exports.pages import compose, questions
from imagenet_build.verify.exports.plain import questions_csv, read_plain, votes_frame
from imagenet_build.verify.run_verdicts import publish_run_votes
from imagenet_build.verify.task_desk import Desk
from imagenet_build.verify.verdicts import check_suffix, write_text, write_verdicts
from imagenet_build.verify.vote_store import Journal
from imagenet_build.verify.vote_tables import read_run_votes, votes_folder

FORMATS = ("mturk", "label-studio", "csv")


@click.command("export")
@click.argument("run", type=RUN)
@work_option
@click.option("--format", "kind", type=click.Choice([*FORMATS, "votes"]), required=True,
              help="For whom; `votes` writes the votes given so far.")  # fmt: skip
@click.option("--out", type=click.Path(path_type=Path), required=True, help="A folder; for votes a file.")
@click.option("--pages", "most_pages", type=click.IntRange(1), help="At most so many. [default: all worth asking]")
@click.option("--pictures", "pictures_out", type=click.Path(path_type=Path, file_okay=False),
              help="Write the picture files here too, under names that tell nothing.")  # fmt: skip
@click.option(
    "--base-url", help="Where you will serve the folder of --pictures. [default: the pictures' own addresses]"
)
@sampled
@asking
@judging
def export_command(
    run: Location,
    sample: Path | None,
    kind: str,
    out: Path,
    most_pages: int | None,
    pictures_out: Path | None,
    base_url: str | None,
    **given: Any,
) -> None:
    """Write pages of pictures for workers elsewhere, in the order of what their votes are worth.

    mturk: batch.html and batch.csv. label-studio: config.xml and tasks.json, a picture per task. csv: questions.csv
    with columns to fill in. The run remembers what it gave out; bring the answers back with `verify import`.

    \b
    Examples:
      imagenet-build verify export data/runs/mine --format label-studio --out studio
      imagenet-build verify export data/runs/mine --format mturk --out turk --pictures www --base-url https://me.example/
      imagenet-build verify export data/runs/mine --format votes --out votes.csv
      imagenet-build verify export data/runs/mine --format csv --sample check.parquet --out ask
    """
    layout, config, options = desk_setting(run, sample, given)
    if kind == "votes":
        check_suffix(out)
        with storing(layout):
            publish_run_votes(layout)
        votes = read_run_votes(layout)
        write_verdicts(out, votes_frame(votes))
        click.echo(f"{votes.num_rows:,} votes in {out}.")
        return
    if (base_url is None) != (pictures_out is None):
        raise ConfigError(
            "--base-url and --pictures belong together.",
            remedy="--pictures DIR writes the picture files; --base-url says where you will serve that folder.",
        )
    with storing(layout):  # what is given out is remembered
        desk = Desk(layout, config, options)
        try:
            pages = compose(desk, kind, most_pages, one_each=kind == "label-studio")
            held = list(questions(desk, pages, base_url, pictures_out))
        finally:
            desk.close()
    if kind == "mturk":
        write_text(out / "batch.html", batch_html(given["page_size"]))
        write_text(out / "batch.csv", batch_csv(held, given["page_size"]))
    elif kind == "label-studio":
        write_text(out / "config.xml", CONFIG)
        write_text(out / "tasks.json", tasks_json(held))
    else:
        write_text(out / "questions.csv", questions_csv(held))
    pictures = sum(len(page.images) for page in pages)
    click.echo(f"{pictures:,} pictures on {len(pages):,} {'tasks' if kind == 'label-studio' else 'pages'} in {out}.")


@click.command("import")
@click.argument("run", type=RUN)
@work_option
@click.argument("file", type=FILE)
@click.option("--format", "kind", type=click.Choice(FORMATS), required=True, help="csv reads Parquet as well.")
@click.option("--source", default="import", show_default=True, help="A word for where votes of a csv come from.")
@click.option("--worker", help="Who answered, for a csv without a column worker: the name of a model, say.")
@click.option("--yes-from", type=click.FloatRange(0, 1), default=0.8, show_default=True, help="Scores from here: yes.")
@click.option("--no-to", type=click.FloatRange(0, 1), default=0.2, show_default=True, help="Scores up to here: no.")
@sampled
def import_command(
    run: Location,
    file: Path,
    kind: str,
    source: str,
    worker: str | None,
    yes_from: float,
    no_to: float,
    sample: Path | None,
) -> None:
    """Add votes that were given elsewhere to a run. The same file twice adds nothing.

    mturk: the results as the requester's website gives them. label-studio: an export with the format JSON. csv: image,
    wnid, worker, answer; or score (0 to 1) in place of answer.

    \b
    Examples:
      imagenet-build verify import data/runs/mine Batch_123_batch_results.csv --format mturk
      imagenet-build verify import data/runs/mine scores.parquet --format csv --source model --worker my-classifier
    """
    if no_to >= yes_from:
        raise click.UsageError("--no-to must be below --yes-from.")
    layout = layout_of(run) if sample is None else sample_votes(layout_of(run), sample)
    with storing(layout):
        journal = Journal(votes_folder(layout))
        try:
            if kind == "csv":
                votes = read_plain(file, source, journal.page, worker=worker, yes_from=yes_from, no_to=no_to)
                new, total = journal.import_votes(votes), len(votes)
            else:
                read = read_results if kind == "mturk" else read_export
                new, total = _add(journal, list(read(file, journal.page)))
        finally:
            journal.close()
        counts = publish_run_votes(layout)
    click.echo(f"{total:,} votes read, {new:,} of them new; the run has {sum(counts.values()):,} now.")


def _add(journal: Journal, submissions: Iterable[Submission]) -> tuple[int, int]:
    """New and all votes."""
    new = total = 0
    for made in submissions:
        count = sum(map(bool, made.answers))
        total += count
        if journal.submit(made.submission, made.page, made.worker, made.answers, made.milliseconds, made.time):
            new += count
    return new, total
