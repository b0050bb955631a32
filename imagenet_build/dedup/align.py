"""Pure: lays one tiny picture over another as well as an affine warp can, and says how much of the detail agrees.

Two pictures of one beach agree in their large shapes; only copies of one photograph agree in their detail, once they
lie on each other to a part of a pixel. So the smooth parts find the warp, and the detail that is left without them
decides. Every pair is computed by itself, in operations whose order does not depend on the other pairs: the result is
the same in whatever company and order pairs come.
"""

from __future__ import annotations

from functools import cache
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
Bools = NDArray[np.bool_]

SIDE_PX = 32
WARP_PARAMETERS = 6
"""(shift x, zoom x - 1, shear x, shift y, shear y, zoom y - 1); coordinates run from -0.5 to 0.5 over the picture."""
LEAST_WARP = np.array([-0.2, -0.4, -0.25, -0.2, -0.25, -0.4], np.float32)
MOST_WARP = np.array([0.2, 0.65, 0.25, 0.2, 0.25, 0.65], np.float32)
_MOST_STEP = np.float32(0.08)
_DAMPING, _FLOOR = np.float32(1e-3), np.float32(1e-3)
_LEAST_GAIN = np.float32(0.05)
_OUTLIER, _NOISE = np.float32(3.0), np.float32(4.0)
"""A place counts half where it differs by three times the mean difference and four levels."""

_DETAIL_CLIP, _DETAIL_FLOOR = np.float32(2.5), np.float32(0.3)
_REACH_PX = np.float32(15.5)
_REACH = np.float32(0.485)


class Level(NamedTuple):
    """One round of fitting: from coarse to fine."""

    points: int
    """Along each axis."""
    region: float
    """Middle part of the first picture that is looked at."""
    window: float
    """Standard deviation of the weight around the centre."""
    sigma_px: float
    """Smoothing."""
    steps: int


COARSE, FINE = Level(12, 0.80, 0.30, 1.5, 3), Level(20, 0.85, 0.40, 0.7, 4)


def luminance(tiny: NDArray[Any]) -> Floats:
    """RGB in the last axis -> without that axis, 0 to 255 (ITU-R BT.601 weights)."""
    red, green, blue = (tiny[..., channel].astype(np.float32) for channel in range(3))
    return np.asarray(np.float32(0.299) * red + np.float32(0.587) * green + np.float32(0.114) * blue)


def fitted(first: Floats, second: Floats, warps: Floats, level: Level) -> Floats:
    """The affine warps under which the second pictures lie best on the first ones.

    Gauss-Newton steps with a gain and an offset for brightness and contrast (Lucas and Kanade 1981; Baker and Matthews
    2004), outliers weighed down, so that captions and watermarks do not pull.

    Args:
        first, second: (m, 32, 32) luminance; row by row, a pair each.
        warps: (m, 6), where to begin.
        level: `COARSE`, then `FINE`.
    Returns: (m, 6).
    """
    second = smoothed(second, level.sigma_px)
    template = _at_grid(smoothed(first, level.sigma_px), level.points, level.region)
    for _ in range(level.steps):
        warps = _step(template, second, warps, level)
    return warps


def smoothed(pictures: Floats, sigma_px: float) -> Floats:
    """(m, 32, 32), Gaussian; edges are continued."""
    kernel = _smoothing(sigma_px)
    return np.asarray(np.matmul(np.matmul(kernel, pictures), kernel.T))


def inverse(warps: Floats) -> Floats:
    """(m, 6): the way back."""
    shift_x, zoom_x, shear_x, shift_y, shear_y, zoom_y = warps.T
    zoom_x, zoom_y = 1 + zoom_x, 1 + zoom_y
    area = zoom_x * zoom_y - shear_x * shear_y
    back_x, back_y, across, down = zoom_y / area, zoom_x / area, -shear_x / area, -shear_y / area
    made = (
        -(back_x * shift_x + across * shift_y),
        back_x - 1,
        across,
        -(down * shift_x + back_y * shift_y),
        down,
        back_y - 1,
    )
    return np.stack(made, axis=1).astype(np.float32)


def warped(pictures: Floats, warps: Floats) -> Floats:
    """What the warps see of the pictures, at 32 x 32 places; edges are continued. (m, 1024)"""
    return _sampled(pictures, *_warped(warps, *_grid(SIDE_PX, 1.0)))


def within(warps: Floats) -> Bools:
    """Which of the 32 x 32 places lie in the middle of the pictures and within the warped ones. (m, 1024)"""
    x, y = _grid(SIDE_PX, 1.0)
    return _inside(*_warped(warps, x, y)) & (np.maximum(np.abs(x), np.abs(y)) <= _CLOSELY.region / 2)


class Detail(NamedTuple):
    """What the first pictures and the warped second ones show at the same places: (m, places) each."""

    first: Floats
    second: Floats
    inside: Floats
    """1 where the place lies within both pictures, else 0."""


class _Sight(NamedTuple):
    """At what the detail is looked at."""

    points: int
    region: float
    surround: float
    """Standard deviation of what is taken as surroundings, in points of the grid."""
    strip: int
    """Rows that a caption may cover, at the upper or the lower edge."""


_CLOSELY, _ROUGHLY = _Sight(28, 0.88, 2.5, 4), _Sight(14, 0.85, 1.6, 2)
_ROUGH_SIGMA_PX = 0.7


def agreement(first: Floats, second: Floats, warps: Floats) -> Floats:
    """Correlation of the detail under warps that fit well: of all rows, or without those that a caption may cover.

    Args:
        first, second: (m, 32, 32) luminance.
        warps: (m, 6).
    Returns: (m,), -1 to 1.
    """
    return _agreement(first, second, warps, _CLOSELY)


def rough_agreement(first: Floats, second: Floats, warps: Floats) -> Floats:
    """The same at fewer places, for warps that fit roughly: what does not agree here will not agree closely."""
    return _agreement(smoothed(first, _ROUGH_SIGMA_PX), smoothed(second, _ROUGH_SIGMA_PX), warps, _ROUGHLY)


def _agreement(first: Floats, second: Floats, warps: Floats, sight: _Sight) -> Floats:
    over = _laid_over(first, second, warps, sight)
    rows = over.inside.reshape(-1, sight.points, sight.points)
    found = correlation(over.first, over.second, over.inside)
    for covered in (np.s_[:, : sight.strip], np.s_[:, sight.points - sight.strip :]):
        seen = rows.copy()
        seen[covered] = 0.0
        found = np.maximum(found, correlation(over.first, over.second, seen.reshape(over.inside.shape)))
    return found


def _laid_over(first: Floats, second: Floats, warps: Floats, sight: _Sight) -> Detail:
    """The detail of both pictures at the places of a grid over the first one."""
    x, y = _warped(warps, *_grid(sight.points, sight.region))
    inside = _inside(x, y).astype(np.float32)
    levels = _at_grid(first, sight.points, sight.region), _sampled(second, x, y)
    return Detail(_detail(levels[0], inside, sight), _detail(levels[1], inside, sight), inside)


def correlation(first: Floats, second: Floats, weights: Floats) -> Floats:
    """Weighted normalised correlation, row by row. (m, k) -> (m,), -1 to 1; nothing there: 0."""
    total = weights.sum(1, keepdims=True) + np.float32(1e-6)
    first = first - (first * weights).sum(1, keepdims=True) / total
    second = second - (second * weights).sum(1, keepdims=True) / total
    weighted = first * weights
    square = (weighted * first).sum(1) * (second * second * weights).sum(1)
    return np.asarray((weighted * second).sum(1) / np.sqrt(square + np.float32(1e-6)), np.float32)


def _detail(levels: Floats, inside: Floats, sight: _Sight) -> Floats:
    """Levels without their surroundings, those outside left out of account; the strongest edges are capped."""
    kernel = _surround(sight)

    def spread(values: Floats) -> Floats:
        square = values.reshape(-1, sight.points, sight.points)
        return np.asarray(np.matmul(np.matmul(kernel, square), kernel).reshape(values.shape))

    fine = (levels - spread(levels * inside) / (spread(inside) + np.float32(1e-6))) * inside
    spread_of = np.sqrt((fine * fine).sum(1, keepdims=True) / (inside.sum(1, keepdims=True) + np.float32(1e-6)))
    most = _DETAIL_CLIP * (spread_of + _DETAIL_FLOOR)
    return np.asarray(np.minimum(np.maximum(fine, -most), most))


def _step(template: Floats, second: Floats, warps: Floats, level: Level) -> Floats:
    """One Gauss-Newton step."""
    grid_x, grid_y = _grid(level.points, level.region)
    x, y = _warped(warps, grid_x, grid_y)
    weights = _window(level) * ((np.abs(x) <= 0.5) & (np.abs(y) <= 0.5))
    seen, across, down = _sampled_with_slopes(second, x, y)
    weights = weights * _trust(template, seen, weights)
    one = np.ones_like(seen)
    slopes = (seen, one, across, across * grid_x, across * grid_y, down, down * grid_x, down * grid_y)
    system = np.stack(slopes, axis=1)
    weighted = system * weights[:, None, :]
    normal = np.matmul(weighted, system.transpose(0, 2, 1))
    right = np.matmul(weighted, template[:, :, None])
    every = np.arange(normal.shape[1])
    normal[:, every, every] *= 1 + _DAMPING
    normal[:, every, every] += _FLOOR
    solved = np.linalg.solve(normal, right)[:, :, 0]
    gain = np.where(np.abs(solved[:, :1]) < _LEAST_GAIN, _LEAST_GAIN, solved[:, :1])
    step = np.minimum(np.maximum(solved[:, 2:] / gain, -_MOST_STEP), _MOST_STEP)
    return np.asarray(np.minimum(np.maximum(warps + step, LEAST_WARP), MOST_WARP))


def _trust(template: Floats, seen: Floats, weights: Floats) -> Floats:
    """How far each place is to be believed: less where gain and offset do not explain it."""
    total = weights.sum(1, keepdims=True) + np.float32(1e-6)
    first = template - (template * weights).sum(1, keepdims=True) / total
    second = seen - (seen * weights).sum(1, keepdims=True) / total
    gain = (first * second * weights).sum(1, keepdims=True) / (
        (second * second * weights).sum(1, keepdims=True) + np.float32(1e-3)
    )
    apart = first - gain * second
    scale = _OUTLIER * (np.abs(apart) * weights).sum(1, keepdims=True) / total + _NOISE
    return np.asarray(np.float32(1.0) / (np.float32(1.0) + (apart / scale) ** 2))


def _warped(warps: Floats, grid_x: Floats, grid_y: Floats) -> tuple[Floats, Floats]:
    x = warps[:, 0:1] + (1 + warps[:, 1:2]) * grid_x + warps[:, 2:3] * grid_y
    y = warps[:, 3:4] + warps[:, 4:5] * grid_x + (1 + warps[:, 5:6]) * grid_y
    return x, y


def _inside(x: Floats, y: Floats) -> Bools:
    """Half a pixel from the edge, at least."""
    return np.asarray((np.abs(x) <= _REACH) & (np.abs(y) <= _REACH))


class _Corners(NamedTuple):
    a: Floats
    b: Floats
    c: Floats
    d: Floats
    right: Floats
    below: Floats


def _corners(pictures: Floats, x: Floats, y: Floats) -> _Corners:
    """The four pixels around each place, and how far right and below the first of them it lies, 0 to 1."""
    column, row = x * SIDE_PX + _REACH_PX, y * SIDE_PX + _REACH_PX
    left = np.minimum(np.maximum(column, 0), SIDE_PX - 2).astype(np.int32)
    top = np.minimum(np.maximum(row, 0), SIDE_PX - 2).astype(np.int32)
    right = np.minimum(np.maximum(column - left, 0), 1).astype(np.float32)
    below = np.minimum(np.maximum(row - top, 0), 1).astype(np.float32)
    flat = pictures.reshape(-1)
    at = top * SIDE_PX + left + (np.arange(len(pictures), dtype=np.int32) * SIDE_PX**2)[:, None]
    return _Corners(
        flat.take(at), flat.take(at + 1), flat.take(at + SIDE_PX), flat.take(at + SIDE_PX + 1), right, below
    )


def _sampled(pictures: Floats, x: Floats, y: Floats) -> Floats:
    """Bilinear."""
    at = _corners(pictures, x, y)
    upper, lower = at.a + (at.b - at.a) * at.right, at.c + (at.d - at.c) * at.right
    return upper + (lower - upper) * at.below


def _sampled_with_slopes(pictures: Floats, x: Floats, y: Floats) -> tuple[Floats, Floats, Floats]:
    """Bilinear, and its slopes per picture width and height."""
    at = _corners(pictures, x, y)
    above, beneath = at.b - at.a, at.d - at.c
    upper, lower = at.a + above * at.right, at.c + beneath * at.right
    slope = (above + (beneath - above) * at.below) * np.float32(SIDE_PX)
    return upper + (lower - upper) * at.below, slope, (lower - upper) * np.float32(SIDE_PX)


def _at_grid(pictures: Floats, points: int, region: float) -> Floats:
    weights = _interpolation(points, region)
    return np.asarray(np.matmul(np.matmul(weights, pictures), weights.T).reshape(len(pictures), points * points))


@cache
def _grid(points: int, region: float) -> tuple[Floats, Floats]:
    """(points * points,) each: x and y of a grid over the middle of a picture."""
    along = (((np.arange(points) + 0.5) / points - 0.5) * region).astype(np.float32)
    y, x = np.meshgrid(along, along, indexing="ij")
    return x.ravel(), y.ravel()


@cache
def _window(level: Level) -> Floats:
    x, y = _grid(level.points, level.region)
    return np.asarray(np.exp(-0.5 * (x**2 + y**2) / level.window**2).astype(np.float32))


@cache
def _interpolation(points: int, region: float) -> Floats:
    """(points, 32): linear interpolation at the places of a grid."""
    at = ((np.arange(points) + 0.5) / points - 0.5) * region * SIDE_PX + (SIDE_PX - 1) / 2
    weights: NDArray[Any] = np.maximum(0.0, 1.0 - np.abs(at[:, None] - np.arange(SIDE_PX)))
    return weights.astype(np.float32)


@cache
def _smoothing(sigma_px: float) -> Floats:
    """(32, 32)."""
    reach = int(np.ceil(3 * sigma_px))
    made = np.zeros((SIDE_PX, SIDE_PX))
    for away in range(-reach, reach + 1):
        for row in range(SIDE_PX):
            made[row, min(max(row + away, 0), SIDE_PX - 1)] += np.exp(-0.5 * (away / sigma_px) ** 2)
    return np.asarray(made / made.sum(1, keepdims=True), np.float32)


@cache
def _surround(sight: _Sight) -> Floats:
    """(points, points), symmetric."""
    apart = np.arange(sight.points)[:, None] - np.arange(sight.points)
    near = np.abs(apart) <= int(np.ceil(2.5 * sight.surround))
    return np.asarray(np.exp(-0.5 * (apart / sight.surround) ** 2) * near, np.float32)
