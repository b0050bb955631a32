"""The commands `duplicates` and `fingerprint`: the dedup stage over a folder of pictures, and a look at its groups."""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import click

from imagenet_build.cli.duplicates_folder import left_out, no_picture, pictures_of, print_left_out, show_folder
from imagenet_build.cli.duplicates_run import show_run
from imagenet_build.cli.late_progress import LateProgress
from imagenet_build.cli.review_file import check_place, counted, line
from imagenet_build.cli.run_place import RUN, work_option
from imagenet_build.config.load import load_config
from imagenet_build.config.models import BuildConfig
from imagenet_build.dedup.fingerprint import FINGERPRINTS, fingerprint_files
from imagenet_build.dedup.picture_files import Refused
from imagenet_build.errors import ConfigError
from imagenet_build.storage import tables
from imagenet_build.storage.layout import RunLayout
from imagenet_build.storage.places import Location, Place

_LIMITS = ("download.formats", "download.max_pixels")
"""Which pictures are looked at."""
_OF_BUILDS = ("dedup.conflict_bits", "dedup.leak_bits", "dedup.exclude", "dedup.licenses")
"""Without meaning for a folder."""


@click.command("duplicates")
@click.argument("place", metavar="DIR|RUN", type=RUN)
@work_option
@click.option("--html", "page", type=click.Path(path_type=Path, dir_okay=False), help="Write a page to look at.")
@click.option("--limit", default=200, show_default=True, type=click.IntRange(min=1), help="Most groups on the page.")
@click.option("--wnid", "synset", help="Of a run: only this synset (wnid, name or word).")
@click.option("--workers", type=click.IntRange(min=0), help="Of a folder: processes that decode; 0: one per core.")
@click.option("--set", "sets", multiple=True, metavar="KEY=VALUE", help="Of a folder: one key of dedup.*")
@click.option("--json", "as_json", is_flag=True, help="Print as JSON.")
def duplicates_command(
    place: Location,
    page: Path | None,
    limit: int,
    synset: str | None,
    workers: int | None,
    sets: tuple[str, ...],
    as_json: bool,
) -> None:
    """Find the pictures of a folder that show the same, or show what a build has grouped. Nothing is deleted.

    DIR: every picture in it and below, told by its first bytes; hidden files are passed over, links are followed, and a
    file with several names through links counts once. Of a group, the largest picture is kept; of equal ones, that with
    the shortest path. Distances go from 0 (the same) to 1.

    RUN: a run directory that has reached the dedup stage; the groups in it are counted per synset.

    The page shows the most doubtful groups first, and of a folder also the closest pairs that were refused.

    \b
    Examples:
      imagenet-build duplicates my_pictures
      imagenet-build duplicates my_pictures --json > groups.json
      imagenet-build duplicates my_pictures --html review.html --set dedup.propose_bits=12
      imagenet-build duplicates data/runs/demo --wnid banjo.n.01 --html review.html
    """
    if page is not None:
        check_place(page)
    if RunLayout(place).run_record.exists():
        if workers is not None or sets:
            raise ConfigError(
                f"{place} is a run: its pictures are grouped already, so --workers and --set do nothing.",
                remedy="Leave them out; `imagenet-build build --out RUN --set dedup.KEY=VALUE` groups anew.",
            )
        show_run(place, page, limit, synset, as_json)
        return
    if synset is not None:
        raise ConfigError(f"--wnid is for runs, and {place} is none: it has no run.json.", remedy="Leave it out.")
    if isinstance(place, Place):
        raise ConfigError(f"{place} is no run: it has no run.json.", remedy="Name a run, or a folder on a disk.")
    show_folder(place, page, limit, workers or 0, _config(sets, ("dedup.", *_LIMITS)), as_json)


@click.command("fingerprint")
@click.argument("folder", metavar="DIR", type=click.Path(path_type=Path, file_okay=False))
@click.option(
    "--out", required=True, type=click.Path(path_type=Path, dir_okay=False), help="The Parquet file; replaced."
)
@click.option("--workers", default=0, type=click.IntRange(min=0), help="Processes that decode; 0: one per core.")
@click.option("--set", "sets", multiple=True, metavar="KEY=VALUE", help=f"One of {', '.join(_LIMITS)}.")
@click.option("--json", "as_json", is_flag=True, help="Print the outcome as JSON.")
def fingerprint_command(folder: Path, out: Path, workers: int, sets: tuple[str, ...], as_json: bool) -> None:
    """Write the hashes of every picture in DIR and below: one row each, by name.

    With the digests of file and pixels, the DCT hash (also of the mirrored picture), the gradient hash and the 32 x 32
    tiny image. Such a file of a test set says what a build must not contain, without its pictures.

    \b
    Example:
      imagenet-build fingerprint my_test_set --out hashes.parquet
    """
    check_place(out)
    download = _config(sets, _LIMITS).download
    found = pictures_of(folder)
    refused: list[Refused] = []
    with LateProgress("pictures", len(found.entries)) as progress:
        looked = fingerprint_files(
            found.entries,
            workers=workers,
            formats=download.formats,
            max_pixels=download.max_pixels,
            advance=progress.advance,
        )
        count = tables.write_rows(out, FINGERPRINTS, _rows(folder, looked, refused))
    if as_json:
        said = {"folder": str(folder), "out": str(out), "pictures": count, **left_out(found, refused)}
        click.echo(json.dumps(said, indent=1, ensure_ascii=False))
        return
    line(f"{out}: {counted(count, 'picture')} of {folder}")
    print_left_out(found, refused)
    line("Next:")
    line(f"  {shlex.join(['imagenet-build', 'build', 'CONFIG', '--set', f'dedup.exclude=[{out}]'])}")


def _config(sets: tuple[str, ...], allowed: tuple[str, ...]) -> BuildConfig:
    for text in sets:
        key = text.split("=")[0].strip()
        if not key.startswith(allowed) or key in _OF_BUILDS:
            heeded = ", ".join(f"{name}*" if name.endswith(".") else name for name in allowed)
            raise ConfigError(f"--set {text!r} has no meaning for a folder: only {heeded} count here.")
    return load_config(None, sets)


def _rows(folder: Path, looked: Iterable[dict[str, Any] | Refused], refused: list[Refused]) -> Iterator[dict[str, Any]]:
    count = 0
    for each in looked:
        if isinstance(each, Refused):
            refused.append(each)
        else:
            count += 1
            yield each
    if not count:
        raise no_picture(folder, refused)
