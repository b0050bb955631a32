"""The command `report`: a run as one page."""

from __future__ import annotations

import shlex
from pathlib import Path

import click

from imagenet_build.cli.late_progress import LateProgress
from imagenet_build.cli.review_file import check_place, line
from imagenet_build.cli.run_place import EXISTING_RUN, RUN_OR_FILE, FileHere, work_option
from imagenet_build.report.gather import gather_report, is_run, steps_of_report
from imagenet_build.report.page import report_page
from imagenet_build.stats.document import read_statistics
from imagenet_build.storage.layout import RunLayout
from imagenet_build.storage.places import Location
from imagenet_build.storage.run_record import read_config
from imagenet_build.storage.tables import write_whole


@click.command("report")
@click.argument("run", type=EXISTING_RUN)
@work_option
@click.option(
    "--html",
    "html",
    type=FileHere(),
    metavar="FILE",
    help="The page.  [default: RUN/report.html; of a run at a URL: report.html in its work directory]",
)
@click.option(
    "--against", type=RUN_OR_FILE, metavar="RUN|FILE", help="Another run, or a table (wnid, images), beside it."
)
@click.option(
    "--stats",
    "stats_path",
    type=FileHere(exists=True),
    metavar="FILE",
    help="What `stats RUN` wrote, RUN/stats/stats.json, instead of counting again.",
)
def report_command(run: Location, html: Path | None, against: Location | None, stats_path: Path | None) -> None:
    """Write what a run holds as one page: figures, contact sheets, what went wrong, provenance.

    The page needs no network and no scripts, and can be printed. A run that has not come to its end is shown as far as
    it has come.

    \b
    Examples:
      imagenet-build report data/runs/demo --html demo.html
      imagenet-build report data/runs/mine --against data/runs/earlier
      imagenet-build report data/runs/mine --against imagenet21k.csv --html mine.html
      imagenet-build report data/runs/large --stats data/runs/large/stats/stats.json
      imagenet-build report s3://bucket/runs/birds --html birds.html
    """
    layout = RunLayout(run)
    for one in (run, against):
        if one is not None and is_run(one):
            read_config(RunLayout(one))  # refuses what is no run before anything is counted
    target = html or layout.work() / "report.html"
    check_place(target)
    words = ["imagenet-build", "report", str(run), *(["--html", str(html)] if html else [])]
    words += ["--against", str(against)] if against else []
    words += ["--stats", str(stats_path)] if stats_path else []
    counted = read_statistics(stats_path) if stats_path else None
    with LateProgress("reading", steps_of_report(run, against, counted=counted is not None)) as progress:
        material = gather_report(
            run, against=against, command=shlex.join(words), counted=counted, advance=progress.advance
        )
    write_whole(target, lambda out: out.writelines(part.encode() for part in report_page(material)))
    line(f"{target}: {target.stat().st_size / 1e6:.1f} MB. Open it in a browser.")
