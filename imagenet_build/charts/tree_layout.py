"""Pure: a row for each node of a tree that grows from left to right: tidy, and as low as can be.

Parents stand in the middle of their children, siblings keep their order, equal subtrees look equal, and a subtree takes
the rows that its neighbour leaves free at its own levels.

Source: Reingold and Tilford, "Tidier drawings of trees", IEEE Transactions on Software Engineering 7(2) (1981).
"""

from __future__ import annotations

from imagenet_build.charts.nodes import Node


def tidy_rows(root: Node, *, between_families: float = 0.5) -> dict[str, float]:
    """Key -> row; the uppermost is 0, two nodes of one level are at least 1 apart.

    Args:
        root: the tree.
        between_families: rows left free between nodes of one level that have different parents.

    >>> tidy_rows(Node("a", "a", children=(Node("b", "b"), Node("c", "c"))))
    {'a': 0.5, 'b': 0.0, 'c': 1.0}
    """
    order = [node for _, node in root.walk()]
    offset: dict[str, float] = {}  # of a node from its parent
    outline: dict[str, tuple[list[float], list[float]]] = {}  # by level, from the node: its uppermost, its lowest row
    for node in reversed(order):
        high: list[float] = []
        low: list[float] = []
        places: list[float] = []
        for child in node.children:
            child_high, child_low = outline.pop(child.key)
            apart = [
                low[level] + 1 + (between_families if level else 0.0) - child_high[level]
                for level in range(min(len(low), len(child_high)))
            ]
            place = max(apart, default=0.0)
            places.append(place)
            high += [place + row for row in child_high[len(high) :]]
            low[: len(child_low)] = [place + row for row in child_low]
        middle = (places[0] + places[-1]) / 2 if places else 0.0
        for child, place in zip(node.children, places, strict=True):
            offset[child.key] = place - middle
        outline[node.key] = ([0.0, *(row - middle for row in high)], [0.0, *(row - middle for row in low)])
    rows = {root.key: 0.0}
    for node in order:
        for child in node.children:
            rows[child.key] = rows[node.key] + offset[child.key]
    least = min(rows.values())
    return {key: row - least for key, row in rows.items()}


def leaf_order(root: Node) -> dict[str, float]:
    """Key -> place among the leaves, from 0; inner nodes stand in the middle of their first and last child.

    >>> leaf_order(Node("a", "a", children=(Node("b", "b"), Node("c", "c"))))
    {'b': 0.0, 'c': 1.0, 'a': 0.5}
    """
    order = [node for _, node in root.walk()]
    leaves = [node for node in order if not node.children]
    places = {node.key: float(number) for number, node in enumerate(leaves)}
    for node in reversed(order):
        if node.children:
            places[node.key] = (places[node.children[0].key] + places[node.children[-1].key]) / 2
    return places
