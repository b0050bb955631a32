"""Pure: two datasets side by side: totals, subtrees, shape, and the synsets that both have."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from imagenet_build.charts.axes import Axis
from imagenet_build.charts.bars import Bar, bar_chart
from imagenet_build.charts.histogram import Column, histogram
from imagenet_build.charts.lines import Point, scatter
from imagenet_build.charts.nodes import Node
from imagenet_build.charts.numbers import grouped, percent
from imagenet_build.charts.size_tree import size_tree
from imagenet_build.charts.svg import escape
from imagenet_build.report.draft import Draft, Markup
from imagenet_build.report.material import Compared, Material
from imagenet_build.report.places import Places
from imagenet_build.report.section_scale import bin_name
from imagenet_build.report.words import counted, number, share
from imagenet_build.stats.document import Statistics
from imagenet_build.stats.sections import LevelRow

LARGEST_SUBTREE = 45
"""Synsets of a tree that is drawn node by node."""
LEAST_SUBTREE = 5
MOST_POINTS = 4_000
LONGEST_NAME = 32


def against(draft: Draft, material: Material) -> None:
    """The comparison, if there is one."""
    other = material.against
    if other is None:
        return
    one, two = _names(material.statistics, other.statistics)
    draft.section(f"Beside {two}")
    mine, theirs = (_images(statistics) for statistics in (material.statistics, other.statistics))
    shared = mine.keys() & theirs.keys()
    draft.text(
        f"{counted(len(shared), 'synset')} stand in both: {share(len(shared), len(mine))} of those of {one}, "
        f"{share(len(shared), len(theirs))} of those of {two}."
    )
    _totals(draft, material.statistics, other.statistics, (one, two))
    _subtree_bars(draft, material.statistics, other.statistics, (one, two))
    _size_trees(draft, material, other, mine, theirs, (one, two))
    draft.pair()
    _spread(draft, material.statistics, other.statistics, (one, two))
    _depths(draft, material.statistics, other.statistics, (one, two))
    draft.end_pair()
    _cloud(draft, material, mine, theirs, (one, two))


def _names(one: Statistics, two: Statistics) -> tuple[str, str]:
    """Names of both; told apart where they are the same."""
    names = _short(one.identity.name), _short(two.identity.name)
    return names if names[0] != names[1] else (f"{names[0]} (this)", f"{names[1]} (the other)")


def _short(name: str) -> str:
    """A run's or a table's name, without its ending and short enough for a legend."""
    plain = name.removesuffix(".csv").removesuffix(".parquet").replace("_", " ")
    return plain if len(plain) <= LONGEST_NAME else f"{plain[: LONGEST_NAME - 1]}…"


def _images(statistics: Statistics) -> dict[str, int]:
    return {row.wnid: row.images for row in statistics.synsets}


def _totals(draft: Draft, one: Statistics, two: Statistics, names: tuple[str, str]) -> None:
    rows = []
    for said, values in (
        ("synsets", [of.totals.synsets for of in (one, two)]),
        ("synsets with images", [of.totals.nonempty for of in (one, two)]),
        ("images", [of.images_per_synset.images for of in (one, two)]),
        ("accepted images", [of.totals.accepted for of in (one, two)]),
        ("synsets with more than 500 images", [of.images_per_synset.many for of in (one, two)]),
        ("synsets with fewer than 10 images", [of.images_per_synset.few for of in (one, two)]),
        ("different pictures", [of.totals.distinct_pictures for of in (one, two)]),
    ):
        if any(value is not None for value in values):
            rows.append((said, *map(number, values)))
    means = [grouped(of.images_per_synset.mean, 1) for of in (one, two)]
    middles = [
        number(of.images_per_synset.quantiles.median if of.images_per_synset.quantiles else None) for of in (one, two)
    ]
    rows += [("images per synset, mean", *means), ("images per synset, median", *middles)]
    draft.table("Both in numbers.", ("", *names), rows)


def _subtree_bars(draft: Draft, one: Statistics, two: Statistics, names: tuple[str, str]) -> None:
    theirs = {row.wnid: row for row in two.subtrees}
    rows = [(row, theirs[row.wnid]) for row in one.subtrees if row.wnid in theirs]
    if not rows:
        return
    rows.sort(key=lambda pair: (-max(pair[0].images, pair[1].images), pair[0].category))
    draft.table(
        f"High-level categories of A, {names[0]}, and B, {names[1]}.",
        ("category", "synsets A", "B", "images per synset A", "B", "thousand images A", "B"),
        [
            (
                a.category,
                *(grouped(of.synsets) for of in (a, b)),
                *(grouped(of.average, 0 if of.average >= 100 else 1) for of in (a, b)),
                *(
                    grouped(of.images / 1000, 0 if of.images >= 100_000 else 1 if of.images >= 1000 else 3)
                    for of in (a, b)
                ),
            )
            for a, b in rows
        ],
    )
    draft.figure(
        bar_chart(
            [Bar(a.category, (a.images / max(1, a.synsets), b.images / max(1, b.synsets))) for a, b in rows[:16]],
            label="Images per synset of high-level categories",
            series=names,
            width=460,
            is_log=True,
            words=lambda value: grouped(value, 0 if value >= 100 else 1),
        ),
        "Images per synset in the categories that both have; the axis is logarithmic.",
        layout="narrow",
    )


def _size_trees(
    draft: Draft,
    material: Material,
    other: Compared,
    mine: Mapping[str, int],
    theirs: Mapping[str, int],
    names: tuple[str, str],
) -> None:
    for top in chosen_subtrees(other.places, mine, theirs):
        below = set(other.places.below(top))
        trees = [
            other.places.node(top, material.word, {wnid: of[wnid] for wnid in below & of.keys()})
            for of in (mine, theirs)
        ]
        trees = [_pruned(tree, of) for tree, of in zip(trees, (mine, theirs), strict=True)]
        levels = 1 + max(level for tree in trees for level, _ in tree.walk())
        shared = {wnid for wnid in below if mine.get(wnid) and theirs.get(wnid)}
        drawings = "".join(
            f"<div><p>{escape(name)}: {counted(sum(1 for wnid in below if of.get(wnid)), 'synset')} with "
            f"{grouped(sum(of.get(wnid, 0) for wnid in below))} images</p>"
            + size_tree(tree, label=f"{material.word(top)} in {name}", shared=shared, levels=levels)
            + "</div>"
            for tree, of, name in zip(trees, (mine, theirs), names, strict=True)
        )
        draft.figure(
            Markup(f'<div class="pair">{drawings}</div>'),
            f"The subtree of {material.word(top)}. The area of a node is its number of images; the largest nodes of "
            "both trees are as large as each other, and the number beside one is its images. Orange nodes have images "
            "in both, blue ones in one, grey dots none. Compare Figure 3 of Deng et al. (2009).",
        )


def chosen_subtrees(places: Places, mine: Mapping[str, int], theirs: Mapping[str, int], most: int = 2) -> list[str]:
    """Subtrees that can be drawn node by node and that both have: those with most synsets with images in both.

    Args:
        places: the tree of both.
        mine: images of each wnid of the one.
        theirs: of the other.
        most: how many, none inside another.
    """
    size = places.totals(dict.fromkeys(places.below(""), 1))
    both = places.totals({wnid: int(bool(mine.get(wnid) and theirs.get(wnid))) for wnid in places.own})
    fit = [wnid for wnid in size if wnid and LEAST_SUBTREE <= size[wnid] <= LARGEST_SUBTREE and both[wnid] >= 2]
    chosen: list[str] = []
    taken: set[str] = set()
    for wnid in sorted(fit, key=lambda wnid: (-both[wnid], size[wnid], wnid)):
        below = set(places.below(wnid))
        if not below & taken:
            chosen.append(wnid)
            taken |= below
        if len(chosen) == most:
            break
    return chosen


def _pruned(tree: Node, own: Mapping[str, int]) -> Node:
    """Without branches in which a dataset has no synset."""
    made: dict[str, Node | None] = {}
    for _, node in reversed(list(tree.walk())):
        children = tuple(child for held in node.children if (child := made[held.key]) is not None)
        keep = bool(children) or node.key in own or node.key == tree.key
        made[node.key] = Node(node.key, node.name, node.value, node.note, children) if keep else None
    found = made[tree.key]
    assert found is not None
    return found


def _spread(draft: Draft, one: Statistics, two: Statistics, names: tuple[str, str]) -> None:
    bins = {of.low: of for spread in (one, two) for of in spread.images_per_synset.histogram}
    counts = [{of.low: of.count for of in each.images_per_synset.histogram} for each in (one, two)]
    totals = [max(1, each.images_per_synset.synsets) for each in (one, two)]
    draft.figure(
        histogram(
            [
                Column(
                    bin_name(bins[low]),
                    tuple(held.get(low, 0) / total for held, total in zip(counts, totals, strict=True)),
                )
                for low in sorted(bins)
            ],
            label="Synsets by number of images, both",
            x=Axis("images of a synset"),
            y=Axis("share of synsets", words=percent),
            series=names,
            whole=False,
        ),
        "Share of the synsets by their number of images; the line is the other dataset.",
    )


def _depths(draft: Draft, one: Statistics, two: Statistics, names: tuple[str, str]) -> None:
    if one.shape is None or two.shape is None:
        return
    levels = [dict(_shares(of.shape.depths)) if of.shape else {} for of in (one, two)]
    last = max((*levels[0], *levels[1]), default=0)
    draft.figure(
        histogram(
            [Column(str(level), tuple(of.get(level, 0.0) for of in levels)) for level in range(last + 1)],
            label="Synsets by depth, both",
            x=Axis("depth"),
            y=Axis("share of synsets", words=percent),
            series=names,
            whole=False,
        ),
        "Share of the synsets by depth; the line is the other dataset.",
    )


def _shares(rows: Sequence[LevelRow]) -> Iterator[tuple[int, float]]:
    total = max(1, sum(row.synsets for row in rows))
    return ((row.level, row.synsets / total) for row in rows)


def _cloud(
    draft: Draft, material: Material, mine: Mapping[str, int], theirs: Mapping[str, int], names: tuple[str, str]
) -> None:
    shared = sorted(wnid for wnid in mine.keys() & theirs.keys() if mine[wnid] and theirs[wnid])
    if len(shared) < 3:
        return
    step = -(-len(shared) // MOST_POINTS)
    points = [
        Point(
            float(theirs[wnid]),
            float(mine[wnid]),
            f"{material.word(wnid)}: {grouped(mine[wnid])} beside {grouped(theirs[wnid])}",
        )
        for wnid in shared[::step]
    ]
    drawn = "" if step == 1 else f" One of {step} is drawn."
    draft.figure(
        scatter(
            points,
            label="Images of the synsets of both",
            x=Axis(f"images in {names[1]}", is_log=True),
            y=Axis(f"images in {names[0]}", is_log=True),
            diagonal=True,
            width=460,
            height=320,
        ),
        f"Images of each synset that has some in both; on the dashed line it has the same number in both.{drawn}",
        layout="narrow",
    )
