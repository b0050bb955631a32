"""Pure: who found the images, under which licences, on which hosts, and what they are like."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from imagenet_build.charts.axes import Axis
from imagenet_build.charts.histogram import Column, histogram
from imagenet_build.charts.numbers import grouped, percent
from imagenet_build.report.draft import Cell, Draft
from imagenet_build.report.material import Material
from imagenet_build.report.section_scale import bar_cell, bin_name
from imagenet_build.report.words import counted, language, license_word, number, plain, share
from imagenet_build.stats.document import Statistics
from imagenet_build.stats.sections import FoundByRow, Quantiles

MOST_ROWS = 15


def sources(draft: Draft, material: Material) -> None:
    """Found-by tables, licences, hosts."""
    statistics = material.statistics
    if statistics.found_by is None and statistics.licenses is None and statistics.hosts is None:
        return
    draft.section("Sources")
    found = statistics.found_by
    if found is not None:
        draft.text(
            "A picture is counted once in each synset, with all its copies. What one row found alone would be missing "
            "without it."
        )
        _found_by(draft, "engine", found.engines, str)
        _found_by(draft, "language", found.languages, language)
        _found_by(draft, "origin of the query", found.origins, plain)
    draft.pair()
    _licenses(draft, statistics)
    _hosts(draft, statistics)
    draft.end_pair()


def _found_by(draft: Draft, what: str, rows: Sequence[FoundByRow], word: Callable[[str], str]) -> None:
    if not rows:
        return
    judged = any(row.accepted is not None for row in rows)
    head = [what, "hits", "addresses", "pictures", "by this alone"]
    head += ["accepted", "of pictures"] if judged else []
    most = max(row.kept for row in rows)
    body = []
    for row in rows[:MOST_ROWS]:
        cells: list[Cell] = [word(row.name), *map(grouped, (row.hits, row.distinct, row.kept, row.alone))]
        if judged:
            cells += [number(row.accepted), share(row.accepted or 0, row.kept)]
        body.append([*cells, bar_cell(row.kept, most, row.alone)])
    draft.table(
        f"What each {what} found. The bar is pictures, its inner part those that no other {what} found.",
        [*head, ""],
        body,
        words=(len(head),),
        full=True,
    )


def _licenses(draft: Draft, statistics: Statistics) -> None:
    licenses = statistics.licenses
    if not licenses:
        return
    total = sum(row.kept for row in licenses)
    judged = any(row.accepted is not None for row in licenses)
    draft.table(
        "Kept images by licence, as the engines said it.",
        ["licence", "images", "share", *(["accepted"] if judged else [])],
        [
            [
                license_word(row.name),
                grouped(row.kept),
                share(row.kept, total),
                *([number(row.accepted)] if judged else []),
            ]
            for row in licenses
        ],
    )


def _hosts(draft: Draft, statistics: Statistics) -> None:
    hosts = statistics.hosts
    if hosts is None or not hosts.top:
        return
    rows = [(row.host, grouped(row.kept), grouped(row.refused)) for row in hosts.top[:MOST_ROWS]]
    left = hosts.hosts - len(rows)
    if left > 0:
        kept = sum(row.kept for row in hosts.top[MOST_ROWS:]) + hosts.rest.kept
        refused = sum(row.refused for row in hosts.top[MOST_ROWS:]) + hosts.rest.refused
        rows.append((counted(left, "other host"), grouped(kept), grouped(refused)))
    draft.table("Hosts of the images.", ("host", "images", "refused"), rows)


def pictures(draft: Draft, material: Material) -> None:
    """Sizes, formats, colours."""
    sizes, colours = material.statistics.sizes, material.statistics.colours
    if sizes is None or not sizes.images:
        return
    draft.section("Resolution and colour")
    draft.text(
        f"Images have {sizes.mean_width:,.0f} × {sizes.mean_height:,.0f} pixels on average (the paper: around "
        f"400 × 350) and {sizes.mean_bytes / 1000:,.0f} kB. Files are kept as they came."
    )
    draft.pair()
    draft.figure(
        histogram(
            [
                Column(bin_name(one), (one.count / sizes.images,), f"{grouped(one.count)} images")
                for one in sizes.shorter_sides
                if one.count or one.low >= 32
            ],
            label="Images by their shorter side",
            x=Axis("shorter side, pixels"),
            y=Axis("share of images", words=percent),
            whole=False,
        ),
        "Images by their shorter side. A classifier that works at 224 pixels enlarges what lies left of there.",
    )
    draft.table(
        "Width, height and shorter side. 5 % of the images have no more pixels than the column 5 %.",
        ("pixels", "least", "5 %", "25 %", "50 %", "75 %", "95 %", "most"),
        [
            _quantile_row("width", sizes.width),
            _quantile_row("height", sizes.height),
            _quantile_row("shorter side", sizes.shorter_side),
        ],
    )
    most = max((row.kept for row in sizes.formats), default=0)
    draft.table(
        "File formats.",
        ("format", "images", "share", ""),
        [
            (row.name or "unknown", grouped(row.kept), share(row.kept, sizes.images), bar_cell(row.kept, most))
            for row in sizes.formats
        ],
        words=(3,),
    )
    if colours is not None:
        mean, std = (", ".join(f"{value:.3f}" for value in values) for values in (colours.mean, colours.std))
        draft.table(
            "Colours of the 32 × 32 versions of all kept images, for normalising; 0 is black, 1 is white. The standard "
            "deviation of the full pictures is somewhat larger.",
            ("32 × 32", "red, green, blue"),
            [("mean", mean), ("standard deviation", std)],
        )
    draft.end_pair()


def _quantile_row(name: str, of: Quantiles) -> tuple[str, ...]:
    return (name, *map(grouped, (of.least, of.q05, of.q25, of.median, of.q75, of.q95, of.most)))
