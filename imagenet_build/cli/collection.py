"""`imagenet-build collection`: a local caption index, made, searched and served."""

from __future__ import annotations

import asyncio
import json
import signal
from dataclasses import asdict
from pathlib import Path

import click
from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.table import Table

from imagenet_build.collection.index import CollectionIndex, Defaults, IndexReport, build_index
from imagenet_build.collection.languages import UNKNOWN_LANGUAGE, language_code
from imagenet_build.collection.serve import DEFAULT_PORT, serve
from imagenet_build.errors import ConfigError

SHOWN_LANGUAGES = 12


@click.group()
def collection() -> None:
    """A local caption index: pictures with captions, searched like an engine.

    \b
    Example:
      imagenet-build collection index photos/ more.jsonl --out photos.index
      imagenet-build collection search photos.index perro --language spa
      imagenet-build collection serve photos.index
    """


@collection.command()
@click.argument("sources", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option(
    "--out", required=True, type=click.Path(path_type=Path), help="The index file; an older index is replaced."
)
@click.option("--language", default="", help="Of captions whose source names no language, for example nld.")
@click.option("--only", "only", multiple=True, help="Take only captions in this language; may be repeated.")
@click.option("--license", "license_name", default="", help="Of pictures whose source names none: by-sa, cc0, …")
@click.option("--license-version", default="", help="For example 4.0.")
@click.option("--license-url", default="", help="A creativecommons.org URL says licence and version at once.")
@click.option("--creator", default="", help="Of pictures whose source names none.")
@click.option("--page-url", default="", help="Where pictures come from whose source names no page.")
@click.option("--json", "as_json", is_flag=True, help="Print the report as JSON.")
def index(
    sources: tuple[Path, ...],
    out: Path,
    language: str,
    only: tuple[str, ...],
    license_name: str,
    license_version: str,
    license_url: str,
    creator: str,
    page_url: str,
    as_json: bool,
) -> None:
    """Index SOURCES: folders of pictures with caption files, JSONL, TSV, CSV or Parquet tables, iNaturalist's tables.

    In a folder, dog.jpg may have dog.txt (first line: the caption in English; lines "es.utf8=Un perro": other
    languages), dog.caption or dog.json beside it; without them the words of the file name count. Tables need a
    column url or file, and one named caption, text, alt or title; language, width, height, license, creator
    and page_url are used too.

    A folder with iNaturalist's open-data tables (taxa.csv, observations.csv, photos.csv, observers.csv, also .gz)
    gives the photos of research-grade observations, found by the scientific names of their taxon and its ancestors
    in every language (do not give --language). Rows left out of taxa.csv leave out their photos. The temporary
    file goes to SQLITE_TMPDIR.

    \b
    Example:
      imagenet-build collection index photos.jsonl --out photos.index
      imagenet-build collection index cc12m.tsv --out cc12m.index --language eng
      imagenet-build collection index inaturalist-open-data/ --out organisms.index
    """
    for name in filter(None, (language, *only)):
        if language_code(name) != UNKNOWN_LANGUAGE:
            continue
        raise ConfigError(f"{name!r} is no language code.", remedy="Write it as in ISO 639: eng, cmn, es, nl, …")
    defaults = Defaults(language, license_name, license_version, license_url, creator, page_url)
    console = Console(stderr=True)
    columns = (SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn())
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as progress:
        task = progress.add_task("indexing", total=None)

        def advance(rows: int) -> None:
            progress.advance(task, rows)
            done = progress.tasks[0].completed
            progress.update(task, description=f"indexing: {done:,.0f} rows")

        report = build_index(sources, out, defaults=defaults, languages=[*map(language_code, only)], progress=advance)
    if as_json:
        click.echo(json.dumps(asdict(report), default=str, ensure_ascii=False, indent=2))
    else:
        _print_report(report)


def _print_report(report: IndexReport) -> None:
    click.echo(f"{report.index}: {report.pictures:,} pictures, {sum(report.captions.values()):,} captions")
    most = sorted(report.captions.items(), key=lambda item: (-item[1], item[0]))
    rest = f" and {len(most) - SHOWN_LANGUAGES} more" if len(most) > SHOWN_LANGUAGES else ""
    shown = ", ".join(f"{language} {count:,}" for language, count in most[:SHOWN_LANGUAGES])
    click.echo(f"languages: {shown}{rest}")
    if report.merged:
        click.echo(f"{report.merged:,} rows were about a picture that an earlier row had already")
    for reason, count in report.skipped.items():
        click.echo(f"skipped, {reason}: {count:,} (for example {'; '.join(report.examples[reason])})")


@collection.command()
@click.argument("index_file", metavar="INDEX", type=click.Path(path_type=Path))
@click.argument("text")
@click.option(
    "--language", default=None, help="Only captions in it (and in no known one). Without it: any, read as English."
)
@click.option("--limit", default=20, show_default=True, type=click.IntRange(min=1), help="Most pictures to print.")
@click.option("--json", "as_json", is_flag=True, help="Print a list of objects.")
def search(index_file: Path, text: str, language: str | None, limit: int, as_json: bool) -> None:
    """Print the pictures of INDEX that have a caption with every word of TEXT, best first; into a pipe, with tabs.

    \b
    Example:
      imagenet-build collection search photos.index "german shepherd" --language eng
    """
    with CollectionIndex.open(index_file) as opened:
        found = opened.search(text, language, limit=limit)
    if as_json:
        click.echo(json.dumps([asdict(row) for row in found.rows], ensure_ascii=False, indent=2))
        return
    console = Console()
    table = Table(box=None, header_style="bold")
    for name in ("caption", "language", "size", "license", "picture"):
        table.add_column(name, overflow="fold")
    for row in found.rows:
        size = f"{row.width}x{row.height}" if row.width and row.height else "?"
        cells = (row.caption, row.language, size, row.license, row.url or row.file)
        if console.is_terminal:
            table.add_row(*map(_literal, cells))
        else:
            click.echo("\t".join(cells))
    if console.is_terminal and found.rows:
        console.print(table)
    click.echo(f"{len(found.rows)} of {found.total:,} pictures found", err=True)


def _literal(text: str) -> str:
    """A caption is data: its square brackets are no markup."""
    return text.replace("[", "\\[")


@collection.command(name="serve")
@click.argument("index_file", metavar="INDEX", type=click.Path(path_type=Path))
@click.option(
    "--host", default="127.0.0.1", show_default=True, help="Address to listen on; the default is this machine only."
)
@click.option("--port", default=DEFAULT_PORT, show_default=True, type=click.IntRange(0, 65535), help="0: any free one.")
def serve_command(index_file: Path, host: str, port: int) -> None:
    """Serve INDEX over HTTP: its pictures, a search page, and Openverse's API at /v1/images/. Ctrl-C ends it.

    \b
    Example:
      imagenet-build collection serve photos.index --port 8321
      imagenet-build build --root dog.n.01 --engine openverse --out runs/dog \\
        --set search.engines.openverse.base_url=http://127.0.0.1:8321 \\
        --set network.allow_addresses=[127.0.0.1]
    """
    asyncio.run(_serve_until_asked(index_file, host, port))
    click.echo("stopped")


async def _serve_until_asked(index_file: Path, host: str, port: int) -> None:
    asked = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, asked.set)
    async with serve(index_file, host, port) as serving:
        click.echo(
            f"{serving.url}/ is open for a browser; {serving.url}/v1/images/?q=dog for programs. Ctrl-C ends it."
        )
        await asked.wait()
