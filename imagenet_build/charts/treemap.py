"""Pure: a tree as a treemap: areas are sizes, what lies in a rectangle lies below its synset."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import NamedTuple

from imagenet_build.charts.nodes import Node
from imagenet_build.charts.numbers import grouped
from imagenet_build.charts.svg import TINTS, picture, tag, text, titled
from imagenet_build.charts.text_width import shortened, text_width
from imagenet_build.charts.treemap_layout import Rect, squarified

_PAD = 2.0
_SMALLEST = 5.0
"""A rectangle with a shorter side is not divided further."""
_LARGE_BRANCH = 0.6
"""A branch with a larger share of everything says little by its colour."""
_TYPES = ((11, "small"), (9, "tiny"))
"""Sizes of names, and their classes; the larger one where it fits."""
_HEAD_PX = 15
_FEWEST_LETTERS = 5
"""Of a name that is cut: fewer say nothing."""


class Cell(NamedTuple):
    """A node's rectangle."""

    node: Node
    rect: Rect
    level: int
    branch: int
    """Which of the branches that have a colour of their own it belongs to; -1: it stands above them."""
    is_divided: bool
    """Its children have cells too."""


def treemap_cells(root: Node, room: Rect, *, head: float = _HEAD_PX) -> list[Cell]:
    """The cells of a tree, parents before children.

    A node with children keeps a line at its top for its name where there is room, and its own size, if it has any, is
    an area without a name among its children.

    Args:
        root: the tree; nodes without any size below them have no cell.
        room: what is filled.
        head: height of the line, user units.
    """
    total: dict[str, float] = {}
    for node in reversed([node for _, node in root.walk()]):
        total[node.key] = node.value + sum(total[child.key] for child in node.children)
    branch_of = {key: number for number, key in enumerate(_branches(root, total))}
    cells: list[Cell] = []
    waiting = [(root, room, 0, -1)] if total[root.key] > 0 else []
    while waiting:
        node, rect, level, branch = waiting.pop()
        branch = branch_of.get(node.key, branch)
        inner = _inside(rect, head if level or node.name else 0.0)
        is_divided = bool(node.children) and min(inner.width, inner.height) >= _SMALLEST
        cells.append(Cell(node, rect, level, branch, is_divided))
        if not is_divided:
            continue
        values = [total[child.key] for child in node.children]
        rects = squarified([*values, node.value], inner)[:-1]
        below = [
            (child, place, level + 1, branch)
            for child, place, value in zip(node.children, rects, values, strict=True)
            if value > 0
        ]
        waiting += reversed(below)
    return cells


def _branches(root: Node, total: Mapping[str, float]) -> list[str]:
    """The subtrees that get a colour each: the root's children; one that holds too much gives way to its own."""
    branches = list(root.children)
    while branches:
        heaviest = max(branches, key=lambda node: total[node.key])
        held = [child for child in heaviest.children if total[child.key] > 0]
        if total[heaviest.key] <= _LARGE_BRANCH * total[root.key] or not held:
            break
        place = branches.index(heaviest)
        branches[place : place + 1] = held
    return [node.key for node in sorted(branches, key=lambda node: -total[node.key])]


def _inside(rect: Rect, head: float) -> Rect:
    if rect.height < 3 * head or rect.width < 3 * head:
        head = 0.0
    wide, tall = rect.width - 2 * _PAD, rect.height - 2 * _PAD - head
    return Rect(rect.x + _PAD, rect.y + _PAD + head, max(0.0, wide), max(0.0, tall))


def treemap(
    root: Node,
    *,
    label: str,
    unit: str = "synsets",
    width: float = 960,
    height: float = 600,
    links: Mapping[str, str] | None = None,
    smallest: float = 0.0,
    standalone: bool = False,
) -> str:
    """A treemap. Names stand only where they fit; every rectangle says its name and size when pointed at.

    Args:
        root: the tree; the branches below its root have a colour each, or, where one branch holds nearly everything,
            the branches below that one.
        label: what the picture shows.
        unit: what sizes count.
        width: user units.
        height: user units.
        links: key -> address, for rectangles that lead somewhere.
        smallest: rectangles of a smaller area, in square units, are left out; what they lie in shows through.
        standalone: a file of its own.
    """
    cells = treemap_cells(root, Rect(0, 0, width, height))
    if smallest:
        cells = [cell for cell in cells if cell.rect.width * cell.rect.height >= smallest]
    return picture(width, height, label, _drawn(cells, unit, links or {}), standalone=standalone)


def _drawn(cells: list[Cell], unit: str, links: Mapping[str, str]) -> Iterator[str]:
    for cell in cells:
        rect, node = cell.rect, cell.node
        tint = "ground" if cell.branch < 0 else f"t{min(cell.branch, TINTS - 1)}"
        shape = tag("rect", x=rect.x, y=rect.y, width=rect.width, height=rect.height, class_=f"cell {tint}")
        note = node.note or f"{node.name}: {grouped(node.total)} {unit}"
        drawn = titled(shape + _name(cell), note)
        yield tag("a", drawn, href=links[node.key]) if node.key in links else drawn


def _name(cell: Cell) -> str:
    rect, node = cell.rect, cell.node
    if not node.name:
        return ""
    room = rect.width - 2 * _PAD - 4
    if cell.is_divided:
        if rect.height < 3 * _HEAD_PX or rect.width < 3 * _HEAD_PX:
            return ""
        said = shortened(node.name, 11, room)
        size = grouped(node.total)
        if said == node.name and text_width(f"{said}  {size}", 11) <= room - 6:
            right = text(rect.x + rect.width - 5, rect.y + 13, size, "small quiet end")
            return text(rect.x + 5, rect.y + 13, said, "small strong") + right
        return text(rect.x + 5, rect.y + 13, said, "small strong") if said else ""
    for size_px, class_ in _TYPES:
        lines = _broken(node.name, size_px, room)
        if len(lines) * (size_px + 1) + 3 <= rect.height and all(text_width(line, size_px) <= room for line in lines):
            return "".join(
                text(rect.x + 4, rect.y + (number + 1) * (size_px + 1), line, class_)
                for number, line in enumerate(lines)
            )
    size_px, class_ = _TYPES[-1]
    said = shortened(node.name, size_px, room) if rect.height >= size_px + 4 else ""
    return text(rect.x + 4, rect.y + size_px + 1, said, class_) if len(said) >= _FEWEST_LETTERS else ""


def _broken(name: str, size_px: float, room: float) -> list[str]:
    """The words of a name in lines that fit, as far as words allow."""
    lines: list[str] = []
    for word in name.split():
        if lines and text_width(f"{lines[-1]} {word}", size_px) <= room:
            lines[-1] += f" {word}"
        else:
            lines.append(word)
    return lines
