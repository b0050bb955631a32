"""Pure: a tree as a picture that grows from left to right; a large one as a wheel."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence

from imagenet_build.charts.nodes import Node
from imagenet_build.charts.numbers import coordinate
from imagenet_build.charts.svg import SMALL_PX, escape, picture, tag, text, titled
from imagenet_build.charts.text_width import text_width
from imagenet_build.charts.tree_layout import leaf_order, tidy_rows

MOST_IN_ROWS = 400
"""Nodes; a tree with more is drawn as a wheel."""
_ROW_PX = 15.0
_EDGE_PX = 34.0
_MARGIN = 12.0
_DOT = 2.4
_RING_PX = 96.0
_TYPE = 9
_GAP = 14

Link = tuple[str, str]


def tree_graph(root: Node, further: Sequence[Link] = (), *, label: str, standalone: bool = False) -> str:
    """A tree: in rows up to `MOST_IN_ROWS` nodes, else as a wheel.

    Args:
        root: the tree.
        further: (parent, child) links beside the tree's own: a child says that it stands below another parent too.
        label: what the picture shows.
        standalone: a file of its own.
    """
    count = sum(1 for _ in root.walk())
    draw = tree_in_rows if count <= MOST_IN_ROWS else tree_as_wheel
    return draw(root, further, label=label, standalone=standalone)


def tree_in_rows(root: Node, further: Sequence[Link] = (), *, label: str, standalone: bool = False) -> str:
    """The root at the left, a column for each level, every name written; see `tree_graph`."""
    rows = tidy_rows(root)
    nodes = list(root.walk())
    asides = _asides(root, further)
    wide = {
        node.key: 2 * _DOT + 11 + text_width(node.name, SMALL_PX) + text_width(asides.get(node.key, ""), _TYPE)
        for _, node in nodes
    }
    widest: dict[int, float] = {}
    for level, node in nodes:
        widest[level] = max(widest.get(level, 0.0), wide[node.key])
    left = {0: _MARGIN}
    for level in range(1, len(widest)):
        left[level] = left[level - 1] + widest[level - 1] + _EDGE_PX
    width = left[len(widest) - 1] + widest[len(widest) - 1] + _MARGIN
    height = max(rows.values()) * _ROW_PX + 2 * _MARGIN + _ROW_PX
    places = {node.key: (left[level], _MARGIN + _ROW_PX / 2 + rows[node.key] * _ROW_PX) for level, node in nodes}

    def curve(parent: str, child: str) -> str:
        (from_x, from_y), (x, y) = places[parent], places[child]
        start = max(from_x + wide[parent], x - _EDGE_PX / 2 - 8)
        bend = (start + x - _DOT) / 2
        to_column = f"M{_at(from_x + wide[parent], from_y)}H{coordinate(start)}"
        return tag("path", d=f"{to_column}C{_at(bend, from_y)} {_at(bend, y)} {_at(x - _DOT, y)}", class_="edge")

    def parts() -> Iterator[str]:
        yield from _edges(root, curve)
        for _, node in nodes:
            x, y = places[node.key]
            yield titled(_dot(x, y, node) + _name_and_aside(node, x, y, asides.get(node.key, "")), node.note)

    return picture(width, height, label, parts(), standalone=standalone)


def _asides(root: Node, further: Sequence[Link]) -> dict[str, str]:
    """What is written behind the names of nodes with several parents."""
    names = {node.key: node.name for _, node in root.walk()}
    others: dict[str, list[str]] = {}
    for parent, child in further:
        if parent in names and child in names:
            others.setdefault(child, []).append(names[parent])
    return {child: f"also {', '.join(parents)}" for child, parents in others.items()}


def _name_and_aside(node: Node, x: float, y: float, aside: str) -> str:
    more = tag("tspan", escape(aside), class_="tiny quiet light", dx=5) if aside else ""
    weight = "small strong" if node.children else "small"
    return tag("text", escape(node.name) + more, x=x + _DOT + 4, y=y + 4, class_=weight)


def tree_as_wheel(root: Node, further: Sequence[Link] = (), *, label: str, standalone: bool = False) -> str:
    """The root in the middle, leaves around, every node as far out as what is below it lets it; see `tree_graph`.

    All leaves are named, inner nodes where there is room; all are when pointed at.
    """
    turn_of = leaf_order(root)
    nodes = [node for _, node in root.walk()]
    leaves = sum(1 for node in nodes if not node.children)
    height: dict[str, int] = {}
    for node in reversed(nodes):
        height[node.key] = 1 + max((height[child.key] for child in node.children), default=-1)
    rings = max(1, height[root.key])
    outer = max(_RING_PX * rings, leaves * (_TYPE + 1.5) / (2 * math.pi))
    far = {key: outer * (1 - high / rings) for key, high in height.items()}
    middle = outer + max(text_width(node.name, _TYPE) for node in nodes) + _MARGIN + 6
    turn = {key: 2 * math.pi * place / leaves - math.pi / 2 for key, place in turn_of.items()}
    named = _with_room(nodes, turn, far, height, outer / rings)

    def at(key: str, distance: float) -> tuple[float, float]:
        return middle + distance * math.cos(turn[key]), middle + distance * math.sin(turn[key])

    def curve(parent: str, child: str) -> str:
        half = (far[parent] + far[child]) / 2
        ends = [_at(*at(*each)) for each in ((parent, far[parent]), (parent, half), (child, half), (child, far[child]))]
        return tag("path", d=f"M{ends[0]}C{ends[1]} {ends[2]} {ends[3]}", class_="edge")

    asides = _asides(root, further)

    def parts() -> Iterator[str]:
        yield from _edges(root, curve)
        for node in nodes:
            x, y = at(node.key, far[node.key])
            name = ""
            if node is root:
                name = text(x, y - 7, node.name, "strong middle halo")
            elif node.key in named:
                name = _turned_name(node, turn[node.key], x, y)
            other = f" ({asides[node.key]})" if node.key in asides else ""
            note = f"{node.name}{other}" + (f": {node.note}" if node.note else "")
            yield titled(_dot(x, y, node) + name, note)

    return picture(2 * middle, 2 * middle, label, parts(), standalone=standalone)


def _with_room(
    nodes: Sequence[Node],
    turn: Mapping[str, float],
    far: Mapping[str, float],
    height: Mapping[str, int],
    ring: float,
) -> set[str]:
    """Leaves, and the inner nodes whose names neither reach the next ring nor touch a neighbour's on their own."""
    named = {node.key for node in nodes if not node.children}
    last: dict[int, float] = {}
    inner = (node for node in nodes if node.children and text_width(node.name, _TYPE) <= ring - _GAP)
    for node in sorted(inner, key=lambda node: turn[node.key]):
        level, here = height[node.key], turn[node.key] * far[node.key]
        if here - last.get(level, -math.inf) >= _TYPE + 1:
            named.add(node.key)
            last[level] = here
    return named


def _turned_name(node: Node, angle: float, x: float, y: float) -> str:
    """A name along its ray, upright enough to read: leaves outwards, inner ones inwards."""
    is_left = math.cos(angle) < 0
    degrees = math.degrees(angle) + (180 if is_left else 0)
    ends_here = is_left == (not node.children)
    turned = f"translate({_at(x, y)}) rotate({coordinate(degrees)})"
    class_ = f"tiny{' strong halo' if node.children else ''}{' end' if ends_here else ''}"
    return text(-5 if ends_here else 5, 3, node.name, class_, transform=turned)


def _dot(x: float, y: float, node: Node) -> str:
    return tag("circle", cx=x, cy=y, r=_DOT, class_="dot s0" if node.children else "dot s2")


def _edges(root: Node, curve: Callable[[str, str], str]) -> Iterator[str]:
    for _, node in root.walk():
        for child in node.children:
            yield curve(node.key, child.key)


def _at(x: float, y: float) -> str:
    return f"{coordinate(x)} {coordinate(y)}"
