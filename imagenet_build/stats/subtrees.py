"""Pure: synsets and images of high-level categories, as in the table on ImageNet's site."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from imagenet_build.records import offset_of, wnid_of
from imagenet_build.stats.hierarchy_shape import DeepHierarchy, level_rows
from imagenet_build.stats.sections import SubtreeRow
from imagenet_build.stats.whole_numbers import rounded
from imagenet_build.taxonomy.tree import steps_below


class Category(NamedTuple):
    """A subtree that gets a row."""

    word: str
    """The site's word, or the synset's first lemma with spaces."""
    offset: int
    is_root: bool = False
    """Asked for."""


_SITE = {
    "amphibian": "n01627424",  # amphibian.n.03
    "animal": "n00015388",
    "appliance": "n02729837",  # appliance.n.02, of the household
    "bird": "n01503061",
    "covering": "n03122748",  # covering.n.02, an artifact
    "device": "n03183080",
    "fabric": "n03309808",
    "fish": "n02512053",
    "flower": "n11669921",
    "food": "n00021265",  # food.n.01, a substance
    "fruit": "n13134947",
    "fungus": "n12992868",
    "furniture": "n03405725",
    "geological formation": "n09287968",
    "invertebrate": "n01905661",
    "mammal": "n01861778",
    "musical instrument": "n03800933",
    "person": "n00007846",
    "plant": "n00017222",  # plant.n.02, an organism
    "reptile": "n01661091",
    "sport": "n00523513",
    "structure": "n04341686",
    "tool": "n04451818",
    "tree": "n13104059",
    "utensil": "n04516672",
    "vegetable": "n07707451",
    "vehicle": "n04524313",
}
SITE_CATEGORIES = tuple(Category(word, offset_of(wnid)) for word, wnid in _SITE.items())
"""The 27 high-level categories of ImageNet's site, each with the synset of WordNet 3.0 behind it, the first sense where
nothing else is said.

The site names words, not synsets. Of a word's senses that one was taken which gives the site's three figures from the
image counts of fall 2011; it does so for 24 categories. For fungus, person and plant no sense does: the site has 303,
2035 and 1666 synsets there, the counts have 299, 2836 and 3776 at and below the obvious sense.
"""


def categories_for(
    tree: DeepHierarchy, roots: Iterable[int], site: Iterable[Category] = SITE_CATEGORIES
) -> list[Category]:
    """The roots that were asked for, once each, then those of the site's categories that are none of them."""
    known = {category.offset: category for category in site}
    asked = []
    for root in dict.fromkeys(roots):
        word = known[root].word if root in known else tree.name(root).rpartition(".n.")[0].replace("_", " ")
        asked.append(Category(word, root, is_root=True))
    return asked + [category for offset, category in known.items() if offset not in {of.offset for of in asked}]


def subtree_rows(
    tree: DeepHierarchy,
    counts: Mapping[int, int],
    categories: Iterable[Category],
    accepted: Mapping[int, int] | None = None,
) -> tuple[SubtreeRow, ...]:
    """A row for each category that is asked for or holds one of the synsets.

    What is counted: the synsets of `counts` that are the category's own synset or stand below it by hyponymy
    (individuals too), each once, also those without images; and the sum of their images. This gives the figures of
    ImageNet's site for fall 2011.

    Args:
        tree: the hierarchy, usually WordNet.
        counts: offset -> images.
        categories: what to make rows of, in order; such as the hierarchy does not have are left out.
        accepted: offset -> accepted images, if anything was judged.
    Source:
        "About ImageNet: summary and statistics" on image-net.org (2011), the table of high-level categories.
    """
    rows = []
    for category in categories:
        if category.offset not in tree:
            continue
        steps = steps_below(tree, category.offset, instances=True)
        inside = {offset: step for offset, step in steps.items() if offset in counts}
        if not inside and not category.is_root:
            continue
        images = sum(counts[offset] for offset in inside)
        rows.append(
            SubtreeRow(
                category=category.word,
                wnid=wnid_of(category.offset),
                name=tree.name(category.offset),
                synsets=len(inside),
                nonempty=sum(counts[offset] > 0 for offset in inside),
                images=images,
                average=images / len(inside) if inside else 0.0,
                accepted=None if accepted is None else sum(accepted.get(offset, 0) for offset in inside),
                is_root=category.is_root,
                levels=level_rows((step, counts[offset]) for offset, step in inside.items()),
            )
        )
    return tuple(rows)


def site_figures(row: SubtreeRow) -> tuple[int, int, int]:
    """(synsets, images per synset, thousands of images) as the site prints them: to the nearest whole number, halves
    up, both from the exact number of images."""
    return row.synsets, rounded(row.images, row.synsets), rounded(row.images, 1000)
