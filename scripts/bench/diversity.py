"""Diversity: how often its interval holds the truth, and how long a synset takes.

Pictures are blends of two of the photographs in IMAGENET_BUILD_SHARED (or beside the project), or without them of
generated colour fields. Everything is printed from this one run; nothing fails on a figure.

    python scripts/bench/diversity.py [--repeats 200]
"""

from __future__ import annotations

import argparse
import os
import time
from pathlib import Path

import numpy as np
from PIL import Image

from imagenet_build.stats.average_image import Pictures, average_image
from imagenet_build.stats.diversity import RESAMPLES, diversity_of
from imagenet_build.stats.lossless_jpeg import PREDICTORS, encode, sizes

SHARED = Path(os.environ.get("IMAGENET_BUILD_SHARED", Path(__file__).parents[2].parent / "shared")) / "photos"
POPULATION = 4000
DESIGNS = ((20, 10), (60, 10), (60, 25), (200, 25), (1000, 50), (50, None))
"""Pictures of the synset, pictures averaged."""


def population(rng: np.random.Generator) -> Pictures:
    paths = sorted(SHARED.glob("*.jpg"))
    if paths:
        print(f"blends of {len(paths)} photographs")
        some = np.stack(
            [np.asarray(Image.open(path).convert("RGB").resize((32, 32), Image.Resampling.BOX)) for path in paths]
        )
    else:
        print("blends of generated colour fields")
        some = rng.integers(0, 256, (200, 4, 4, 3), np.uint8).repeat(8, axis=1).repeat(8, axis=2)
    left, right = some[rng.integers(0, len(some), (2, POPULATION))]
    part = rng.random((POPULATION, 1, 1, 1))
    return (left * part + right * (1 - part)).astype(np.uint8)


def with_replacement(pictures: Pictures, averaged: int, rng: np.random.Generator) -> float:
    """Mean size of averages as a bootstrap draws them."""
    drawn = np.stack([average_image(pictures[rng.integers(0, len(pictures), averaged)]) for _ in range(RESAMPLES)])
    return float(sizes(drawn).mean())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeats", type=int, default=200)
    repeats = parser.parse_args().repeats
    rng = np.random.default_rng(1)
    held = population(rng)
    ratios = []
    for count in (5, 20, 100):
        for _ in range(30):
            average = average_image(held[rng.permutation(POPULATION)[:count]])
            found = np.array([len(encode(average, predictor)) for predictor in PREDICTORS])
            ratios.append(found / found.min())
    print("bytes of each predictor beside the best:", np.mean(ratios, axis=0).round(4).tolist())
    for count, averaged in DESIGNS:
        so_many = averaged or count
        truth = np.mean([len(encode(average_image(held[rng.permutation(POPULATION)[:so_many]]))) for _ in range(1000)])
        inside = 0
        found, usual, widths, seconds = [], [], [], 0.0
        for _ in range(repeats):
            some = held[rng.permutation(POPULATION)[:count]]
            began = time.process_time()
            one = diversity_of(some, averaged)
            seconds += time.process_time() - began
            inside += one.low <= truth <= one.high
            found.append(one.bytes)
            widths.append(one.high - one.low)
            usual.append(with_replacement(some, so_many, rng))
        print(
            f"{count} pictures, averages of {so_many}: truth {truth:.0f} bytes, mean estimate {np.mean(found):.0f},"
            f" interval holds it in {100 * inside / repeats:.1f} % (width {np.mean(widths):.0f});"
            f" drawn with replacement {np.mean(usual):.0f}; {1000 * seconds / repeats:.1f} ms of CPU a synset",
            flush=True,
        )


if __name__ == "__main__":
    main()
