"""What `duplicates` does with a folder: looks at its pictures, groups them, and says what it found."""

from __future__ import annotations

import json
import shlex
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click
import pyarrow as pa

from imagenet_build.cli.late_progress import LateProgress
from imagenet_build.cli.review_file import counted, line, printable, reasons_line, write_review
from imagenet_build.config.models import BuildConfig
from imagenet_build.dedup.collapse import Grouping, find_groups
from imagenet_build.dedup.fingerprint import fingerprint_files, table_of
from imagenet_build.dedup.groups import Standing
from imagenet_build.dedup.looks import Looks
from imagenet_build.dedup.picture_files import FilesFound, PictureFile, Refused, find_pictures
from imagenet_build.dedup.review import REASON_WORDS, Duplicate, Group, Picture, RefusedPair, worst_first
from imagenet_build.dedup.thumbnails import enlarged, thumbnail
from imagenet_build.errors import DataError

_GROUPS_PRINTED, _FILES_PRINTED = 10, 20


def show_folder(folder: Path, page: Path | None, limit: int, workers: int, config: BuildConfig, as_json: bool) -> None:
    """Group the pictures of a folder, print the groups, and write the page if one is asked for.

    Raises:
        DataError: the folder cannot be read, or holds no picture.
    """
    grouped = _grouped(folder, workers, config)
    if page is not None:
        _write_page(page, grouped, limit)
    if as_json:
        click.echo(json.dumps(grouped.as_json(), indent=1, ensure_ascii=False))
    else:
        _print_groups(grouped, page)


@dataclass(frozen=True)
class _GroupedFolder:
    folder: Path
    found: FilesFound
    images: pa.Table
    """FINGERPRINTS."""
    names: Sequence[str]
    refused: list[Refused]
    grouping: Grouping

    def groups(self) -> list[Group]:
        """By the kept picture."""
        held: dict[int, list[Duplicate]] = {}
        for each in self.grouping.members:
            held.setdefault(each.kept, []).append(
                Duplicate(each.index, each.reason, each.distance, each.dct_distance, each.gradient_distance)
            )
        return [
            Group(kept, sorted(held[kept], key=lambda each: (round(each.distance, 4), self.names[each.place])))
            for kept in sorted(held)
        ]

    def as_json(self) -> dict[str, Any]:
        return {
            "folder": str(self.folder),
            "pictures": len(self.names),
            "groups": [
                {
                    "kept": self.names[group.kept],
                    "members": [
                        {
                            "file": self.names[each.place],
                            "reason": each.reason,
                            "distance": round(each.distance, 4),
                            "dct_distance": each.dct_distance,
                            "gradient_distance": each.gradient_distance,
                        }
                        for each in group.duplicates
                    ],
                }
                for group in self.groups()
            ],
            **left_out(self.found, self.refused),
        }


def pictures_of(folder: Path) -> FilesFound:
    """The files of a folder. Raises DataError if it cannot be read or holds no picture."""
    found = find_pictures(folder)
    if not any(isinstance(entry, PictureFile) for entry in found.entries):
        raise no_picture(folder, [entry for entry in found.entries if isinstance(entry, Refused)], found.others)
    return found


def no_picture(folder: Path, refused: Sequence[Refused], others: int = 0) -> DataError:
    """The error where nothing is left: what there is instead, and what to do."""
    what = [f"{refused[0].name}: {refused[0].reason}, {refused[0].detail}"] if refused else []
    if len(refused) > 1:
        what.append(f"and {len(refused) - 1:,} more that cannot be read")
    if others:
        what.append(f"{counted(others, 'file')} of other kinds")
    said = f" ({printable('; '.join(what))})" if what else ""
    return DataError(
        f"There is no picture in {folder} that can be used{said}.",
        remedy="Name a folder with JPEG, PNG, WebP, GIF, BMP, TIFF, AVIF or HEIF files, in it or below.",
    )


def _grouped(folder: Path, workers: int, config: BuildConfig) -> _GroupedFolder:
    found = pictures_of(folder)
    with LateProgress("pictures", len(found.entries)) as progress:
        images, refused = table_of(
            fingerprint_files(
                found.entries,
                workers=workers,
                formats=config.download.formats,
                max_pixels=config.download.max_pixels,
                advance=progress.advance,
            )
        )
    names = images["name"].to_pylist()
    if not names:
        raise no_picture(folder, refused, found.others)
    pixels = [
        width * height for width, height in zip(images["width"].to_pylist(), images["height"].to_pylist(), strict=True)
    ]
    by_length = sorted(range(len(names)), key=lambda place: (len(names[place]), names[place]))  # "a.jpg", "a (1).jpg"
    rank = {place: at for at, place in enumerate(by_length)}
    standings = [Standing(name, pixels[place], "", rank[place]) for place, name in enumerate(names)]
    with LateProgress("pairs", None) as progress:
        grouping = find_groups(Looks.of_table(images), standings, config.dedup, advance=progress.advance)
    return _GroupedFolder(folder, found, images, names, refused, grouping)


def _write_page(page: Path, folder: _GroupedFolder, limit: int) -> None:
    groups = folder.groups()
    misses = [RefusedPair(miss.left, miss.right, miss.distance) for miss in folder.grouping.near_misses[:limit]]
    paths = {entry.name: entry.path for entry in folder.found.entries if isinstance(entry, PictureFile)}

    def picture(index: int) -> Picture:
        width, height, kind, tiny = (
            folder.images[name][index].as_py() for name in ("width", "height", "format", "tiny")
        )
        try:
            jpeg = thumbnail(Path(paths[folder.names[index]]).read_bytes(), kind, tiny)
        except OSError:  # it was there a moment ago
            jpeg = enlarged(tiny, width, height)
        return Picture(folder.names[index], f"{width}×{height} px", jpeg)

    facts = [_sentence(folder, groups)]
    if len(groups) > limit:
        facts.append(f"{limit} of {len(groups):,} groups are shown.")
    write_review(page, f"Duplicates in {folder.folder}", facts, worst_first(groups)[:limit], misses, picture)


def _sentence(folder: _GroupedFolder, groups: Sequence[Group]) -> str:
    members = folder.grouping.members
    reasons = Counter(member.reason for member in members)
    return (
        f"{counted(len(folder.names), 'picture')} in {folder.folder}: {counted(len(groups), 'group')} with"
        f" {counted(len(members), 'duplicate')}{reasons_line(reasons)};"
        f" {len(folder.names) - len(members):,} left without them"
    )


def _print_groups(folder: _GroupedFolder, page: Path | None) -> None:
    groups = folder.groups()
    line(_sentence(folder, groups))
    for group in groups[:_GROUPS_PRINTED]:
        line(f"  {printable(folder.names[group.kept])}")
        for each in group.duplicates[:_FILES_PRINTED]:
            line(f"    {REASON_WORDS[each.reason]:<13}{each.distance:.4f}  {printable(folder.names[each.place])}")
        if len(group.duplicates) > _FILES_PRINTED:
            line(f"    and {len(group.duplicates) - _FILES_PRINTED:,} more")
    if len(groups) > _GROUPS_PRINTED:
        line(f"  and {counted(len(groups) - _GROUPS_PRINTED, 'group')} more")
    print_left_out(folder.found, folder.refused)
    command = ["imagenet-build", "duplicates", str(folder.folder)]
    line("No file was changed. Next:")
    if page is None:
        line(f"  {shlex.join([*command, '--html', 'review.html'])}   (look at them, the most doubtful first)")
    else:
        line(f"  look at {page}")
    line(f"  {shlex.join([*command, '--json'])} > groups.json   (all of them, for a program)")


def left_out(found: FilesFound, refused: Sequence[Refused]) -> dict[str, Any]:
    """For JSON: what does not count, and why."""
    return {
        "unreadable": [{"file": each.name, "reason": each.reason, "detail": each.detail} for each in refused],
        "other_files": found.others,
        "links": found.links,
    }


def print_left_out(found: FilesFound, refused: Sequence[Refused]) -> None:
    """For people: what does not count, and why."""
    if refused:
        reasons = Counter(each.reason for each in refused)
        line(f"{counted(len(refused), 'file')} cannot be used{reasons_line(reasons)}:")
        for each in refused[:_FILES_PRINTED]:
            line(f"  {each.reason:<16}{printable(each.name)}   {printable(each.detail)}")
        if len(refused) > _FILES_PRINTED:
            line(f"  and {len(refused) - _FILES_PRINTED:,} more; --json lists all")
    if found.others:
        line(f"{counted(found.others, 'file')} of other kinds passed over")
    if found.links:
        line(f"{counted(found.links, 'link')} to files and folders that were counted already")
