"""Pure: tiny images -> short vectors of their shapes, which say of all pairs in a synset which ones are worth a look.

A shape is the middle of the picture, in brightness, as a few low frequencies of equal weight, so that two photographs
with a bright sky do not yet look alike. Those of the same picture enlarged, shifted and mirrored are kept beside it:
the product of two shapes is then the correlation of two pictures under that change, for all pairs by one matrix
product. Everything is in whole numbers that float32 holds exactly, so that no product depends on the order of its sums.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from imagenet_build.dedup.looks import Looks

Floats = NDArray[np.float32]
Indices = NDArray[np.int64]

_POINTS, _REGION, _SIGMA, _WINDOW = 8, 0.8, 0.05, 0.25
"""Grid over the middle 0.8 of the picture; smoothing and weight as parts of the whole side."""
_MOST_FREQUENCY = 6.0
_SCALE = 2048.0
"""A shape has this length; its numbers are whole. 2048 squared is less than 2 to the 24th."""
_EXACT = 2.0**24
_LEAST_LENGTH = 20.0
"""Of a shape before it is scaled, in levels of brightness: below it there is only noise."""
_ROWS = 1024
_PAIRS = 16_384


class Change(NamedTuple):
    """What is done to a picture before its shape is taken."""

    mirrored: bool
    zoom: float
    """Part of the side that is seen: 0.8 enlarges."""
    across: float = 0.0
    """Shift, as a part of the side."""
    down: float = 0.0


_PLAIN = [Change(mirrored=False, zoom=zoom) for zoom in (1.0, 0.82)]
_MOVED = [
    *(Change(mirrored=False, zoom=zoom) for zoom in (0.89, 0.76)),
    *(
        Change(mirrored=False, zoom=zoom, across=across, down=down)
        for zoom in (0.80, 0.92)
        for across in (-0.05, 0.05)
        for down in (-0.05, 0.05)
    ),
]
CHANGES = tuple(change._replace(mirrored=mirrored) for mirrored in (False, True) for change in (*_PLAIN, *_MOVED))
"""The first two of each half propose; all together they judge a proposal. The first is no change."""
_HALF = len(CHANGES) // 2
_PROPOSING = (0, 1, _HALF, _HALF + 1)


class Start(NamedTuple):
    """How well two pictures agree under the best of the changes, and which one that is: (m,) each."""

    correlation: Floats
    """-1 to 1."""
    change: NDArray[np.int64]
    """Index into `CHANGES`: what to do to the picture that is named by `of_first`."""
    of_first: NDArray[np.bool_]
    """True: the first picture is changed, else the second."""
    unmoved: Floats
    """The correlation without zoom and shift, mirrored or not as the best change is."""

    def take(self, places: Indices) -> Start:
        """Those of some pairs."""
        return Start(self.correlation[places], self.change[places], self.of_first[places], self.unmoved[places])


def shapes_of(looks: Looks) -> Floats:
    """(n, changes, k): shapes of the pictures under each of `CHANGES`, in whole numbers, each of length 2048."""
    brightness = np.floor(looks.luminance.reshape(len(looks), -1) + 0.5).astype(np.float32)
    made = np.empty((len(looks), len(CHANGES), _measure_count()), np.float32)
    for start in range(0, len(looks), _ROWS):
        rows = brightness[start : start + _ROWS]
        measured = (rows @ _measures().T).reshape(len(rows), len(CHANGES), -1).astype(np.float64)
        measured /= _unit()
        length = np.sqrt((measured * measured).sum(2, keepdims=True))
        made[start : start + _ROWS] = np.rint(measured * (_SCALE / np.maximum(length, _LEAST_LENGTH)))
    return made


def propose_by_shape(shapes: Floats, least: float, new_from: int = 0) -> Iterator[tuple[Indices, Indices]]:
    """All pairs i < j of which one, plain or enlarged, mirrored or not, correlates with the other.

    Args:
        shapes: (n, changes, k), of `shapes_of`.
        least: correlation that is needed, -1 to 1.
        new_from: only pairs with j >= new_from.
    Yields: i and j, (m,) each, block by block in a fixed order.
    """
    plain = np.ascontiguousarray(shapes[:, 0])
    changed = [np.ascontiguousarray(shapes[:, at]) for at in _PROPOSING]
    needed = np.float32(least * _SCALE**2)
    for first in range(0, len(shapes), _ROWS):
        for second in range(max(first, new_from // _ROWS * _ROWS), len(shapes), _ROWS):
            rows, columns = slice(first, first + _ROWS), slice(second, second + _ROWS)
            close = plain[rows] @ changed[0][columns].T >= needed
            for other in changed[1:]:
                close |= plain[rows] @ other[columns].T >= needed
                if other is not changed[2]:  # mirroring both ways is the same; enlarging one or the other is not
                    close |= other[rows] @ plain[columns].T >= needed
            i, j = np.nonzero(close)
            i, j = i + first, j + second
            wanted = (i < j) & (j >= new_from)
            yield i[wanted], j[wanted]


def best_start(shapes: Floats, i: Indices, j: Indices) -> Start:
    """The change under which each pair agrees best. `i` are first, `j` second."""
    found = Start(
        np.empty(len(i), np.float32),
        np.empty(len(i), np.int64),
        np.empty(len(i), np.bool_),
        np.empty(len(i), np.float32),
    )
    for start in range(0, len(i), _PAIRS):
        part = slice(start, start + _PAIRS)
        first, second = shapes[i[part]], shapes[j[part]]
        of_second = np.matmul(second, first[:, 0, :, None])[:, :, 0]
        of_first = np.matmul(first, second[:, 0, :, None])[:, :, 0]
        both = np.concatenate([of_second, of_first], axis=1)
        best = both.argmax(1)
        found.correlation[part] = np.take_along_axis(both, best[:, None], 1)[:, 0] / np.float32(_SCALE**2)
        found.change[part] = best % len(CHANGES)
        found.of_first[part] = best >= len(CHANGES)
        unmoved = np.where(found.change[part] >= _HALF, _HALF, 0)
        found.unmoved[part] = np.take_along_axis(both, unmoved[:, None], 1)[:, 0] / np.float32(_SCALE**2)
    return found


def warps_of(start: Start) -> Floats:
    """Where to begin fitting the second pictures to the first: (m, 6), see `align.LEAST_WARP`."""
    zoom, across, down = (
        np.array([getattr(change, name) for change in CHANGES])[start.change] for name in ("zoom", "across", "down")
    )
    # a changed first picture seen as a change of the second one: the other way round
    zoom, across, down = (
        np.where(start.of_first, inverse, own)
        for inverse, own in ((1 / zoom, zoom), (-across / zoom, across), (-down / zoom, down))
    )
    nothing = np.zeros_like(zoom)
    return np.stack([across, zoom - 1, nothing, down, nothing, zoom - 1], axis=1).astype(np.float32)


def is_mirrored(start: Start) -> NDArray[np.bool_]:
    """Whether the best change mirrors."""
    return np.asarray(start.change >= _HALF)


@cache
def _frequencies() -> NDArray[np.bool_]:
    """(64,): which products of cosines are measured."""
    along = np.arange(_POINTS)
    far = np.hypot(along[:, None], along[None, :]).ravel()
    return (far > 0) & (far <= _MOST_FREQUENCY)


def _measure_count() -> int:
    return int(_frequencies().sum())


@cache
def _exact_measures() -> NDArray[np.float64]:
    """(changes * k, 1024)."""
    along = np.arange(_POINTS)
    cosines = np.cos(np.pi * along[:, None] * (2 * along + 1) / (2 * _POINTS)) * np.sqrt(2 / _POINTS)
    cosines[0] /= np.sqrt(2)
    far = np.hypot(along[:, None], along[None, :]).ravel()
    waves = np.kron(cosines, cosines) * np.maximum(far, 0.5)[:, None]
    places = ((along + 0.5) / _POINTS - 0.5) * _REGION
    window = np.exp(-0.5 * (places / _WINDOW) ** 2)
    square = np.outer(window, window).ravel()
    centred = (np.eye(_POINTS**2) - square / square.sum()) * np.sqrt(square)[:, None]
    measure = (waves @ centred)[_frequencies()]
    return np.concatenate([measure @ _seen(change, places) for change in CHANGES])


def _seen(change: Change, places: NDArray[Any]) -> NDArray[np.float64]:
    """(64, 1024): each grid place's weights of the 32 x 32 pixels."""
    pixels = (np.arange(32) + 0.5) / 32 - 0.5

    def along(at: NDArray[Any]) -> NDArray[Any]:
        weights = np.exp(-0.5 * ((at[:, None] - pixels) / _SIGMA) ** 2)
        return np.asarray(weights / weights.sum(1, keepdims=True))

    across = along(places * change.zoom + change.across)
    down = along(places * change.zoom + change.down)
    return np.kron(down, across[:, ::-1] if change.mirrored else across)


@cache
def _unit() -> float:
    """By how much the measures are enlarged before they are rounded, so that sums stay below 2 to the 24th."""
    return float(_EXACT / 256.0 / np.abs(_exact_measures()).sum(1).max() * 0.98)


@cache
def _measures() -> Floats:
    """(changes * k, 1024), whole numbers."""
    return np.asarray(np.rint(_exact_measures() * _unit()), np.float32)
