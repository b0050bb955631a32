"""The command `fetch`: the download stage alone, over a list of URLs."""

from __future__ import annotations

import json
import os
import shlex
import sys
import time
from pathlib import Path
from typing import Any

import click
from rich.console import Console

from imagenet_build.cli.executor_options import executor_options, executor_overrides
from imagenet_build.cli.main import EXIT_ATTENTION
from imagenet_build.cli.progress import BuildProgress
from imagenet_build.cli.resting_hosts import print_resting
from imagenet_build.cli.run_place import RUN, work_option
from imagenet_build.cli.runs import CONTACT_VARIABLE, yaml_value
from imagenet_build.config.load import load_config
from imagenet_build.config.models import BuildConfig
from imagenet_build.download.url_list import UrlList
from imagenet_build.errors import ConfigError
from imagenet_build.pipeline import fetch
from imagenet_build.records import RejectReason
from imagenet_build.storage.layout import RunLayout
from imagenet_build.storage.places import Location, Place, local_copy
from imagenet_build.storage.run_status import DownloadStatus, download_status, is_list_run

_SECTIONS = ("network", "download", "execution")


@click.command("fetch")
@click.argument("urls", metavar="[URLS]", required=False, type=click.Path(path_type=Path, exists=True))
@work_option
@click.option("--out", type=RUN, required=True, help="The run directory, or its URL; made if missing.")
@click.option("--url-column", default="url", show_default=True, help="Column of a table, or key of JSON Lines.")
@click.option(
    "--config",
    "config_file",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Its sections network, download and execution count.",
)
@click.option("--contact", help=f"Your mail address or page, told to every host. [or {CONTACT_VARIABLE}]")
@click.option("--workers", type=click.IntRange(min=0), help="Processes that decode; 0: one per core.")
@click.option(
    "--set", "sets", multiple=True, metavar="KEY=VALUE", help="Override one key: --set download.min_side_px=100."
)
@executor_options
@click.option("--json", "as_json", is_flag=True, help="Print the outcome as JSON.")
def fetch_command(
    urls: Path | None,
    out: Location,
    url_column: str,
    config_file: Path | None,
    contact: str | None,
    workers: int | None,
    sets: tuple[str, ...],
    executor: str | None,
    ray_address: str | None,
    as_json: bool,
) -> None:
    """Fetch a list of image URLs: the download stage of `build` alone.

    URLS is a text with a URL per line, a CSV, TSV, Parquet or JSON Lines file (also .gz, .bz2), or a folder of such
    files. Stop it at any time: the same command goes on, asks for nothing twice, and adds what is new in the list.
    Without URLS it goes on with what was queued.

    \b
    Examples:
      imagenet-build fetch urls.txt --out data/runs/mine --contact me@example.org
      imagenet-build fetch laion.parquet --url-column URL --out data/runs/laion --set download.min_side_px=200
      imagenet-build status data/runs/mine
      imagenet-build retry data/runs/mine --class transient
    """
    layout = RunLayout(out)
    if urls is None and not is_list_run(layout):
        raise ConfigError("Nothing to fetch.", remedy=f"Name a list of URLs; {out} holds none yet.")
    more = executor_overrides(executor, ray_address)
    config = _config(layout, config_file, sets, contact or os.environ.get(CONTACT_VARIABLE), workers, more)
    before = download_status(layout, time.time())
    kept_before = before.kept if before else 0
    with BuildProgress() as progress:
        if not config.network.contact:
            progress.note("fetch: without --contact the hosts cannot tell you that something is wrong")
        outcome = fetch(config, out, UrlList(urls, url_column) if urls else None, progress)
    status = download_status(layout, time.time())
    assert status is not None, "fetching made the queue"
    seconds = sum(stage.seconds for stage in outcome.stages)
    new = max(0, status.kept - kept_before)
    if as_json:
        click.echo(json.dumps(_as_json(out, status, new, seconds), indent=1, ensure_ascii=False))
    else:
        _print(out, urls, status, new, seconds)
    if outcome.problems or status.waiting:
        sys.exit(EXIT_ATTENTION)


def _config(
    layout: RunLayout,
    config_file: Path | None,
    sets: tuple[str, ...],
    contact: str | None,
    workers: int | None,
    more: list[str],
) -> BuildConfig:
    """What `fetch` heeds of a file, of the run's own configuration if no file is named, and of the command line."""
    for text in sets:
        if text.split(".")[0].strip() not in _SECTIONS:
            raise ConfigError(f"--set {text!r}: `fetch` heeds {', '.join(f'{name}.*' for name in _SECTIONS)} only.")
    overrides = [*sets, *more]
    if contact:
        overrides.append(f"network.contact={yaml_value(contact)}")
    if workers is not None:
        overrides.append(f"execution.workers={workers}")
    if config_file is None and layout.config_copy.exists():
        config_file = local_copy(layout.config_copy)
    whole = load_config(config_file, overrides)
    return BuildConfig(network=whole.network, download=whole.download, execution=whole.execution)


def _as_json(out: Location, status: DownloadStatus, new: int, seconds: float) -> dict[str, Any]:
    return {
        "run": str(out),
        "urls": status.urls,
        "kept": status.kept,
        "refused": status.refused,
        "waiting": status.waiting,
        "resting_hosts": {host.host: {"until": host.until, "waiting": host.waiting} for host in status.resting},
        "shards": status.shards,
        "shard_bytes": status.shard_bytes,
        "this_time": {"kept": new, "seconds": round(seconds, 3), "images_per_s": round(new / max(seconds, 1e-3), 1)},
    }


def _print(out: Location, urls: Path | None, status: DownloadStatus, new: int, seconds: float) -> None:
    console = Console()

    def line(text: str) -> None:
        console.print(text, highlight=False, soft_wrap=True, markup=False)

    refused = sum(status.refused.values())
    waiting = f" + {status.waiting:,} waiting" if status.waiting else ""
    line(f"{out}: {status.urls:,} distinct URLs = {status.kept:,} kept + {refused:,} refused{waiting}")
    if refused:
        line("refused: " + ", ".join(f"{count:,} {reason}" for reason, count in status.refused.items()))
    shards = f"{status.shards} shard" + ("" if status.shards == 1 else "s")
    line(
        f"stored: {status.shard_bytes / 1e6:,.1f} MB in {shards} below {_shards_of(out)};"
        f" this time {new:,} images in {seconds:.1f} s ({new / max(seconds, 1e-3):,.1f}/s)"
    )
    print_resting(console, status.resting)
    again = shlex.join(["imagenet-build", "fetch", *([str(urls)] if urls else []), "--out", str(out)])
    transient = sum(count for reason, count in status.refused.items() if RejectReason(reason).transient)
    line("Next:")
    if status.waiting:
        line(f"  {again}   (goes on with the {status.waiting:,} that wait)")
    if transient:
        line(f"  {shlex.join(['imagenet-build', 'retry', str(out), '--class', 'transient'])} && {again}")
    line(f"  {shlex.join(['imagenet-build', 'check', str(out)])}")
    if status.kept and not isinstance(out, Place):
        line("A picture in Python:")
        for text in _EXAMPLE.format(images=str(out / "images.parquet"), shards=_shards_of(out)).splitlines():
            line(f"  {text}")


_EXAMPLE = """\
import pandas
row = pandas.read_parquet({images!r}).iloc[0]
with open({shards!r} + "/" + row["shard"], "rb") as shard:
    shard.seek(row["offset"])
    data = shard.read(row["size"])  # the file as it came; tarfile.open() reads the whole shard"""


def _shards_of(out: Location) -> str:
    """Where the pictures are."""
    return str(RunLayout(out).shards)
