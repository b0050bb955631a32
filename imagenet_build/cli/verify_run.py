"""The commands `verify serve`, `tasks`, `votes`, `run`: voting on the pictures of a run."""

from __future__ import annotations

import asyncio
import json
import signal
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

import click
from click.core import ParameterSource

from imagenet_build.cli.run_place import EXISTING_RUN, work_option
from imagenet_build.cli.taxonomy_views import print_table
from imagenet_build.config.verify_models import VerifyConfig
from imagenet_build.errors import ConfigError
from imagenet_build.stats.sample_files import read_sample, sample_votes
from imagenet_build.storage.layout import RunLayout
from imagenet_build.storage.places import Location
from imagenet_build.storage.run_record import read_config, storing
from imagenet_build.verify.desk_options import DeskOptions
from imagenet_build.verify.goal import RUN_TARGET_PRECISION, run_goal
from imagenet_build.verify.judges import METHODS
from imagenet_build.verify.run_verdicts import decide_run, publish_run_votes
from imagenet_build.verify.task_desk import Desk
from imagenet_build.verify.task_pages import GOLD_SHARE, PAGE_SIZE
from imagenet_build.verify.vote_tables import verdicts_folder
from imagenet_build.web.app import DEFAULT_PORT, Serving, serve
from imagenet_build.web.sessions import clean_name, invitation_link

F = TypeVar("F", bound=Callable[..., Any])
RUN = EXISTING_RUN
FILE = click.Path(path_type=Path, dir_okay=False)
SHARE = click.FloatRange(0, 1, min_open=True, max_open=True)
SWITCH_S = 0.0005
VOTES_ON_SAMPLE = 3


def judging(command: F) -> F:
    """The options that say how votes are judged, and with that what is asked."""
    for option in reversed(
        (
            click.option("--method", type=click.Choice(METHODS), help="[default: the run's verify.method]"),
            click.option(
                "--target-precision", type=SHARE,
                help="Least share of true pictures among the accepted. "
                f"[default: the run's verify.target_precision, or {RUN_TARGET_PRECISION}]",
            ),
            click.option(
                "--max-votes", type=click.IntRange(1),
                help=f"Per picture. [default: the run's; of a sample {VOTES_ON_SAMPLE}]",
            ),
        )
    ):  # fmt: skip
        command = option(command)
    return command


def asking(command: F) -> F:
    """The options that say which pictures go on pages."""
    for option in reversed(
        (
            click.option("--wnid", "wnids", multiple=True, help="Only this synset; may be repeated."),
            click.option("--page-size", type=click.IntRange(1, 500), default=PAGE_SIZE, show_default=True),
            click.option(
                "--gold-share", type=click.FloatRange(0, 0.5), default=GOLD_SHARE,
                show_default=f"{GOLD_SHARE}; of a sample 0",
                help="Most of a page that may be pictures whose answer is known.",
            ),
        )
    ):  # fmt: skip
        command = option(command)
    return command


def sampled(command: F) -> F:
    """The option that asks about the pictures of a sample, apart from the run's own votes."""
    return click.option(
        "--sample", type=click.Path(path_type=Path, dir_okay=False, exists=True),
        help="Only the pictures of this sample (see `stats sample`); its votes lie beside it, never among the run's.",
    )(command)  # fmt: skip


def layout_of(run: Location) -> RunLayout:
    """The run in a folder; raises DataError if it is none."""
    layout = RunLayout(run)
    read_config(layout)
    return layout


def config_of(layout: RunLayout, given: dict[str, Any]) -> VerifyConfig:
    """The judge's settings: the run's own, and what `judging`'s options change about them."""
    own = read_config(layout).verify
    changes = {name: given[name] for name in ("method", "target_precision", "max_votes") if given[name] is not None}
    return run_goal(own.model_copy(update=changes))


def desk_setting(
    run: Location, sample: Path | None, given: dict[str, Any]
) -> tuple[RunLayout, VerifyConfig, DeskOptions]:
    """What the options of `asking`, `judging` and `sampled` mean.

    A sample is an independent check: unless told otherwise each of its pictures gets the same number of votes, decided
    by majority, and no picture whose answer is known is mixed in.

    Raises:
        DataError: the folder is no run, or the file no sample. ConfigError: a wanted synset is not in the sample.
    """
    layout = layout_of(run)
    config = config_of(layout, given)
    if sample is None:
        return layout, config, DeskOptions(given["page_size"], given["gold_share"], wnids=given["wnids"])
    images = read_sample(sample).images
    missing = [wnid for wnid in given["wnids"] if wnid not in images]
    if missing:
        raise ConfigError(f"{', '.join(missing)} is not in the sample.", remedy="Leave out --wnid for all of it.")
    is_share_given = click.get_current_context().get_parameter_source("gold_share") is not ParameterSource.DEFAULT
    votes = given["max_votes"] or VOTES_ON_SAMPLE
    plain = {"method": given["method"] or "majority", "majority_votes": votes, "max_votes": votes}
    options = DeskOptions(
        given["page_size"],
        given["gold_share"] if is_share_given else 0.0,
        wnids=tuple(given["wnids"]) or tuple(images),
        images=images,
    )
    return sample_votes(layout, sample), config.model_copy(update=plain), options


@click.command("serve")
@click.argument("run", type=RUN)
@work_option
@click.option("--host", default="127.0.0.1", show_default=True, help="0.0.0.0 to let others in, by invitation links.")
@click.option("--port", type=click.IntRange(0, 65535), default=DEFAULT_PORT, show_default=True, help="0: any free one.")
@click.option("--annotator", "annotators", multiple=True, help="Who may vote; may be repeated. [default: anybody]")
@click.option("--second-look", type=click.FloatRange(0, 0.5), default=0.0, show_default=True,
              help="Share of pictures that are shown to the same person again.")  # fmt: skip
@sampled
@asking
@judging
def serve_command(
    run: Location,
    host: str,
    port: int,
    annotators: tuple[str, ...],
    second_look: float,
    sample: Path | None,
    **given: Any,
) -> None:
    """Vote on the pictures of a run in the browser.

    Every page that is sent is on the disk at once, in RUN/votes. Stop with Ctrl-C and start again whenever you like.

    With --sample, an independent check: every picture of the sample is shown to three people (see --max-votes), and
    `stats precision` says how precise the run is.

    \b
    Examples:
      imagenet-build verify serve data/runs/demo
      imagenet-build verify serve data/runs/mine --host 0.0.0.0 --annotator Ada --annotator Grace
      imagenet-build verify serve data/runs/mine --sample data/runs/mine/precision/sample.parquet
    """
    layout, config, options = desk_setting(run, sample, given)
    options = replace(options, second_look=second_look)
    names = tuple(name for name in map(clean_name, annotators) if name)

    async def until_stopped() -> None:
        async with serve(layout, config, options, host=host, port=port, names=names) as serving:
            stopped = asyncio.Event()
            for number in (signal.SIGINT, signal.SIGTERM):
                asyncio.get_running_loop().add_signal_handler(number, stopped.set)
            _say_where(serving, names)
            await stopped.wait()

    # the desk's thread gives up the interpreter at every call of SQLite, and waits this long to get it back from the
    # thread that sends pictures
    sys.setswitchinterval(SWITCH_S)
    with storing(layout):
        asyncio.run(until_stopped())
        count = sum(publish_run_votes(layout).values())
    then = f"Decide with: imagenet-build verify run {run}"
    if sample is not None:
        then = f"Evaluate with: imagenet-build stats precision {sample}"
    click.echo(f"\n{count:,} votes in {layout.votes}. {then}")


def _say_where(serving: Serving, names: tuple[str, ...]) -> None:
    if not serving.needs_token:
        click.echo(f"Open {serving.url} in a browser, give a name, and click the pictures that show what is asked for.")
    else:
        click.echo("Send each annotator a link; it lets them vote and see the pictures of this run:")
        url = serving.reachable_url
        for name in names or ("",):
            click.echo(f"  {name + ': ' if name else ''}{invitation_link(url, serving.secret, name)}")
        click.echo("The connection is not encrypted: on an open network, put it behind a proxy with https.")
    click.echo("Ctrl-C ends it; no answer is lost.")


@click.command("tasks")
@click.argument("run", type=RUN)
@work_option
@sampled
@asking
@judging
@click.option("--json", "as_json", is_flag=True, help="Print a list of objects.")
def tasks_command(run: Location, sample: Path | None, as_json: bool, **given: Any) -> None:
    """Say what there is to ask: pictures of each synset that another vote is worth, and the pages they fill.

    \b
    Examples:
      imagenet-build verify tasks data/runs/demo
      imagenet-build verify tasks data/runs/mine --wnid n02084071 --json
    """
    desk = Desk(*desk_setting(run, sample, given))
    try:
        rows = []
        for wnid in desk.wnids:
            sheet = desk.sheet(wnid)
            open_pictures = sheet.open_pictures()
            rows.append(
                {
                    "wnid": wnid,
                    "name": desk.texts[wnid].name if wnid in desk.texts else "",
                    "pictures": len(sheet.pictures),
                    "voted": int(sheet.voted.sum()),
                    "open": open_pictures,
                    "pages": -(-open_pictures // given["page_size"]),
                }
            )
    finally:
        desk.close()
    if as_json:
        click.echo(json.dumps(rows, ensure_ascii=False, indent=1))
        return
    print_table(rows, list(rows[0]))
    total = {name: sum(int(str(row[name])) for row in rows) for name in ("pictures", "voted", "open", "pages")}
    click.echo(
        f"{total['pictures']:,} pictures, {total['voted']:,} with votes; another vote is worth asking on"
        f" {total['open']:,}: {total['pages']:,} pages."
    )


@click.command("votes")
@click.argument("run", type=RUN)
@work_option
def votes_command(run: Location) -> None:
    """Write the votes of the journal to RUN/votes/<wnid>.parquet.

    `verify serve` and `verify run` do so by themselves; this is for looking at the votes while somebody is voting.

    \b
    Examples:
      imagenet-build verify votes data/runs/demo
    """
    layout = layout_of(run)
    with storing(layout):
        counts = publish_run_votes(layout)
    click.echo(f"{sum(counts.values()):,} votes on {len(counts):,} synsets in {layout.votes}.")


@click.command("run")
@click.argument("run", type=RUN)
@work_option
@click.option("--gold", type=FILE, help="Known answers to learn from: image, wnid, truth.")
@judging
@click.option("--json", "as_json", is_flag=True, help="Print one object: summary, synsets, workers.")
def run_command(run: Location, gold: Path | None, as_json: bool, **given: Any) -> None:
    """Decide a run: all its votes together, verdicts in RUN/verdicts/<wnid>.parquet, a report beside them.

    \b
    Examples:
      imagenet-build verify run data/runs/demo
      imagenet-build verify run data/runs/mine --method table --target-precision 0.99 --json
    """
    layout = layout_of(run)
    with storing(layout):
        made = decide_run(layout, config_of(layout, given), gold)
    if as_json:
        whole = {name: getattr(made, name) for name in ("summary", "majorities", "synsets", "workers")}
        click.echo(json.dumps(whole, ensure_ascii=False, indent=1))
        return
    columns = ["wnid", "questions", "unasked", "votes_per_question", "accepted", "rejected", "undecided"]
    columns += ["expected_precision", "krippendorff_alpha"]
    print_table(made.synsets, columns)
    print_table(made.workers, list(made.workers[0]))
    said = made.summary
    click.echo(
        f"{said['accepted']:,} accepted, {said['rejected']:,} rejected, {said['undecided']:,} undecided by"
        f" {said['votes_used']:,} votes ({said['votes_per_question']} per picture); expected precision"
        f" {said['expected_precision']}. In {verdicts_folder(layout)}."
    )
