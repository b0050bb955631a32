"""Pure: how many images, and where in the hierarchy."""

from __future__ import annotations

from collections.abc import Sequence

from imagenet_build.charts.axes import Axis
from imagenet_build.charts.histogram import Column, histogram
from imagenet_build.charts.lines import Curve, line_chart
from imagenet_build.charts.numbers import grouped, percent, short
from imagenet_build.charts.svg import tag
from imagenet_build.report.draft import Draft, Markup
from imagenet_build.report.material import Material
from imagenet_build.report.words import counted, number, share
from imagenet_build.stats.document import Statistics
from imagenet_build.stats.sections import FEW_IMAGES, MANY_IMAGES, Bin, LevelRow, SubtreeRow

_LONG_NUMBER = 10_000


def scale(draft: Draft, material: Material) -> None:
    """Images per synset, and the subtrees."""
    statistics = material.statistics
    spread = statistics.images_per_synset
    draft.section("Scale")
    draft.text(
        f"{counted(spread.empty, 'synset')} {'has' if spread.empty == 1 else 'have'} no image,"
        f" {grouped(spread.few)} ({share(spread.few, spread.synsets)}) have fewer than {FEW_IMAGES},"
        f" {grouped(spread.many)} ({share(spread.many, spread.synsets)}) more than {MANY_IMAGES}, the line that the"
        " paper draws for a synset of full size."
    )
    draft.pair()
    draft.figure(
        histogram(
            [
                Column(
                    bin_name(one), (float(one.count),), f"{counted(one.count, 'synset')} with {bin_name(one)} images"
                )
                for one in spread.histogram
            ],
            label="Synsets by number of images",
            x=Axis("images of a synset"),
            y=Axis("synsets"),
        ),
        f"Synsets by their number of {spread.of} images. The bins widen to the right.",
    )
    draft.figure(
        line_chart(
            [Curve(spread.of, [(float(point.rank), point.share) for point in spread.curve], has_markers=False)],
            label="Share of the images that the largest synsets hold",
            x=Axis("synsets, those with most images first", is_log=True),
            y=Axis("share of all images", words=percent),
            y_range=(0.0, 1.0),
        ),
        "How evenly images are spread: the share of all images that the largest synsets hold together. The further to "
        "the right the curve rises, the more even.",
    )
    draft.end_pair()
    if spread.quantiles is not None:
        _quantiles(draft, statistics)
    if statistics.subtrees:
        _subtrees(draft, statistics.subtrees)


def bin_name(one: Bin) -> str:
    """A bin's whole numbers in words."""
    return _end(one.low) if one.low == one.high else f"{_end(one.low)}–{_end(one.high)}"


def _end(value: int) -> str:
    return str(value) if value < _LONG_NUMBER else short(value)


def _quantiles(draft: Draft, statistics: Statistics) -> None:
    rows = []
    for spread in (statistics.images_per_synset, statistics.accepted_per_synset):
        if spread is None or spread.quantiles is None:
            continue
        of = spread.quantiles
        values = (of.least, of.q05, of.q25, of.median, of.q75, of.q95, of.most)
        rows.append((spread.of, grouped(spread.images), grouped(spread.mean, 1), *map(grouped, values)))
    draft.table(
        "Images per synset; synsets without images count. 5 % of the synsets have no more images than the column 5 %.",
        ("images", "all", "mean", "least", "5 %", "25 %", "50 %", "75 %", "95 %", "most"),
        rows,
    )


def _subtrees(draft: Draft, rows: Sequence[SubtreeRow]) -> None:
    has_verdicts = any(row.accepted is not None for row in rows)
    most = max((row.images for row in rows), default=0)
    unit, divisor = ("thousand images", 1000) if most >= _LONG_NUMBER else ("images", 1)
    head = ["category", "synsets", "with images", "images per synset", unit]
    head += ["accepted"] if has_verdicts else []
    body = []
    for row in sorted(rows, key=lambda row: (not row.is_root, -row.images, row.category)):
        cells: list[str | Markup] = [
            f"{row.category} *" if row.is_root else row.category,
            grouped(row.synsets),
            grouped(row.nonempty),
            grouped(row.average, 0 if row.average >= 100 else 1),
            grouped(row.images / divisor, 1 if divisor > 1 and most < 100 * _LONG_NUMBER else 0),
        ]
        cells += [number(row.accepted)] if has_verdicts else []
        body.append((*cells, bar_cell(row.images, most)))
    asked = " Those with a star were asked for." if any(row.is_root for row in rows) else ""
    draft.table(
        "High-level categories, as on ImageNet's site: synsets at and below each, and their images. Categories overlap "
        f"(an animal is also counted there, a dog in mammal and animal).{asked}",
        (*head, ""),
        body,
        words=(len(head),),
        full=True,
    )


def bar_cell(value: float, most: float, part: float = 0.0) -> Markup:
    """A bar inside a table, and in it one for a part of the value."""

    def bar(of: float, y: float, class_: str) -> str:
        long = 100 * of / most if most else 0.0
        return tag("rect", x=0, y=y, width=max(long, 0.4), height=10 - 2 * y, class_=f"bar {class_}") if of else ""

    return Markup(
        '<svg class="chart" viewBox="0 0 100 10" preserveAspectRatio="none" width="100" height="10" aria-hidden="true">'
        f"{bar(value, 1, 's0')}{bar(part, 3.5, 's1')}</svg>"
    )


def hierarchy(draft: Draft, material: Material) -> None:
    """Depth and height."""
    shape = material.statistics.shape
    if shape is None:
        return
    draft.section("Hierarchy")
    draft.pair()
    draft.figure(
        levels_chart(shape.depths, "depth: steps below entity.n.01"),
        "Synsets by depth. Bars are all synsets, the line those with images. Deep synsets are specific: breeds, "
        "models, species.",
    )
    draft.figure(
        levels_chart(shape.heights, "height: steps down to the deepest synset below"),
        "Synsets by height within this dataset; those with nothing below them have height 0. Compare Figure 6 of "
        "Deng et al. (2009).",
    )
    draft.end_pair()
    draft.figure(
        histogram(
            [
                Column(str(row.level), (float(row.images),), f"depth {row.level}: {grouped(row.images)} images")
                for row in shape.depths
            ],
            label="Images by depth",
            x=Axis("depth"),
            y=Axis("images"),
            width=460,
            height=220,
        ),
        "Images by the depth of their synset.",
        layout="narrow",
    )


def levels_chart(rows: Sequence[LevelRow], title: str) -> str:
    """Synsets at each level, and those of them with images."""
    columns = [
        Column(
            str(row.level),
            (float(row.synsets), float(row.nonempty)),
            f"{counted(row.synsets, 'synset')}, {grouped(row.nonempty)} with images, {grouped(row.images)} images",
        )
        for row in rows
    ]
    return histogram(
        columns, label=f"Synsets by {title}", x=Axis(title), y=Axis("synsets"), series=("all", "with images")
    )
