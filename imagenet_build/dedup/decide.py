"""Pure: are two pictures of a proposed pair the same picture? Hashes and shapes propose, pixels decide.

Two rules, either is enough. The plain one takes the tiny images as they are: encoded again, resized, nothing moved.
Their smoothed difference is measured against their contrast: ten levels are little in a photograph and a lot in a white
thing on white; and one place that differs much is enough for two pictures: another letter on the same die. The other
rule lays one picture over the other as well as an affine warp can (`align`), and asks whether the detail agrees:
cropped, framed, turned, captioned and recoloured copies. A drawing or a ball on white has little detail to agree in:
the less there is to see, the more of it must agree.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray

from imagenet_build.config.models import DedupConfig
from imagenet_build.dedup import align
from imagenet_build.dedup.looks import Looks, contrast_of, smooth
from imagenet_build.dedup.shapes import Start, best_start, is_mirrored, warps_of

Floats = NDArray[np.float32]
Bools = NDArray[np.bool_]
Indices = NDArray[np.int64]
Scalar = TypeVar("Scalar", bound=np.generic)

_PAIRS = 512
LEAST_CONTRAST = 10.0
"""Levels of 255. Below it the noise of a JPEG would decide what "relative to the contrast" means."""
SHIFT_WEIGHT = 0.5
"""How much a change of brightness or tint of the whole picture counts, beside changes within it."""
DRAWN_BITS, RICH_BITS = 2.8, 3.4
"""Richness (`Looks.richness`): what has less is a drawing, or a thing on one ground; what has more is a photograph that
fills its frame. Measured by scripts/bench/dedup_thresholds.py."""
DRAWN_AGREEMENT = 0.95
"""What a drawing must agree by; a rich picture by `dedup.agreement`, others by something between."""
MIRRORED_BITS = 2.5
"""Pictures with less are not taken for each other's mirror images: b is not d."""
_ROUGH_AGREEMENT = 0.68
"""Measured: less have 2 of 1000 copies, and 98 of 100 different pictures of like shape."""
_UNMOVED, _UNMOVED_AGREEMENT = 0.7, 0.4
"""From here on the shapes of two pictures, and their detail, are like enough for a second try as they lie."""
_TURN_AGAIN = 0.5
"""From here on an agreement that does not suffice is measured once more, the other picture laid over the first."""
_MOST_SHEAR, _MOST_TURN, _MOST_ASPECT = 0.10, 0.15, 0.22
"""Whoever copies a picture does not distort it more; a sphere laid over another one does not mind."""
_CLOSE_BITS = 10
"""Pictures that are alike as they are have DCT hashes at least as close."""
_GREY = 6.0
_STRIP = 5
"""Rows of the 32 that a caption may cover."""
_LEAST_SQUARES = np.float32(32 * 32 * 4.0)
_LEAST_GAIN, _MOST_GAIN = np.float32(0.6), np.float32(1.7)


class Decisions(NamedTuple):
    """What became of m proposed pairs: (m,) each."""

    same: Bools
    mirrored: Bools
    """The one is a mirror image of the other, if they are the same."""
    distance: Floats
    """How much differs, as a part of what there is to see: 0 to 1 (of pairs that were not looked at closely, 1)."""


def decide(looks: Looks, shapes: Floats, i: Indices, j: Indices, config: DedupConfig) -> Decisions:
    """Decide pairs of pictures. Each pair by itself, and the same whichever of the two is `i`.

    Args:
        looks: the pictures.
        shapes: theirs, of `shapes_of`.
        i, j: (m,), indices into `looks`.
        config: thresholds.
    """
    swap = looks.rank[i] > looks.rank[j]
    first, second = np.where(swap, j, i), np.where(swap, i, j)
    start = best_start(shapes, first, second)
    likely = start.correlation >= config.shape_agreement
    richness = np.minimum(looks.richness[first], looks.richness[second])
    mirrored = np.where(likely, is_mirrored(start), _mirrored_by_hash(looks, first, second))
    mirrored &= richness >= MIRRORED_BITS
    same, distance = np.zeros(len(i), np.bool_), np.ones(len(i), np.float32)
    for part in _parts(np.flatnonzero(likely | _hashes_close(looks, first, second, config))):
        one, other = first[part], second[part]
        contrast = np.maximum(looks.contrast[one], looks.contrast[other])
        difference, worst = plain_difference(looks.tiny[one], _turned(looks.tiny[other], mirrored[part]), contrast)
        same[part] = (difference <= config.tiny_difference) & (worst <= config.tiny_worst)
        distance[part] = np.where(same[part], difference, np.float32(1.0))
    needed = np.interp(richness, [DRAWN_BITS, RICH_BITS], [DRAWN_AGREEMENT, config.agreement])
    for part in _parts(np.flatnonzero(~same & likely)):
        agreement, alike = _laid_over(
            looks, first[part], second[part], mirrored[part], start.take(part), needed[part], config
        )
        same[part] = (agreement >= needed[part]) & ((richness[part] >= RICH_BITS) | alike)
        distance[part] = np.minimum(np.maximum(1 - agreement, 0), 1)
    return Decisions(same, mirrored & same, distance)


def _parts(places: Indices) -> Iterator[Indices]:
    return (places[start : start + _PAIRS] for start in range(0, len(places), _PAIRS))


def plain_difference(
    first: NDArray[Any], second: NDArray[Any], contrast: NDArray[np.float64] | None = None
) -> tuple[Floats, Floats]:
    """How far apart tiny images are, as they are.

    Args:
        first, second: (m, height, width, 3), 0 to 255.
        contrast: (m,), the larger contrast of each pair, of `contrast_of`; None: to be found out.
    Returns:
        The difference as a part of the larger contrast, 0 to about 26; and the largest difference at one place, the
        common shift taken off, 0 to 255. (m,) each.
    """
    if contrast is None:
        contrast = np.maximum(contrast_of(first), contrast_of(second))
    apart = smooth(first.astype(np.float32) - second.astype(np.float32))
    shift = apart.mean(2, keepdims=True)
    each = ((apart - shift) ** 2).sum(1) / np.float32(3.0)
    total = np.sqrt(each.mean(1) + np.float32(SHIFT_WEIGHT**2) * (shift[:, :, 0] ** 2).sum(1) / np.float32(3.0))
    return (total / np.maximum(contrast, LEAST_CONTRAST)).astype(np.float32), np.sqrt(each.max(1))


def _laid_over(
    looks: Looks,
    first: Indices,
    second: Indices,
    mirrored: Bools,
    start: Start,
    needed: NDArray[np.float64],
    config: DedupConfig,
) -> tuple[Floats, Bools]:
    """The agreement of the detail, the better of both ways; and whether the whole frames are alike under that warp."""
    light_first, light_second = looks.luminance[first], _turned(looks.luminance[second], mirrored)
    warps = warps_of(start)
    unmoved = warps.any(1) & (start.unmoved >= _UNMOVED)  # what covers a part of a picture may look like a zoom
    agreement, warps = _fitted(light_first, light_second, warps)
    straight = np.flatnonzero((agreement < needed) & unmoved)
    as_it_is = np.zeros_like(warps[straight])
    promising = align.rough_agreement(light_first[straight], light_second[straight], as_it_is) >= _UNMOVED_AGREEMENT
    straight, as_it_is = straight[promising], as_it_is[promising]
    other, others = _fitted(light_first[straight], light_second[straight], as_it_is)
    _take_better(agreement, warps, straight, other, others)
    again = np.flatnonzero((agreement < needed) & (agreement >= _TURN_AGAIN))
    other, others = _fitted(light_second[again], light_first[again], align.inverse(warps[again]))
    _take_better(agreement, warps, again, other, align.inverse(others))
    alike = np.zeros(len(first), np.bool_)
    richness = np.minimum(looks.richness[first], looks.richness[second])
    poor = np.flatnonzero((agreement >= needed) & (richness < RICH_BITS))
    if len(poor):
        tiny_first, tiny_second = looks.tiny[first[poor]], _turned(looks.tiny[second[poor]], mirrored[poor])
        drawn = richness[poor] < DRAWN_BITS
        alike[poor] = _framed_alike(tiny_first, tiny_second, warps[poor], drawn, config) & _framed_alike(
            tiny_second, tiny_first, align.inverse(warps[poor]), drawn, config
        )
    return agreement, alike


def _fitted(first: Floats, second: Floats, warps: Floats) -> tuple[Floats, Floats]:
    """The agreement of the detail under the best warps, 0 where there is hardly any, and those warps."""
    warps = align.fitted(first, second, warps, align.COARSE)
    agreement = np.zeros(len(first), np.float32)
    left = np.flatnonzero(_is_copied(warps, 2.0) & (align.rough_agreement(first, second, warps) >= _ROUGH_AGREEMENT))
    warps[left] = align.fitted(first[left], second[left], warps[left], align.FINE)
    found = align.agreement(first[left], second[left], warps[left])
    agreement[left] = np.where(_is_copied(warps[left], 1.0), found, np.float32(0.0))
    return agreement, warps


def _take_better(agreement: Floats, warps: Floats, places: Indices, other: Floats, others: Floats) -> None:
    """Put what was found at some places where it is better."""
    better = other > agreement[places]
    agreement[places[better]], warps[places[better]] = other[better], others[better]


def _is_copied(warps: Floats, slack: float) -> Bools:
    """Whether a copy may be warped like that."""
    shear = np.abs(warps[:, 2] + warps[:, 4]) / 2
    turn = np.abs(warps[:, 4] - warps[:, 2]) / 2
    aspect = np.abs(warps[:, 1] - warps[:, 5])
    return np.asarray((shear <= slack * _MOST_SHEAR) & (turn <= slack * _MOST_TURN) & (aspect <= slack * _MOST_ASPECT))


def _framed_alike(
    first: NDArray[np.uint8], second: NDArray[np.uint8], warps: Floats, drawn: Bools, config: DedupConfig
) -> Bools:
    """The plain rule under a warp: brightness and contrast made equal, colours only if both have them.

    Of photographs the common part counts, with or without a strip at the upper or the lower edge: a caption. Of
    drawings the whole frame counts, the warped second one's edge continued where it ends: U and U with dots differ only
    there.

    Args:
        first, second: (m, 32, 32, 3).
        warps: (m, 6).
        drawn: (m,), which pairs are drawings.
        config: thresholds.
    """
    moved = np.stack([align.warped(second[..., channel].astype(np.float32), warps) for channel in range(3)], axis=-1)
    seen = first.reshape(moved.shape).astype(np.float32)
    beyond = ~align.within(warps) & ~drawn[:, None]
    grey = (_colourfulness(seen) < _GREY) | (_colourfulness(moved) < _GREY)
    for colours in (seen, moved):
        colours[grey] = align.luminance(colours[grey])[:, :, None]
    alike = np.zeros(len(first), np.bool_)
    for rows in (slice(0, 32), slice(_STRIP, 32), slice(0, 32 - _STRIP)):
        cells = slice(rows.start * 32, rows.stop * 32)
        fitting = _fitted_levels(seen[:, cells], moved[:, cells], ~beyond[:, cells])
        fitting[beyond[:, cells]] = seen[:, cells][beyond[:, cells]]
        difference, worst = plain_difference(
            seen[:, cells].reshape(len(first), -1, 32, 3), fitting.reshape(len(first), -1, 32, 3)
        )
        whole = rows.stop - rows.start == 32
        drawn_alike = (worst <= config.tiny_worst) & whole
        alike |= (difference <= config.tiny_difference) & np.where(drawn, drawn_alike, True)
    return alike


def _fitted_levels(target: Floats, levels: Floats, common: Bools) -> Floats:
    """Levels times a gain plus an offset, so that brightness and contrast are those of the target. (m, cells, 3)"""
    light, other = align.luminance(target), align.luminance(levels)
    count = np.maximum(common.sum(1, keepdims=True), 1)
    light_middle = (light * common).sum(1, keepdims=True) / count
    other_middle = (other * common).sum(1, keepdims=True) / count
    light, other = (light - light_middle) * common, (other - other_middle) * common
    gain = (light * other).sum(1, keepdims=True) / np.maximum((other * other).sum(1, keepdims=True), _LEAST_SQUARES)
    gain = np.minimum(np.maximum(gain, _LEAST_GAIN), _MOST_GAIN)
    return np.asarray(
        ((levels - other_middle[:, :, None]) * gain[:, :, None] + light_middle[:, :, None]).astype(np.float32)
    )


def _colourfulness(levels: Floats) -> Floats:
    """Mean difference between the largest and the smallest channel, 0 to 255. (m,)"""
    return np.asarray((levels.max(2) - levels.min(2)).mean(1))


def _hashes_close(looks: Looks, first: Indices, second: Indices, config: DedupConfig) -> Bools:
    """Whether one of the hashes proposes the pair by itself: drawings on white may have shapes that are noise."""
    dct = np.minimum(
        np.bitwise_count(looks.dct[first] ^ looks.dct[second]),
        np.bitwise_count(looks.dct[first] ^ looks.mirrored[second]),
    )
    gradient = np.bitwise_count(looks.gradient[first] ^ looks.gradient[second])
    return np.asarray((dct <= min(config.propose_bits, _CLOSE_BITS)) | (gradient <= config.gradient_bits))


def _mirrored_by_hash(looks: Looks, first: Indices, second: Indices) -> Bools:
    straight = np.bitwise_count(looks.dct[first] ^ looks.dct[second])
    crossed = np.bitwise_count(looks.dct[first] ^ looks.mirrored[second])
    return np.asarray(np.minimum(crossed, np.bitwise_count(looks.mirrored[first] ^ looks.dct[second])) < straight)


def _turned(pictures: NDArray[Scalar], mirrored: Bools) -> NDArray[Scalar]:
    """A copy, with some of the pictures mirrored left to right."""
    made = pictures.copy()
    made[mirrored] = made[mirrored][:, :, ::-1]
    return np.asarray(made)
