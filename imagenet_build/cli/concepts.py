"""The command `data concepts`."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path

import click

from imagenet_build.cli.runs import CONTACT_VARIABLE
from imagenet_build.cli.taxonomy import config_options, with_synsets
from imagenet_build.config.load import load_config
from imagenet_build.config.models import EngineConfig
from imagenet_build.errors import ConfigError
from imagenet_build.network.addresses import AddressPolicy
from imagenet_build.network.client import HttpClient
from imagenet_build.records import ENGLISH
from imagenet_build.search.engines.commons_lookup import site_url
from imagenet_build.search.engines.wikidata import HOST, Wikidata
from imagenet_build.search.registry import is_local
from imagenet_build.taxonomy.concepts import LANGUAGE_PATTERN, ConceptRow
from imagenet_build.taxonomy.select import select
from imagenet_build.taxonomy.sources import load_wordnet
from imagenet_build.taxonomy.wikidata_items import fill_concepts

_FILE = click.Path(dir_okay=False, path_type=Path)


@click.command("concepts")
@click.argument("roots", nargs=-1, metavar="ROOT...")
@click.option("--wnids", "wnids_file", type=_FILE, metavar="FILE", help="The synsets of a list, one per line.")
@click.option("--out", type=_FILE, required=True, help="The file to make, or to go on with.")
@click.option("--languages", metavar="CODES", help="ISO 639-3 codes beside English. [default: queries.languages]")
@click.option("--contact", envvar=CONTACT_VARIABLE, help=f"Your mail address or page. [or {CONTACT_VARIABLE}]")
@click.option("--base-url", metavar="URL", help="A service in Wikidata's place, with a folder named after its host.")
@config_options
def concepts_command(
    roots: tuple[str, ...],
    wnids_file: Path | None,
    out: Path,
    languages: str | None,
    contact: str | None,
    base_url: str | None,
    config_file: Path | None,
    sets: tuple[str, ...],
) -> None:
    """Ask Wikidata for the items linked to synsets, and for their names; for `queries.concepts_file`.

    The synsets are those at and below each ROOT, of a list, or of a configuration. What the file holds already is not
    asked again, so that a command that was stopped goes on where it was. Delete the file to ask for everything anew.

    \b
    Example:
      imagenet-build data concepts dog.n.01 --out concepts.tsv --contact me@example.org
    """
    config = with_synsets(load_config(config_file, sets), roots=roots, wnids_file=wnids_file)
    contact = contact or config.network.contact
    local = is_local(EngineConfig(name="wikidata", base_url=base_url))
    if not contact and not local:
        raise ConfigError(
            "Wikidata is a live service: it must be able to reach whoever asks.",
            remedy=f"Set --contact or {CONTACT_VARIABLE} to your mail address or web page.",
        )
    wanted = config.queries.languages if languages is None else tuple(languages.replace(",", " ").split())
    wrong = [code for code in wanted if not LANGUAGE_PATTERN.fullmatch(code)]
    if wrong:
        raise ConfigError(f"{', '.join(wrong)}: languages are ISO 639-3 codes of three letters, such as cmn.")
    synsets = select(load_wordnet(config.taxonomy), config.taxonomy).synsets
    codes = tuple(dict.fromkeys((ENGLISH, *wanted)))

    async def fill() -> list[ConceptRow]:
        policy = AddressPolicy(config.network.allow_addresses)
        async with HttpClient(contact=contact, policy=policy) as client:
            return await fill_concepts(
                out,
                client,
                f"{site_url(base_url, HOST)}/sparql",
                [synset.wnid for synset in synsets],
                codes,
                min_delay_s=0.0 if local else Wikidata.info.min_delay_s,
                say=lambda text: click.echo(text, err=True),
            )

    _tell(asyncio.run(fill()), {synset.wnid for synset in synsets}, codes, out)


def _tell(rows: Sequence[ConceptRow], wnids: set[str], codes: Sequence[str], out: Path) -> None:
    linked = {row.wnid for row in rows if row.item and row.wnid in wnids}
    names = sum(1 for row in rows if row.label and row.wnid in wnids and row.language in codes)
    click.echo(f"{out}: {len(linked):,} of {len(wnids):,} synsets are linked to an item; {names:,} names.")
