"""The command `plan`."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click

from imagenet_build.cli.taxonomy_views import print_table
from imagenet_build.config.load import load_config
from imagenet_build.config.models import BuildConfig
from imagenet_build.errors import ConfigError
from imagenet_build.queries.expand import Expander
from imagenet_build.queries.stage import missing_languages
from imagenet_build.records import ENGLISH
from imagenet_build.search.engine import SynsetFacts
from imagenet_build.search.estimate import EngineEstimate, EngineLoad, Span, add_to_all, estimate_engine
from imagenet_build.search.estimate_totals import Totals, estimate_totals
from imagenet_build.search.keys import keys_at_hand
from imagenet_build.search.registry import make_engine
from imagenet_build.taxonomy.concepts import load_concepts
from imagenet_build.taxonomy.select import select
from imagenet_build.taxonomy.sources import load_omw, load_wordnet
from imagenet_build.verify.estimate import VerificationEstimate, estimate_verification
from imagenet_build.verify.goal import run_goal
from imagenet_build.verify.simulate import PRICE_PER_VOTE, SECONDS_PER_VOTE

COLUMNS = ("engine", "queries", "skipped", "requests", "low", "high", "days", "addresses", "keys missing")
REASONS_SHOWN = 3
"""Reasons per engine why queries are not sent to it; `--json` has all."""


@click.command("plan")
@click.argument("config_file", metavar="CONFIG", type=click.Path(path_type=Path, dir_okay=False))
@click.option("--set", "sets", multiple=True, metavar="KEY=VALUE", help="Override one key: --set queries.expand=wide.")
@click.option("--seconds-per-vote", type=click.FloatRange(0), default=SECONDS_PER_VOTE, show_default=True)
@click.option("--price-per-vote", type=click.FloatRange(0), default=PRICE_PER_VOTE, show_default=True)
@click.option("--json", "as_json", is_flag=True, help="Print an object, with low, expected and high for each number.")
def plan_command(
    config_file: Path, sets: tuple[str, ...], seconds_per_vote: float, price_per_vote: float, as_json: bool
) -> None:
    """Say what a build would ask for, and how long it would take. Sends nothing and writes nothing.

    Per engine: queries, requests, days at its pace and quota, distinct addresses. Then pictures, bytes, hours of
    download, and votes, hours and money of verification for the whole build. The numbers rest on assumptions about what
    queries find, and on simulated voters (`verify simulate`); low and high are what they may differ by.

    \b
    Example:
      imagenet-build plan configs/cvpr2009.yaml
      imagenet-build plan configs/bird.yaml --set queries.expand=wide --json
    """
    config = load_config(config_file, sets)
    if not config.search.engines:
        raise ConfigError("No engine is configured.", remedy="Set search.engines; `imagenet-build engines` lists them.")
    loads, synsets, queries, note = _loads(config)
    engines = [estimate_engine(load, config.search) for load in loads]
    totals = estimate_totals(synsets, queries, engines, config.download)
    voting = estimate_verification(
        totals.images,
        synsets,
        run_goal(config.verify),
        seconds_per_vote=seconds_per_vote,
        price_per_vote=price_per_vote,
    )
    missing = {load.info.name: _missing_keys(load, config) for load in loads}
    if as_json:
        rows = [asdict(engine) | {"keys_missing": missing[engine.name]} for engine in engines]
        whole = {"engines": rows, "totals": asdict(totals), "verification": asdict(voting), "note": note}
        click.echo(json.dumps(whole, indent=1, ensure_ascii=False))
        return
    print_table([_row(engine, missing[engine.name]) for engine in engines], COLUMNS)
    for line in (*_summary(engines, totals, missing, config), *_voting(voting, config)):
        click.echo(line)
    if note:
        click.echo(note, err=True)


def _loads(config: BuildConfig) -> tuple[list[EngineLoad], int, int, str]:
    """Taxonomy and queries in memory: (what each engine would be asked, synsets, queries, what the user must know)."""
    loads = []
    for entry in config.search.engines:
        engine = make_engine(entry, config.search.licenses, config.search.keys_file)
        delay_s = engine.info.min_delay_s if entry.min_delay_s is None else entry.min_delay_s
        loads.append(EngineLoad(engine, delay_s))
    wordnet = load_wordnet(config.taxonomy)
    selection = select(wordnet, config.taxonomy)
    if not selection.synsets:
        raise ConfigError(
            f"No synset is left to build: all {len(selection.left_out)} are left out.",
            remedy="`imagenet-build synsets ROOT --left-out` says why.",
        )
    omw = load_omw(config.taxonomy, config.queries.languages)
    concepts = load_concepts(config.queries.concepts_file)
    expander = Expander(wordnet, omw, config.queries, concepts)
    count = 0
    for synset in selection.synsets:
        queries = expander.expand(synset)
        count += len(queries)
        add_to_all(loads, queries, SynsetFacts(synset.wnid, synset.is_organism))
    found = {*omw.languages, *concepts.languages}
    absent = [name for name in config.queries.languages if name != ENGLISH and name not in found]
    return loads, len(selection.synsets), count, missing_languages(absent, found)


def _missing_keys(load: EngineLoad, config: BuildConfig) -> list[str]:
    """Keys that the engine needs and that are neither in the environment nor in the configured file."""
    return keys_at_hand(load.info.keys, config.search.keys_file).missing(load.info.keys)


def _row(engine: EngineEstimate, missing: Sequence[str]) -> dict[str, Any]:
    return {
        "engine": engine.name,
        "queries": engine.queries,
        "skipped": sum(engine.skipped.values()),
        "requests": round(engine.requests.expected),
        "low": round(engine.requests.low),
        "high": round(engine.requests.high),
        "days": _short(engine.days.expected),
        "addresses": round(engine.addresses.expected),
        "keys missing": ", ".join(missing),
    }


def _summary(
    engines: Sequence[EngineEstimate], totals: Totals, missing: dict[str, list[str]], config: BuildConfig
) -> list[str]:
    lines = [""]
    for engine in engines:
        reasons = sorted(engine.skipped.items(), key=lambda item: (-item[1], item[0]))
        for reason, count in reasons[:REASONS_SHOWN]:
            lines.append(f"{engine.name} is not asked {count:,} queries: {reason}")
        if len(reasons) > REASONS_SHOWN:
            rest = sum(count for _, count in reasons[REASONS_SHOWN:])
            lines.append(f"{engine.name} is not asked {rest:,} more queries for other reasons; --json has them")
    lines += [
        f"{name} needs {' and '.join(keys)} in the environment or in search.keys_file"
        for name, keys in missing.items()
        if keys
    ]
    lines += [
        f"{totals.synsets:,} synsets, {totals.queries:,} queries",
        f"requests          {_span(totals.requests)}",
        f"days of search    {_span(totals.days)}, until {totals.slowest_engine} is done",
        f"addresses         {_span(totals.candidates)}",
        f"distinct pictures {_span(totals.images)}",
    ]
    if config.download.enabled:
        lines.append(f"GB                {_span(totals.gigabytes)}")
        lines.append(f"hours of download {_span(totals.download_hours)}, limited by {totals.slowest_host}")
    return lines


def _voting(voting: VerificationEstimate, config: BuildConfig) -> list[str]:
    if not config.download.enabled:
        return []
    return [
        f"votes             {_span(voting.votes)}: {_span(voting.votes_per_picture)} per picture",
        f"hours of voting   {_span(voting.hours)}; money {_span(voting.money)}",
    ]


def _span(span: Span) -> str:
    return f"{_short(span.expected)} ({_short(span.low)} to {_short(span.high)})"


def _short(number: float) -> str:
    """Three digits of a small number, all whole digits of a large one."""
    return f"{number:,.0f}" if number >= 100 else f"{number:.3g}"
