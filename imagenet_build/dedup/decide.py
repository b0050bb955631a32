"""Pure: is a proposed pair the same picture? Hashes propose, pixels decide."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from imagenet_build.config.models import DedupConfig


@dataclass(frozen=True, slots=True)
class Look:
    """What is compared of one image."""

    sha256: str
    pixel_sha256: str
    dct_hash: int
    gradient_hash: int
    tiny: bytes
    """32 x 32 RGB, 3072 bytes."""


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


def tiny_rms(left: bytes, right: bytes) -> float:
    """Root mean square difference of two tiny images, over pixels and channels, 0 to 255."""
    difference = np.frombuffer(left, np.uint8).astype(np.float32) - np.frombuffer(right, np.uint8)
    return float(np.sqrt(np.mean(difference * difference)))


def compare(left: Look, right: Look, config: DedupConfig) -> Comparison:
    """Compare two images; symmetric in its arguments."""
    dct = (left.dct_hash ^ right.dct_hash).bit_count()
    gradient = (left.gradient_hash ^ right.gradient_hash).bit_count()
    rms = tiny_rms(left.tiny, right.tiny)
    reason = ""
    if left.sha256 == right.sha256:
        reason = "exact"
    elif left.pixel_sha256 == right.pixel_sha256:
        reason = "same_pixels"
    elif dct <= config.propose_bits and gradient <= config.gradient_bits and rms <= config.tiny_rms:
        reason = "near"
    return Comparison(bool(reason), reason, dct, gradient, rms)
