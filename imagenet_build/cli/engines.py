"""The commands `engines` and `engines-register`."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click

from imagenet_build.cli.main import EXIT_ATTENTION
from imagenet_build.cli.runs import CONTACT_VARIABLE, yaml_value
from imagenet_build.cli.taxonomy import config_options
from imagenet_build.cli.taxonomy_views import print_json, print_table
from imagenet_build.config.load import load_config
from imagenet_build.config.models import BuildConfig, EngineConfig
from imagenet_build.errors import ConfigError
from imagenet_build.network.addresses import AddressPolicy
from imagenet_build.network.client import HttpClient
from imagenet_build.network.messages import HttpAnswer, HttpRequest
from imagenet_build.search.canary import CanaryResult, ask_canaries
from imagenet_build.search.engine import EngineInfo
from imagenet_build.search.engines.openverse import DEFAULT_BASE_URL as OPENVERSE_URL
from imagenet_build.search.engines.openverse_account import (
    CLIENT_ID_ENV,
    CLIENT_SECRET_ENV,
    RegisteredClient,
    register,
)
from imagenet_build.search.keys import keys_at_hand
from imagenet_build.search.registry import engine_infos, make_engine

COLUMNS = ("engine", "what", "languages", "hits per query", "pause", "requests a day", "licences", "needs")
CHECK_COLUMNS = ("engine", "result", "query", "hits", "with a licence", "what is wrong")
DESCRIPTION = "Builds data sets of openly licensed pictures for the nouns of WordNet, with imagenet-build."


@click.command("engines")
@click.argument("names", nargs=-1, metavar="[NAME]...")
@click.option("--check", is_flag=True, help="Ask each engine one question: is it there, does it answer as expected?")
@click.option("--contact", envvar=CONTACT_VARIABLE, help=f"Your mail address or page. [or {CONTACT_VARIABLE}]")
@click.option("--json", "as_json", is_flag=True, help="Print a list of objects, with what the terms forbid.")
@config_options
def engines_command(
    names: tuple[str, ...],
    check: bool,
    contact: str | None,
    as_json: bool,
    config_file: Path | None,
    sets: Sequence[str],
) -> None:
    """The engines that can be asked: languages, depth, pace, quota, licences, keys. Sends nothing.

    With --check, each NAME, or else each engine of the configuration, is asked for pictures of a dog (or of a fox, by
    its Latin name) with up to ten requests, which count against its quota. Nothing is kept. Exit code 1: an engine
    refused, gave nothing, or gave what cannot be read.

    \b
    Examples:
      imagenet-build engines --json
      imagenet-build engines --check openverse wikimedia --contact me@example.org
      imagenet-build engines --check --config configs/bird.yaml
    """
    overrides = [f"network.contact={yaml_value(contact)}"] if contact else []
    config = load_config(config_file, [*sets, *overrides])
    if check:
        _check(config, names, as_json)
        return
    infos = [_info(name) for name in names] or engine_infos()
    rows = [_facts(info, config) for info in infos]
    if as_json:
        print_json(rows)
    else:
        print_table([_row(info, facts["keys_found"]) for info, facts in zip(infos, rows, strict=True)], COLUMNS)


@click.command("engines-register")
@click.argument("engine", type=click.Choice(["openverse"]))
@click.option("--name", required=True, help="Of the account; no other may have it.")
@click.option("--email", required=True, help="Yours; a link to confirm is sent there.")
@click.option("--description", default=DESCRIPTION, help="What the account is for; people read it.", show_default=True)
@config_options
def engines_register_command(
    engine: str, name: str, email: str, description: str, config_file: Path | None, sets: Sequence[str]
) -> None:
    """Make a free account at an engine, and print its keys once. They are written to no file.

    An account at Openverse raises its limit from 200 requests a day to 10,000, with larger pages. Every call makes
    another account.

    \b
    Example:
      imagenet-build engines-register openverse --name "Birds of my island" --email me@example.org
    """
    config = load_config(config_file, sets)
    entry = next((entry for entry in config.search.engines if entry.name == engine), EngineConfig(name=engine))
    client = asyncio.run(_register(config, entry.base_url or OPENVERSE_URL, name, description, email))
    click.echo(f"{CLIENT_ID_ENV}={client.client_id}\n{CLIENT_SECRET_ENV}={client.client_secret}")
    click.echo(
        f"Registered {client.name!r}. Write both lines into the file that search.keys_file names, or set both in the\n"
        "environment of every build; they are not shown again.\n"
        f"Then open the link in the mail to {email}: until that, every request with them is refused.",
        err=True,
    )


async def _register(config: BuildConfig, base_url: str, name: str, description: str, email: str) -> RegisteredClient:
    policy = AddressPolicy(config.network.allow_addresses)
    async with HttpClient(contact=config.network.contact or email, policy=policy) as client:

        async def send(request: HttpRequest) -> HttpAnswer:
            return await client.send(
                request.full_url(),
                body=request.body,
                headers=request.headers,
                timeout_s=config.search.timeout_s,
                max_bytes=config.search.max_page_bytes,
            )

        return await register(send, base_url, name, description, email)


def _info(name: str) -> EngineInfo:
    """Facts about one engine.

    Raises:
        ConfigError: there is none of that name; says which might be meant.
    """
    known = {info.name: info for info in engine_infos()}
    return known[name] if name in known else make_engine(EngineConfig(name=name)).info


def _facts(info: EngineInfo, config: BuildConfig) -> dict[str, Any]:
    """All that is known of an engine, and which of its keys are at hand; never a key."""
    missing = keys_at_hand(info.keys, config.search.keys_file).missing(info.keys)
    found = {key: key not in missing for key in info.keys}
    return {**asdict(info), "options": sorted(info.options), "keys_found": found}


def _row(info: EngineInfo, keys_found: dict[str, bool]) -> dict[str, str]:
    needs = ["your contact"] if info.is_live else sorted(info.options & {"index"})
    needs += [f"{key} ({'found' if found else 'missing'})" for key, found in keys_found.items()]
    needs += ["accept_terms"] if info.prohibition else []
    return {
        "engine": info.name,
        "what": info.title,
        "languages": info.languages,
        "hits per query": "no limit" if info.depth is None else f"{info.depth:,}",
        "pause": f"{info.min_delay_s:g} s",
        "requests a day": "no limit" if info.quota_per_day is None else f"{info.quota_per_day:,}",
        "licences": info.licenses,
        "needs": ", ".join(needs) or "nothing",
    }


def _check(config: BuildConfig, names: Sequence[str], as_json: bool) -> None:
    configured = {entry.name: entry for entry in config.search.engines}
    entries = [configured.get(name, EngineConfig(name=name)) for name in dict.fromkeys(names)]
    entries = entries or list(config.search.engines)
    if not entries:
        raise ConfigError(
            "No engine to check.", remedy="Name one: `imagenet-build engines --check openverse`, or give --config."
        )
    results = asyncio.run(ask_canaries(config, entries))
    if as_json:
        print_json([asdict(result) for result in results])
    else:
        print_table([_check_row(result) for result in results], CHECK_COLUMNS)
        for result in results:
            if result.notice:
                click.echo(f"{result.engine}: {result.notice}", err=True)
    if any(result.problem for result in results):
        sys.exit(EXIT_ATTENTION)


def _check_row(result: CanaryResult) -> dict[str, str]:
    share = f"{result.licensed / result.hits:.0%}" if result.hits else ""
    return {
        "engine": result.engine,
        "result": "failed" if result.problem else "ok",
        "query": result.query,
        "hits": str(result.hits),
        "with a licence": share,
        "what is wrong": result.problem,
    }
