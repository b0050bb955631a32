"""Lists of 64-bit hashes for tests: even ones, and such as photographs and icons give."""

from __future__ import annotations

import numpy as np

from imagenet_build.dedup.hamming import Hashes


def uniform(count: int, seed: int) -> Hashes:
    """Every bit by chance."""
    return np.random.default_rng(seed).integers(0, 2**64, count, dtype=np.uint64)


def flipped(hashes: Hashes, most_bits: int, rng: np.random.Generator) -> Hashes:
    """Each with 0 to `most_bits` bits changed."""
    bits = np.sort(rng.random((len(hashes), 64)).argsort(axis=1)[:, :most_bits], axis=1)
    kept = np.arange(most_bits) < rng.integers(0, most_bits + 1, (len(hashes), 1))
    change = np.where(kept, np.uint64(1) << bits.astype(np.uint64), np.uint64(0)).sum(axis=1, dtype=np.uint64)
    return hashes ^ change


def clustered(count: int, seed: int, most_bits: int = 6) -> Hashes:
    """A few pictures in many copies, each copy with some bits changed."""
    rng = np.random.default_rng(seed)
    centres = uniform(max(1, count // 8), seed + 1)
    return flipped(centres[rng.integers(0, len(centres), count)], most_bits, rng)


def skewed(count: int, seed: int) -> Hashes:
    """As of photographs: bits that are seldom set, copies, and many pictures with one hash."""
    rng = np.random.default_rng(seed)
    often_set = np.clip(rng.normal(0.5, 0.3, 64), 0.01, 0.99)
    hashes = np.packbits(rng.random((count, 64)) < often_set, axis=1).view(np.uint64).ravel()
    copied = rng.integers(0, count, count // 4)
    hashes[rng.integers(0, count, count // 4)] = flipped(hashes[copied], 6, rng)
    hashes[rng.random(count) < 0.05] = hashes[0]
    return hashes


def few_bits(count: int, seed: int, bits: int = 20) -> Hashes:
    """All the same but for the lowest bits: most blocks tell nothing."""
    return uniform(count, seed) & np.uint64(2**bits - 1)


KINDS = {"uniform": uniform, "clustered": clustered, "skewed": skewed, "few_bits": few_bits}
