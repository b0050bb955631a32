"""Statistics as tables: rich on a terminal, else a title, a header and tab-separated lines."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import click
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from imagenet_build.stats.document import Statistics, SynsetDiversity
from imagenet_build.stats.sections import (
    FEW_IMAGES,
    MANY_IMAGES,
    Bin,
    FoundByRow,
    ImagesPerSynset,
    LevelRow,
    Quantiles,
)
from imagenet_build.stats.subtrees import site_figures

_MOST_ROWS = 20
_MOST_DIVERSE = 5
_TOTALS = {
    "synsets": "synsets",
    "nonempty": "synsets with images",
    "left_out": "synsets left out",
    "queries": "queries",
    "hits": "hits",
    "distinct": "distinct addresses of a synset",
    "waiting": "waiting to be fetched",
    "refused": "refused by the download",
    "candidates": "candidates",
    "duplicates": "duplicates",
    "kept": "kept images",
    "distinct_pictures": "distinct pictures among them",
    "kept_bytes": "bytes of their files",
    "accepted": "accepted",
    "rejected": "rejected",
    "undecided": "undecided",
    "unasked": "not judged",
}


def print_statistics(statistics: Statistics) -> None:
    """Everything but the rows of single synsets."""
    console = Console()
    for title, columns, rows in _tables(statistics):
        if rows:
            _print(console, title, columns, rows)
    for absent in statistics.absent:
        click.echo(f"{absent.section.replace('_', ' ')}: {absent.why}")


def _print(console: Console, title: str, columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    if not console.is_terminal:
        click.echo(f"# {title}")
        click.echo("\t".join(columns))
        for row in rows:
            click.echo("\t".join(row))
        click.echo()
        return
    console.print(title, style="bold", markup=False, highlight=False)
    table = Table(box=None, pad_edge=False, header_style="dim")
    for place, column in enumerate(columns):
        is_number = all(row[place][:1].isdigit() or not row[place] for row in rows) and place > 0
        table.add_column(column, justify="right" if is_number else "left", no_wrap=column == "wnid")
    for row in rows:
        table.add_row(*map(escape, row))
    console.print(table)
    console.print()


_Tables = Iterable[tuple[str, Sequence[str], Sequence[Sequence[str]]]]


def _tables(found: Statistics) -> _Tables:
    yield f"{found.identity.kind} {found.identity.name}", ("what", "number"), _totals(found)
    for spread in (found.images_per_synset, found.accepted_per_synset):
        if spread is not None:
            yield from _per_synset(spread)
    yield _subtrees(found)
    if found.shape is not None:
        levels = ("synsets", "with images", "images")
        yield "Depth: fewest steps up to entity", ("depth", *levels), _levels(found.shape.depths)
        yield "Height: most steps down to another synset", ("height", *levels), _levels(found.shape.heights)
    if found.found_by is not None:
        for name, finders in (
            ("language", found.found_by.languages),
            ("engine", found.found_by.engines),
            ("origin", found.found_by.origins),
        ):
            yield _found_by(name, finders)
    yield from _images(found)
    yield from _refused(found)
    yield from _looks(found)
    if found.precision is not None:
        yield (
            "Precision by depth (independent check; 95 % intervals)",
            ("depth", "synsets", "pictures", "right", "precision", "low", "high"),
            [
                (
                    "all" if row.depth is None else str(row.depth),
                    *_numbers(row.synsets, row.pictures, row.correct),
                    *(f"{share:.4f}" for share in (row.precision, row.low, row.high)),
                )
                for row in found.precision
            ],
        )
    rows = [(of.name, of.holds, of.evidence) for of in found.properties]
    yield "Properties (CVPR 2009, Table 1)", ("property", "holds", "evidence"), rows


def _totals(found: Statistics) -> list[tuple[str, str]]:
    names = dict(_TOTALS)
    if found.identity.kind == "counts":
        names["kept"] = "images"
    values: Any = found.totals
    return [(words, f"{getattr(values, name):,}") for name, words in names.items() if getattr(values, name) is not None]


def _per_synset(spread: ImagesPerSynset) -> _Tables:
    rows = [
        ("images", f"{spread.images:,}"),
        ("mean", f"{spread.mean:,.1f}"),
        ("without images", _part(spread.empty, spread.synsets)),
        (f"fewer than {FEW_IMAGES}", _part(spread.few, spread.synsets)),
        (f"more than {MANY_IMAGES}", _part(spread.many, spread.synsets)),
    ]
    if spread.quantiles is not None:
        rows += _quantiles("", spread.quantiles)
    yield f"Images per synset ({spread.of})", ("what", "number"), rows
    yield f"Synsets by images ({spread.of})", ("images", "synsets"), _bins(spread.histogram)


def _part(count: int, of: int) -> str:
    return f"{count:,} ({count / of:.1%})" if of else f"{count:,}"


def _quantiles(what: str, found: Quantiles) -> list[tuple[str, str]]:
    names = ("least", "5 %", "25 %", "median", "75 %", "95 %", "most")
    values = (found.least, found.q05, found.q25, found.median, found.q75, found.q95, found.most)
    return [(f"{what} {name}".strip(), f"{value:,}") for name, value in zip(names, values, strict=True)]


def _bins(bins: Iterable[Bin]) -> list[tuple[str, str]]:
    return [(str(of.low) if of.low == of.high else f"{of.low} to {of.high}", f"{of.count:,}") for of in bins]


def _subtrees(found: Statistics) -> tuple[str, Sequence[str], Sequence[Sequence[str]]]:
    columns = ["category", "synset", "synsets", "with images", "images", "images/synset", "thousand images"]
    judged = found.totals.accepted is not None
    rows = []
    for row in found.subtrees:
        synsets, average, thousands = site_figures(row)
        cells = [row.category, row.name, *_numbers(synsets, row.nonempty, row.images, average, thousands)]
        rows.append([*cells, f"{row.accepted or 0:,}"] if judged else cells)
    return "Subtrees", [*columns, "accepted"] if judged else columns, rows


def _levels(levels: Iterable[LevelRow]) -> list[tuple[str, ...]]:
    return [_numbers(row.level, row.synsets, row.nonempty, row.images) for row in levels]


def _numbers(*numbers: int) -> tuple[str, ...]:
    return tuple(f"{number:,}" for number in numbers)


def _found_by(name: str, rows: Sequence[FoundByRow]) -> tuple[str, Sequence[str], Sequence[Sequence[str]]]:
    columns = [name, "hits", "distinct", "kept", "by it alone"]
    judged = any(row.accepted is not None for row in rows)
    cells = [[row.name, *_numbers(row.hits, row.distinct, row.kept, row.alone)] for row in rows]
    if judged:
        columns.append("accepted")
        for cell, row in zip(cells, rows, strict=True):
            cell.append(f"{row.accepted or 0:,}")
    return f"Found by {name}", columns, cells


def _images(found: Statistics) -> _Tables:
    if found.licenses is not None:
        columns = ["licence", "kept"]
        judged = found.totals.accepted is not None
        rows = [[row.name, f"{row.kept:,}", *([f"{row.accepted or 0:,}"] if judged else [])] for row in found.licenses]
        yield "Licences", [*columns, "accepted"] if judged else columns, rows
    if found.hosts is not None:
        hosts = [(row.host, *_numbers(row.kept, row.refused)) for row in found.hosts.top]
        others = found.hosts.hosts - len(found.hosts.top)
        if others:
            hosts.append((f"{others:,} others", *_numbers(found.hosts.rest.kept, found.hosts.rest.refused)))
        yield f"Hosts ({found.hosts.hosts:,})", ("host", "kept", "refused"), hosts
    if found.sizes is not None:
        sizes = found.sizes
        rows = [[f"mean of {sizes.images:,} images", f"{sizes.mean_width:.0f} x {sizes.mean_height:.0f}"]]
        rows += [["the paper's mean", "400 x 350"], ["mean bytes of a file", f"{sizes.mean_bytes:,.0f}"]]
        for what, of in (("width", sizes.width), ("height", sizes.height), ("shorter side", sizes.shorter_side)):
            rows += [list(row) for row in _quantiles(what, of)]
        rows += [[row.name, f"{row.kept:,}"] for row in sizes.formats]
        yield "Sizes in pixels", ("what", "number"), rows
        yield "Images by shorter side", ("pixels", "images"), _bins(sizes.shorter_sides)


def _refused(found: Statistics) -> _Tables:
    if found.refusals is not None:
        rows = [(row.stage, row.reason, f"{row.count:,}", "yes" if row.transient else "no") for row in found.refusals]
        yield "Refusals", ("stage", "reason", "number", "worth a retry"), rows
    if found.duplicates is not None:
        rows_of = [(name, f"{count:,}") for name, count in found.duplicates.reasons]
        yield f"Duplicates ({found.duplicates.groups:,} groups)", ("reason", "images"), rows_of
    if found.conflicts is not None:
        of = found.conflicts
        counts = _numbers(of.related, of.unrelated, of.pictures, of.synsets)
        columns = ("above or below", "unrelated", "images in unrelated synsets", "synsets")
        yield "The same picture in two synsets", columns, [counts]
        pairs = [(pair.name, pair.other_name, f"{pair.pictures:,}") for pair in of.pairs[:_MOST_ROWS]]
        yield "Synsets that share most pictures", ("synset", "other", "pictures"), pairs
    if found.leaks is not None:
        said = [(name, f"{count:,}") for name, count in found.leaks.reasons]
        yield f"Pictures of excluded lists ({found.leaks.kept:,} kept)", ("reason", "images"), said


def _looks(found: Statistics) -> _Tables:
    if found.colours is not None:
        rows = [
            (name, *(f"{value:.4f}" for value in values))
            for name, values in (("mean", found.colours.mean), ("standard deviation", found.colours.std))
        ]
        yield f"Colours of {found.colours.images:,} pictures at 32 x 32, 0 to 1", ("", "red", "green", "blue"), rows
    if found.diversity:
        names = {row.wnid: row.name for row in found.synsets}
        ordered = sorted(found.diversity, key=lambda of: (of.bytes, of.wnid))
        if len(ordered) > 2 * _MOST_DIVERSE:
            ordered = ordered[:_MOST_DIVERSE] + ordered[-_MOST_DIVERSE:]
        title = f"Diversity: bytes of the average of {ordered[0].averaged} pictures; small is diverse"
        columns = ("synset", "pictures", "bytes", "low", "high")
        yield title, columns, [_diversity(of, names.get(of.wnid, of.wnid)) for of in ordered]


def _diversity(of: SynsetDiversity, name: str) -> tuple[str, ...]:
    return (name, f"{of.pictures:,}", *(f"{value:,.0f}" for value in (of.bytes, of.low, of.high)))
