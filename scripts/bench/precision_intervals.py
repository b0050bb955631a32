"""How often the intervals of `stats precision` hold the truth, on simulated runs; and how wide they are.

A simulated depth has synsets whose precisions come from a beta distribution (mean, and alpha + beta: the smaller, the
more synsets differ) and whose numbers of pictures are lognormal; each picture is right or wrong. Synsets are sampled,
then pictures in them, and the interval is held against the mean precision of the synsets that there are. Beside it
stand two usual intervals: Wilson's for a share of independent pictures, and Student's t over the synsets' shares.

Everything is printed from this one run; nothing fails on a figure.

    python scripts/bench/precision_intervals.py [--repeats 300] [--runs 300] [--seed 0]
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Sequence
from itertools import product
from math import sqrt
from typing import NamedTuple

import numpy as np

from imagenet_build.stats.precision_interval import Clusters, depth_precision, overall_precision
from imagenet_build.stats.sampling import allocate

MEANS = (0.6, 0.8, 0.9, 0.95, 0.99, 0.997)
SIZES = (2.0, 10.0, 50.0)
DESIGNS = ((8, 8), (8, 100), (20, 40), (80, 600))
PICTURES = (5, 20, 50)
DEPTHS_OF_RUN = (6, 14, 40, 90, 140, 120, 60, 25, 8)
"""Synsets at each depth, as in a subtree of WordNet of 500 synsets."""
_T_975 = {8: 2.365, 20: 2.093, 80: 1.990}


class Depth(NamedTuple):
    """A simulated depth and what was seen of it."""

    clusters: Clusters
    truth: float


def simulated(
    mean: float, size: float, sampled: int, synsets: int, pictures: int, rng: np.random.Generator, *, two_kinds: bool
) -> Depth:
    """One depth.

    Args:
        two_kinds: synsets are nearly perfect or half wrong (a word with a second sense), instead of beta distributed.
    """
    if two_kinds:
        share = np.where(rng.random(synsets) < 2 * (1 - mean), 0.5, 0.9999)
    else:
        share = rng.beta(mean * size, (1 - mean) * size, synsets)
    held = np.maximum(3, rng.lognormal(4.5, 1.0, synsets)).astype(np.int64)
    right = rng.binomial(held, share)
    chosen = rng.permutation(synsets)[:sampled]
    answered = np.minimum(pictures, held[chosen])
    correct = rng.hypergeometric(right[chosen], held[chosen] - right[chosen], answered)
    others = float((1 / np.delete(held, chosen)).sum())
    return Depth(Clusters(correct, answered, held[chosen], synsets, others), float((right / held).mean()))


def wilson(clusters: Clusters) -> tuple[float, float]:
    """Of independent pictures."""
    count, right = int(clusters.answered.sum()), int(clusters.correct.sum())
    share, square = right / count, 1.96**2
    middle = (share + square / (2 * count)) / (1 + square / count)
    reach = 1.96 * sqrt(share * (1 - share) / count + square / (4 * count**2)) / (1 + square / count)
    return middle - reach, middle + reach


def student(clusters: Clusters) -> tuple[float, float]:
    """Over the shares of the synsets, with the correction for how many there are."""
    shares = clusters.correct / clusters.answered
    count = len(shares)
    inside = (shares * (1 - shares) / np.maximum(1, clusters.answered - 1)).mean() / clusters.synsets
    variance = (1 - count / clusters.synsets) * shares.var(ddof=1) / count + inside
    reach = _T_975[count] * sqrt(float(variance))
    return float(shares.mean()) - reach, float(shares.mean()) + reach


def holds(interval: tuple[float, float], truth: float) -> bool:
    return interval[0] - 1e-9 <= truth <= interval[1] + 1e-9


def scenarios(repeats: int, seed: int, *, two_kinds: bool = False) -> None:
    """Coverage of each scenario."""
    print("synsets sampled of all, pictures each: coverage in % (mean width)\n" + " " * 13, end="")
    columns = list(product(DESIGNS, PICTURES))
    print(" ".join(f"{f'{k}/{all_},{n}':>13}" for (k, all_), n in columns))
    covered: dict[str, list[float]] = {"ours": [], "Wilson": [], "Student": []}
    where: list[tuple[float, str]] = []
    for mean, size in product(MEANS, SIZES[:1] if two_kinds else SIZES):
        line = []
        for (sampled, synsets), pictures in columns:
            rng = np.random.default_rng([seed, round(mean * 1000), round(size), sampled, synsets, pictures])
            held, width = dict.fromkeys(covered, 0), 0.0
            for _ in range(repeats):
                depth = simulated(mean, size, sampled, synsets, pictures, rng, two_kinds=two_kinds)
                ours = depth_precision(depth.clusters)[1:]
                width += (ours[1] - ours[0]) / repeats
                held["ours"] += holds(ours, depth.truth)
                held["Wilson"] += holds(wilson(depth.clusters), depth.truth)
                held["Student"] += holds(student(depth.clusters), depth.truth)
            for name, count in held.items():
                covered[name].append(count / repeats)
            share = held["ours"] / repeats
            where.append((share, f"mean {mean}, alpha + beta {size:g}, {sampled} of {synsets}, {pictures} pictures"))
            line.append(f"{100 * share:5.1f} ({width:.3f})")
        print(f"{mean:5} {size:4g}   " + " ".join(f"{cell:>13}" for cell in line), flush=True)
    for name, shares in covered.items():
        print(f"{name:8}: {100 * float(np.mean(shares)):.2f} % over all; worst scenario {100 * min(shares):.1f} %")
    for mean, part in zip(MEANS, np.array(covered["ours"]).reshape(len(MEANS), -1), strict=True):
        print(f"   mean {mean}: {100 * part.mean():.2f} %, from {100 * part.min():.1f} to {100 * part.max():.1f}")
    noise = 1.96 * sqrt(0.95 * 0.05 / repeats)
    surely = [f"{100 * share:.1f} {text}" for share, text in sorted(where) if abs(share - 0.95) > 0.01 + noise]
    print(f"{len(surely)} of {len(where)} scenarios are outside 94 to 96 % by more than chance (+- {100 * noise:.1f}):")
    print("   " + "\n   ".join(surely))


def whole_runs(runs: int, seed: int, synsets: int = 80) -> None:
    """Runs whose depths differ: the intervals of each depth, and of all depths together."""
    drawn = allocate(dict(enumerate(DEPTHS_OF_RUN)), synsets)
    print(f"whole runs: {synsets} synsets sampled over {len(DEPTHS_OF_RUN)} depths of {sum(DEPTHS_OF_RUN)} synsets")
    for two_kinds in (False, True):
        found = []
        for (lowest, highest), pictures in product(((0.6, 0.997), (0.97, 0.997)), (10, 25, 50)):
            rng = np.random.default_rng([seed, 1, round(lowest * 1000), pictures])
            tally = _runs(runs, (lowest, highest), drawn, pictures, rng, two_kinds=two_kinds)
            found.append(tally)
            print(
                f"  {'nearly perfect or half wrong' if two_kinds else 'beta distributed'}, means {lowest} to {highest},"
                f" {pictures} pictures each: each depth {100 * tally[0]:.2f} % (width {tally[1]:.3f}), all depths"
                f" together {100 * tally[2]:.2f} % (width {tally[3]:.3f})",
                flush=True,
            )
        mean = np.mean(found, axis=0)
        count = runs * len(found)
        print(
            f"  all of these: each depth {100 * mean[0]:.2f} % of {count * len(DEPTHS_OF_RUN):,},"
            f" all depths together {100 * mean[2]:.2f} % of {count:,}"
        )


def _runs(
    runs: int,
    between: tuple[float, float],
    drawn: dict[int, int],
    pictures: int,
    rng: np.random.Generator,
    *,
    two_kinds: bool,
) -> tuple[float, float, float, float]:
    """Coverage and mean width of each depth, then of all depths together."""
    shares = np.array(DEPTHS_OF_RUN) / sum(DEPTHS_OF_RUN)
    # uniform in the logit, so that there are as many runs near 0.99 as near 0.9
    ends = [float(np.log(end / (1 - end))) for end in between]
    held, widths, all_held, all_widths = 0, [], 0, []
    for _ in range(runs):
        logit, size = rng.uniform(*ends), float(np.exp(rng.uniform(*np.log([2, 100]))))
        depths = []
        for depth, number in enumerate(DEPTHS_OF_RUN):
            mean = float(1 / (1 + np.exp(-(logit + rng.normal(0, 0.3)))))
            depths.append(simulated(mean, size, drawn[depth], number, pictures, rng, two_kinds=two_kinds))
            _, low, high = depth_precision(depths[-1].clusters)
            held += holds((low, high), depths[-1].truth)
            widths.append(high - low)
        _, low, high = overall_precision([depth.clusters for depth in depths])
        all_held += holds((low, high), float(shares @ np.array([depth.truth for depth in depths])))
        all_widths.append(high - low)
    return held / len(widths), float(np.mean(widths)), all_held / runs, float(np.mean(all_widths))


def main(words: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeats", type=int, default=300, help="of each scenario")
    parser.add_argument("--runs", type=int, default=300, help="whole runs of each kind")
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args(words)
    began = time.perf_counter()
    if given.runs:
        whole_runs(given.runs, given.seed)
    if given.repeats:
        print("\nprecisions of synsets from beta distributions (rows: mean, alpha + beta)")
        scenarios(given.repeats, given.seed)
        print("\nsynsets nearly perfect or half wrong (rows: mean)")
        scenarios(given.repeats, given.seed, two_kinds=True)
    print(f"{time.perf_counter() - began:.0f} s")


if __name__ == "__main__":
    main()
