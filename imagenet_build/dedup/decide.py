"""Pure: is a proposed pair the same picture? Hashes propose, pixels decide.

What is compared are the tiny images, slightly smoothed, so that an edge which another resizing put half a pixel further
does not count. Their difference is measured against their contrast: ten levels are little in a photograph and a lot in
a white thing on white. One place that differs much is enough for two pictures: another letter on the same die.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from imagenet_build.config.models import DedupConfig

FloatArray = npt.NDArray[np.float32]
TINY_SHAPE = (32, 32, 3)
LEAST_CONTRAST = 10.0
"""Levels of 255. Below it the noise of a JPEG would decide what "relative to the contrast" means."""
SHIFT_WEIGHT = 0.5
"""How much a change of brightness or tint of the whole picture counts, beside changes within it."""


@dataclass(frozen=True, slots=True, eq=False)
class Look:
    """What is compared of one image."""

    sha256: str
    pixel_sha256: str
    dct_hash: int
    gradient_hash: int
    tiny: bytes
    """32 x 32 RGB, 3072 bytes."""
    smooth: FloatArray = field(init=False, repr=False)
    """(32, 32, 3): the tiny image, smoothed."""
    contrast: float = field(init=False)
    """Standard deviation of `smooth` around its mean colour, 0 to 128."""

    def __post_init__(self) -> None:
        smooth = _smoothed(np.frombuffer(self.tiny, np.uint8).reshape(TINY_SHAPE).astype(np.float32))
        object.__setattr__(self, "smooth", smooth)
        object.__setattr__(self, "contrast", float(np.sqrt(np.mean((smooth - smooth.mean(axis=(0, 1))) ** 2))))


@dataclass(frozen=True, slots=True)
class Comparison:
    """How far apart two images are."""

    same: bool
    reason: str
    """exact (the same file), same_pixels, near; empty if not the same picture."""
    dct_distance: int
    """Bits of 64."""
    gradient_distance: int
    """Bits of 64."""
    tiny_rms: float
    """Root mean square difference of the tiny images, 0 to 255."""
    difference: float
    """Of the smoothed tiny images, as a part of the larger of their contrasts; 0 to about 26."""
    worst: float
    """Largest difference at one place of the smoothed tiny images, the common shift taken off, 0 to 255."""


def tiny_rms(left: bytes, right: bytes) -> float:
    """Root mean square difference of two tiny images, over pixels and channels, 0 to 255."""
    difference = np.frombuffer(left, np.uint8).astype(np.float32) - np.frombuffer(right, np.uint8)
    return float(np.sqrt(np.mean(difference * difference)))


def compare(left: Look, right: Look, config: DedupConfig) -> Comparison:
    """Compare two images; symmetric in its arguments."""
    difference, worst = _pixels(left, right)
    reason = ""
    if left.sha256 == right.sha256:
        reason = "exact"
    elif left.pixel_sha256 == right.pixel_sha256:
        reason = "same_pixels"
    elif difference <= config.tiny_difference and worst <= config.tiny_worst:
        reason = "near"
    return Comparison(
        bool(reason),
        reason,
        (left.dct_hash ^ right.dct_hash).bit_count(),
        (left.gradient_hash ^ right.gradient_hash).bit_count(),
        tiny_rms(left.tiny, right.tiny),
        difference,
        worst,
    )


def _pixels(left: Look, right: Look) -> tuple[float, float]:
    """`difference` and `worst` of a comparison."""
    apart = left.smooth - right.smooth
    shift = apart.mean(axis=(0, 1))
    within = (apart - shift) ** 2
    contrast = max(left.contrast, right.contrast, LEAST_CONTRAST)
    total = np.sqrt(within.mean() + SHIFT_WEIGHT**2 * np.mean(shift**2))
    return float(total) / contrast, float(np.sqrt(within.mean(axis=2).max()))


def _smoothed(picture: FloatArray) -> FloatArray:
    """A quarter of each neighbour and half of itself, along both axes; edges are continued."""
    for _ in range(2):
        before, after = np.concatenate([picture[:1], picture[:-1]]), np.concatenate([picture[1:], picture[-1:]])
        picture = (before + 2 * picture + after).swapaxes(0, 1) / 4
    return picture
