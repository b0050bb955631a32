"""The commands that work on a run: build, status, retry, check."""

from __future__ import annotations

import json
import os
import sys
import time
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.table import Table

from imagenet_build.cli.executor_options import executor_options, executor_overrides
from imagenet_build.cli.main import EXIT_ATTENTION
from imagenet_build.cli.progress import BuildProgress
from imagenet_build.cli.resting_hosts import MOST_LINES, print_resting
from imagenet_build.cli.run_place import RUN, work_option
from imagenet_build.config.load import load_config
from imagenet_build.config.models import BuildConfig
from imagenet_build.contracts import RunContext
from imagenet_build.errors import ConfigError
from imagenet_build.manifest.check import CODES, check_run, manifest_total
from imagenet_build.pipeline import STAGE_NAMES, BuildOutcome
from imagenet_build.pipeline import build as run_build
from imagenet_build.records import RejectReason
from imagenet_build.storage.download_queue import DownloadQueue
from imagenet_build.storage.layout import RunLayout
from imagenet_build.storage.places import Location, local_copy
from imagenet_build.storage.run_record import read_config, writing
from imagenet_build.storage.run_state import RunState
from imagenet_build.storage.run_status import (
    download_status,
    is_list_run,
    parked_engines,
    refusals,
    stage_statuses,
    synset_statuses,
)

CONTACT_VARIABLE = "IMAGENET_BUILD_CONTACT"


def yaml_value(value: str | Path) -> str:
    """A text as a YAML value for `--set`-like overrides."""
    return json.dumps(str(value), ensure_ascii=False)


@click.command("build")
@click.argument("config_file", metavar="[CONFIG]", required=False, type=click.Path(path_type=Path, dir_okay=False))
@click.option("--root", "roots", multiple=True, help="A synset whose subtree is built; may be repeated.")
@click.option(
    "--wnids", "wnids_file", type=click.Path(path_type=Path, dir_okay=False), help="A file of wnids, one per line."
)
@click.option("--engine", "engines", multiple=True, help="An engine to ask; may be repeated.")
@click.option(
    "--index", type=click.Path(path_type=Path), help="The caption index that the engine `collection` searches."
)
@click.option("--contact", help=f"Your mail address or page, for live engines. [or {CONTACT_VARIABLE}]")
@work_option
@click.option(
    "--out",
    type=RUN,
    help="The run directory, or its URL (s3://bucket/folder). [default: data/runs/<name of the configuration>]",
)
@click.option("--until", type=click.Choice(STAGE_NAMES), help="The last stage to run.")
@click.option("--reparse", multiple=True, metavar="ENGINE", help="Read its kept pages again, without a request to it.")
@click.option(
    "--set", "sets", multiple=True, metavar="KEY=VALUE", help="Override one key: --set download.min_side_px=100."
)
@executor_options
@click.option("--json", "as_json", is_flag=True, help="Print the outcome as JSON.")
def build_command(
    config_file: Path | None,
    roots: tuple[str, ...],
    wnids_file: Path | None,
    engines: tuple[str, ...],
    index: Path | None,
    contact: str | None,
    out: Location | None,
    until: str | None,
    reparse: tuple[str, ...],
    sets: tuple[str, ...],
    executor: str | None,
    ray_address: str | None,
    as_json: bool,
) -> None:
    """Run or resume a build. Stop it at any time; the same command goes on.

    \b
    Examples:
      imagenet-build build configs/musical_instrument.yaml --contact me@example.org
      imagenet-build build --root whippet.n.01 --engine wikimedia --contact me@example.org --out runs/whippet
      imagenet-build build --root bird.n.01 --engine collection --index birds.sqlite --out runs/birds
      imagenet-build build --out runs/birds            (resumes with the run's own configuration)
      imagenet-build build configs/mammal.yaml --out /shared/mammal --executor ray --address 10.0.0.1:6379
      imagenet-build build configs/bird.yaml --contact me@example.org --out s3://bucket/runs/birds
    """
    overrides = [*sets, *executor_overrides(executor, ray_address)]
    if roots:
        overrides.append(f"taxonomy.roots={json.dumps(list(roots))}")
    if wnids_file:
        overrides.append(f"taxonomy.wnids_file={yaml_value(wnids_file.resolve())}")
    if engines:
        listed = [{"name": name} for name in engines]
        overrides.insert(0, f"search.engines={json.dumps(listed)}")
    if index:
        overrides.append(f"search.engines.collection.index={yaml_value(index.resolve())}")
    contact = contact or os.environ.get(CONTACT_VARIABLE)
    if contact:
        overrides.append(f"network.contact={yaml_value(contact)}")
    config, out = _config_and_out(config_file, out, overrides, bool(roots or wnids_file))
    with BuildProgress() as progress:
        outcome = run_build(config, out, progress, until=until, reparse=reparse)
    if as_json:
        click.echo(json.dumps({"run": str(out), "stages": [asdict(stage) for stage in outcome.stages]}, indent=1))
    else:
        _print_summary(outcome, out)
    if outcome.problems:
        sys.exit(EXIT_ATTENTION)


def _config_and_out(
    config_file: Path | None, out: Location | None, overrides: list[str], named: bool
) -> tuple[BuildConfig, Location]:
    """The configuration and the run directory; a run that exists may be resumed by its directory alone."""
    if config_file is None and out is not None and RunLayout(out).run_record.exists():
        return load_config(local_copy(RunLayout(out).config_copy), overrides), out
    if config_file is None and not named:
        raise ConfigError(
            "Nothing to build.",
            remedy="Name a configuration (configs/musical_instrument.yaml), or --root and --engine.",
        )
    if out is None:
        if config_file is None:
            raise ConfigError("Without a configuration file, --out must name the run directory.")
        out = Path("data/runs") / config_file.stem
    return load_config(config_file, overrides), out


def _print_summary(outcome: BuildOutcome, out: Location) -> None:
    console = Console()
    by_name = {stage.name: stage for stage in outcome.stages}
    manifest = by_name.get("manifest")
    if manifest is not None:
        counts = manifest.counts
        console.print(
            f"[bold]{manifest.planned} manifests[/] in {out}/manifest: {counts.get('seen', 0)} addresses seen = "
            f"{counts.get('kept', 0)} kept + {counts.get('duplicates', 0)} duplicates"
            f" + {counts.get('refused', 0)} refused"
            + (f" + {counts['waiting']} waiting" if counts.get("waiting") else ""),
            highlight=False,
            soft_wrap=True,
        )
    if outcome.problems:
        console.print("[yellow]Some work is not done; see above.[/] The same command tries again.", soft_wrap=True)
    console.print(f"Next: imagenet-build status {out} · imagenet-build check {out}", highlight=False, soft_wrap=True)


@click.command("status")
@click.argument("run", type=RUN)
@work_option
@click.option("--synsets", "per_synset", is_flag=True, help="Also one line per synset.")
@click.option("--json", "as_json", is_flag=True, help="Print as JSON.")
def status_command(run: Location, per_synset: bool, as_json: bool) -> None:
    """Say how far a run is: per stage done, waiting, refused by reason. Works beside a running build.

    \b
    Example:
      imagenet-build status data/runs/demo --synsets
    """
    layout = RunLayout(run)
    config = read_config(layout)
    stages = stage_statuses(layout, STAGE_NAMES)
    refused = refusals(layout)
    synsets = list(synset_statuses(layout)) if per_synset else []
    parked = {
        name: until
        for name, until in parked_engines(layout, [e.name for e in config.search.engines]).items()
        if until > time.time()
    }
    download = download_status(layout, time.time())
    resting = download.resting if download else []
    if as_json:
        data: dict[str, Any] = {"run": str(run), "stages": [asdict(stage) for stage in stages], "refused": refused}
        data["parked_engines"] = parked
        data["resting_hosts"] = {host.host: {"until": host.until, "waiting": host.waiting} for host in resting}
        if per_synset:
            data["synsets"] = [asdict(synset) for synset in synsets]
        click.echo(json.dumps(data, indent=1, ensure_ascii=False))
        return
    console = Console()
    table = Table("stage", "done", "waiting", "refused", "what", "rate", title=f"run {run}", title_justify="left")
    for stage in stages:
        rate = f"{stage.done / stage.seconds:.1f}/s" if stage.seconds > 0.05 else ""
        counts = ", ".join(f"{value} {key.replace('_', ' ')}" for key, value in stage.counts.items() if value)
        table.add_row(stage.name, str(stage.done), str(stage.waiting), str(stage.refused), counts, rate)
    console.print(table)
    for name, reasons in refused.items():
        if reasons:
            console.print(
                f"refused by {name}: " + ", ".join(f"{count} {reason}" for reason, count in reasons.items()),
                highlight=False,
            )
    for stage in stages:
        for problem, times in list(stage.problems.items())[:MOST_LINES]:
            console.print(f"attention, {stage.name} ({times}): {problem}", highlight=False, markup=False)
        if len(stage.problems) > MOST_LINES:
            console.print(f"attention, {stage.name}: {len(stage.problems) - MOST_LINES} more", highlight=False)
    print_resting(console, resting)
    for name, until in parked.items():
        console.print(
            f"{name} may be asked again at {time.strftime('%Y-%m-%d %H:%M:%S', time.localtime(until))}", highlight=False
        )
    if per_synset:
        lines = Table("wnid", "synset", "seen", "kept", "duplicates", "refused", "waiting")
        for synset in synsets:
            numbers = [str(synset.counts.get(key, 0)) for key in ("seen", "kept", "duplicates", "refused", "waiting")]
            lines.add_row(synset.wnid, synset.name, *numbers)
        console.print(lines)


@click.command("retry")
@click.argument("run", type=RUN)
@work_option
@click.option(
    "--reason",
    "reasons",
    multiple=True,
    type=click.Choice([reason.value for reason in RejectReason]),
    help="May be repeated.",
)
@click.option("--class", "kind", type=click.Choice(["transient"]), help="All reasons after which another try may help.")
@click.option("--json", "as_json", is_flag=True, help="Print as JSON.")
def retry_command(run: Location, reasons: tuple[str, ...], kind: str | None, as_json: bool) -> None:
    """Put refused URLs back in the queue; the next `build` or `fetch` asks for them.

    URLs that were asked for `download.dead_after` times stay refused.

    \b
    Examples:
      imagenet-build retry data/runs/birds --class transient
      imagenet-build retry data/runs/birds --reason timeout --reason http_error
    """
    wanted = [reason for reason in RejectReason if reason.value in reasons or (kind and reason.transient)]
    if not wanted:
        raise ConfigError(
            "Which refusals?", remedy="Give --reason REASON, or --class transient; `status` shows the reasons."
        )
    config = read_config(RunLayout(run))
    back, dead = 0, 0
    with writing(run, config) as layout:
        if layout.download_queue.exists():
            queue = DownloadQueue(layout.download_queue)
            try:
                back, dead = queue.retry(wanted, config.download.dead_after)
            finally:
                queue.close()
        if back:  # until they are fetched, the stage's tables are older than the queue
            state = RunState(layout.state)
            try:
                state.record_stage("download", "", 0, 0.0)
            finally:
                state.close()
    if as_json:
        click.echo(json.dumps({"queued": back, "dead": dead}))
        return
    said = f"{back} URLs are queued again"
    if dead:
        said += (
            f"; {dead} were tried {config.download.dead_after} times or more and stay as they are (download.dead_after)"
        )
    click.echo(f"{said}.")
    if back:
        command = "fetch LIST" if is_list_run(layout) else "build"
        click.echo(f"Next: imagenet-build {command} --out {run}")


@click.command("check")
@click.argument("run", type=RUN)
@work_option
@click.option("--no-bytes", is_flag=True, help="Look at tables and shard lengths only; do not read every image.")
@click.option("--json", "as_json", is_flag=True, help="Print findings as JSON.")
def check_command(run: Location, no_bytes: bool, as_json: bool) -> None:
    """Audit a run: every count adds up, every file reads, no image twice. Ends with 1 if anything is found.

    \b
    Example:
      imagenet-build check data/runs/demo
    """
    layout = RunLayout(run)
    context = RunContext(layout, read_config(layout))
    findings = list(check_run(context, bytes_too=not no_bytes))
    if as_json:
        click.echo(json.dumps([asdict(finding) for finding in findings], indent=1, ensure_ascii=False))
    elif findings:
        table = Table("code", "where", "what")
        for finding in findings:
            table.add_row(finding.code, finding.where, f"{CODES[finding.code]}: {finding.detail}")
        Console().print(table)
        click.echo(f"{len(findings)} findings.")
    else:
        click.echo(f"{run}: {_looked_at(context)}, nothing found.")
    if findings:
        sys.exit(EXIT_ATTENTION)


def _looked_at(run: RunContext) -> str:
    """What an audit saw."""
    download = download_status(run.layout, time.time())
    if download is None or not is_list_run(run.layout):
        return f"{manifest_total(run)} manifests"
    refused = sum(download.refused.values())
    return f"{download.urls} URLs = {download.kept} kept + {refused} refused + {download.waiting} waiting"
