"""Pure: a small tree whose nodes are as large as what they hold, to set two trees side by side.

Source: Deng et al., CVPR 2009, Figure 3, which compares subtrees of ImageNet and the ESP dataset in this way.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterator

from imagenet_build.charts.nodes import Node
from imagenet_build.charts.numbers import grouped
from imagenet_build.charts.svg import path, picture, tag, text, titled
from imagenet_build.charts.text_width import text_width
from imagenet_build.charts.tree_layout import leaf_order

_LEVEL_PX = 46.0
_LARGEST_PX = 17.0
_LEAST_LARGEST_PX = 7.0
_LEAST_PX = 1.6
_MARGIN = 22.0


def size_tree(
    root: Node,
    *,
    label: str,
    shared: Collection[str] = (),
    unit: str = "images",
    width: float = 440,
    levels: int = 0,
    standalone: bool = False,
) -> str:
    """A tree from above to below; the area of a node is its own value, the largest of the tree said beside it.

    Args:
        root: the tree.
        label: what the picture shows.
        shared: keys that stand in the other tree too; they have another colour.
        unit: what values count.
        width: user units.
        levels: room for so many levels at least, so that trees that are compared have one height.
        standalone: a file of its own.
    """
    order = leaf_order(root)
    nodes = list(root.walk())
    leaves = sum(1 for _, node in nodes if not node.children)
    step = (width - 2 * _MARGIN) / leaves
    deepest = max(levels - 1, *(level for level, _ in nodes))
    top = 34.0
    height = top + deepest * _LEVEL_PX + _LARGEST_PX + 8
    at = {node.key: (_MARGIN + (order[node.key] + 0.5) * step, top + level * _LEVEL_PX) for level, node in nodes}
    heaviest = max((node for _, node in nodes), key=lambda node: node.value)
    largest_px = min(_LARGEST_PX, max(_LEAST_LARGEST_PX, step))

    def radius(node: Node) -> float:
        return max(_LEAST_PX, largest_px * math.sqrt(node.value / heaviest.value)) if node.value > 0 else _LEAST_PX

    def parts() -> Iterator[str]:
        for _, node in nodes:
            for child in node.children:
                yield path([at[node.key], at[child.key]], "edge")
        for _, node in sorted(nodes, key=lambda item: -item[1].value):
            x, y = at[node.key]
            look = ("s1" if node.key in shared else "s0") if node.value > 0 else "s5"
            dot = tag("circle", cx=x, cy=y, r=radius(node), class_=f"node {look}")
            yield titled(dot, f"{node.name}: {grouped(node.value)} {unit}")
        yield text(at[root.key][0], 13, root.name, "strong middle")
        if heaviest.value > 0:
            said = grouped(heaviest.value)
            x, y = at[heaviest.key]
            half = text_width(said, 11) / 2
            x = min(max(x, half + 2), width - half - 2)
            yield text(x, y + radius(heaviest) + 12, said, "small middle halo")

    return picture(width, height + 10, label, parts(), standalone=standalone)
