"""Pure: what lies below a synset as rectangles within rectangles, for a page that goes down by clicks."""

from __future__ import annotations

from typing import Any

import numpy as np

from imagenet_build.charts.treemap_layout import Rect, squarified
from imagenet_build.web.explorer.run_tree import IntArray
from imagenet_build.web.explorer.snapshot import Snapshot

_HEAD_PX = 20.0
"""Room for a name above what lies inside."""
_PAD_PX = 2.0
_LEAST_PX = 3.0
"""Smaller rectangles cannot be seen, and are counted instead."""
_LEAST_DIVIDED_PX = 44.0
_LEAST_DEEPER_PX = 110.0
"""Below the first level only what is large is divided further."""
_MOST_LEVELS = 6


def treemap_cells(snapshot: Snapshot, number: int | None, by: str, width: float, height: float) -> dict[str, Any]:
    """The children of a synset, and theirs where there is room, as rectangles.

    A synset with two parents is drawn under the first one, so that areas add up.

    Args:
        number: the synset; None: the roots.
        by: `pictures` or `synsets`: what areas stand for.
        width: of all, px. height: of all, px.
    Returns:
        cells (x, y, width, height, level from 1, is_divided, wnid, name, value, synsets, pictures, children), parents
        before what lies in them; hidden: how many children of the synset are too small to be drawn; own: what the
        synset itself holds; total.
    """
    tree = snapshot.concepts.tree
    values = _drawn_values(snapshot, by)
    inside = tree.roots if number is None else tree.drawn_children(number)
    own = 0 if number is None else int(_own_values(snapshot, by)[number])
    cells: list[dict[str, Any]] = []
    hidden = _lay_out(snapshot, values, inside, Rect(0, 0, width, height), 1, own, cells)
    return {"cells": cells, "hidden": hidden, "own": own, "total": own + int(values[inside].sum())}


def _own_values(snapshot: Snapshot, by: str) -> IntArray:
    if by == "pictures":
        return snapshot.own[snapshot.measure or "kept"]
    return 1 - snapshot.concepts.tree.is_extra.astype(np.int64)


def _drawn_values(snapshot: Snapshot, by: str) -> IntArray:
    """What each synset's rectangle stands for: itself and what is drawn below it."""
    tree = snapshot.concepts.tree
    values: IntArray = _own_values(snapshot, by).copy()
    waiting = [(root, False) for root in tree.roots]
    while waiting:
        number, is_done = waiting.pop()
        children = tree.drawn_children(number)
        if is_done:
            values[number] += values[children].sum()
        elif children:
            waiting.append((number, True))
            waiting.extend((child, False) for child in children)
    return values


def _lay_out(
    snapshot: Snapshot,
    values: IntArray,
    numbers: list[int],
    room: Rect,
    level: int,
    own: int,
    cells: list[dict[str, Any]],
) -> int:
    """Add the cells of some siblings; how many are too small. `own`: an area without a name beside them."""
    tree = snapshot.concepts.tree
    kind = snapshot.measure or "kept"
    order = sorted(numbers, key=lambda one: (-int(values[one]), tree.name(one)))
    rects = squarified([*(float(values[one]) for one in order), float(own)], room)[: len(order)]
    hidden = 0
    for number, rect in zip(order, rects, strict=True):
        if min(rect.width, rect.height) < _LEAST_PX:
            hidden += 1
            continue
        least = _LEAST_DIVIDED_PX if level == 1 else _LEAST_DEEPER_PX
        inner = Rect(rect.x + _PAD_PX, rect.y + _HEAD_PX, rect.width - 2 * _PAD_PX, rect.height - _HEAD_PX - _PAD_PX)
        below = tree.drawn_children(number)
        inside = int(values[below].sum())
        is_divided = inside > 0 and level < _MOST_LEVELS and min(inner.width, inner.height) >= least
        cells.append(
            {
                **{name: round(getattr(rect, name), 1) for name in Rect._fields},
                "level": level,
                "is_divided": is_divided,
                "wnid": tree.wnids[number],
                "name": tree.name(number),
                "value": int(values[number]),
                "synsets": int(tree.sizes[number]),
                "pictures": int(snapshot.below[kind][number]),
                "children": len(tree.children[number]),
            }
        )
        if is_divided:
            _lay_out(snapshot, values, below, inner, level + 1, int(values[number]) - inside, cells)
    return hidden
