"""All pairs of 64-bit hashes within a radius: seconds, memory and exactness, beside a plain numpy join.

    python scripts/bench/hash_join.py [--hashes N ...] [--radius 4] [--plain-most N] [--memory BYTES] [--folder FOLDER]

Each line is a process of its own. "Uniform": every bit by chance. "Photographs": bits that are set more or less often
(2 % to 98 %, so that two hashes agree in 13 bits some ten times as often), a fifth of them copies with up to 3 bits
changed, every fiftieth the same one. More than `--memory` holds goes through files below `--folder`, and from
100,000,000 on the hashes come in pieces, so that they are never in memory at once. The plain join divides the bits into
radius + 1 blocks, sorts by each, and compares all pairs in each group of equal blocks.

`--check` compares with the product of all hashes as rows of +1 and -1, at 100,000 hashes: the number of pairs and a
checksum of them; OPENBLAS_NUM_THREADS=1 makes it quicker. `--new N` is how long it takes to add N hashes to the others.
"""

from __future__ import annotations

import argparse
import json
import math
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from itertools import pairwise
from pathlib import Path

import numpy as np

from imagenet_build.dedup.hamming import Hashes, IntArray
from imagenet_build.dedup.join import MEMORY_BYTES, join, join_between
from imagenet_build.dedup.propose import propose_pairs

SEED = 20
PIECE = 1 << 20
CHECKED = 100_000


def uniform(count: int, rng: np.random.Generator) -> Hashes:
    return rng.integers(0, 2**64, count, dtype=np.uint64)


def photographs(count: int, rng: np.random.Generator) -> Hashes:
    often_set = np.clip(np.random.default_rng(SEED).normal(0.5, 0.22, 64), 0.02, 0.98)
    hashes = np.zeros(count, np.uint64)
    for bit in range(64):
        hashes |= (rng.random(count, np.float32) < often_set[bit]).astype(np.uint64) << np.uint64(bit)
    copies = hashes[rng.integers(0, count, count // 5)]
    for _ in range(3):
        change = np.uint64(1) << rng.integers(0, 64, len(copies), dtype=np.uint64)
        copies = copies ^ np.where(rng.random(len(copies)) < 0.5, change, np.uint64(0))
    hashes[rng.integers(0, count, len(copies))] = copies
    hashes[rng.integers(0, count, count // 50)] = 0
    return hashes


KINDS: dict[str, Callable[[int, np.random.Generator], Hashes]] = {"uniform": uniform, "photographs": photographs}


def pieces(kind: str, count: int) -> Iterator[Hashes]:
    for number, begin in enumerate(range(0, count, PIECE)):
        yield KINDS[kind](min(PIECE, count - begin), np.random.default_rng((SEED, number)))


def plain_join(hashes: Hashes, radius: int) -> Iterator[IntArray]:
    """Sort by each of radius + 1 blocks; compare within each group of equal blocks."""
    values, places = np.unique(hashes, return_index=True)
    edges = np.linspace(0, 64, radius + 2).astype(int)
    masks = [np.uint64((1 << end) - (1 << begin)) for begin, end in pairwise(edges.tolist())]
    for number, mask in enumerate(masks):
        order = (values & mask).argsort()
        by_block = values[order]
        bounds = np.flatnonzero(np.diff(by_block & mask)) + 1
        for begin, end in zip([0, *bounds.tolist()], [*bounds.tolist(), len(values)], strict=True):
            group = by_block[begin:end]
            for first in range(0, len(group), 64):
                differing = group[first : first + 64, None] ^ group[None, first:]
                i, j = np.nonzero(np.bitwise_count(differing) <= radius)
                new = i < j
                for earlier in masks[:number]:
                    new &= (differing[i, j] & earlier) != 0
                if new.any():
                    yield places[order[begin + first + np.stack([i[new], j[new]], axis=1)]]


def checksum(blocks: Iterable[IntArray]) -> tuple[int, int]:
    """Number of pairs, and a sum that does not depend on their order."""
    count, total = 0, 0
    for block in blocks:
        low, high = block.min(axis=1).astype(np.uint64), block.max(axis=1).astype(np.uint64)
        mixed = (low * np.uint64(0x9E3779B97F4A7C15) + high) * np.uint64(0xD6E8FEB86659FD93)
        total = (total + int((mixed ^ (mixed >> np.uint64(32))).sum(dtype=np.uint64))) % 2**64
        count += len(block)
    return count, total


def by_product(left: Hashes, right: Hashes, radius: int, first_only: bool) -> Iterator[IntArray]:
    """Pairs i < j, computed in another way: a distance is half of what 64 exceeds the product of signs by."""

    def signs(hashes: Hashes) -> np.ndarray:
        return np.unpackbits(hashes.view(np.uint8).reshape(-1, 8), axis=1).astype(np.float32) * 2 - 1

    one, other = signs(left), signs(right)
    is_first = np.isin(np.arange(len(left)), np.unique(left, return_index=True)[1])
    for begin in range(0, len(left), 64):
        rows = slice(begin, begin + 64)
        close = one[rows] @ other[begin:].T >= 64 - 2 * radius
        if left is not right:
            close |= other[rows] @ one[begin:].T >= 64 - 2 * radius
        i, j = np.divmod(np.flatnonzero(close), close.shape[1])
        i, j = i + begin, j + begin
        kept = (i < j) & ((is_first[i] & is_first[j]) | (not first_only))
        yield np.stack([i[kept], j[kept]], axis=1)


def check(radius: int) -> None:
    for kind, make in KINDS.items():
        hashes, mirrored = (make(CHECKED, np.random.default_rng((SEED, seed))) for seed in (1, 2))
        cases = [(f"join, {radius} bits", join(hashes, radius), by_product(hashes, hashes, radius, True))]
        for bits in (20, 24) if kind == "uniform" else (10, 14):
            for name, right in (("", hashes), (", mirrored", mirrored)):
                pairs = propose_pairs(hashes, right, bits)
                cases.append((f"propose, {bits} bits{name}", pairs, by_product(hashes, right, bits, False)))
        for name, found, expected in cases:
            begin = time.perf_counter()
            count, total = checksum(found)
            seconds = time.perf_counter() - begin
            equal = (count, total) == checksum(expected)
            print(
                f"  {kind}, {name}: {count:,} pairs in {seconds:.1f} s; {'equal' if equal else 'DIFFERENT'}", flush=True
            )


def small_lists() -> None:
    """What a synset costs: both kinds of hash, mirrored and not."""
    make = np.random.default_rng(SEED)
    dct, gradient, mirrored, mirrored_gradient = (uniform(10_000, make) for _ in range(4))
    for bits in (20, 24):
        begin = time.process_time()
        pairs = [
            sum(map(len, propose_pairs(left, right, bits)))
            for left, right in ((dct, dct), (gradient, gradient), (dct, mirrored), (gradient, mirrored_gradient))
        ]
        print(
            f"  10,000 hashes, {bits} bits: {time.process_time() - begin:.2f} CPU s for all four, {sum(pairs):,} pairs"
        )


def one_run(task: dict[str, object]) -> None:
    """Measure in this process, print JSON."""
    kind, count, radius, method = str(task["kind"]), int(str(task["hashes"])), int(str(task["radius"])), task["method"]
    folder, memory = Path(str(task["folder"])), int(str(task["memory"]))
    stream = count >= 100_000_000
    hashes = pieces(kind, count) if stream else np.concatenate(list(pieces(kind, count)))
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    begin, used = time.perf_counter(), time.process_time()
    if method == "plain":
        pairs = checksum(plain_join(hashes, radius))
    elif method == "new":
        pairs = checksum(
            join(hashes, radius, new_from=count - int(str(task["new"])), memory_bytes=memory, folder=folder)
        )
    elif method == "between":
        listed = photographs(int(str(task["new"])), np.random.default_rng(SEED))
        pairs = checksum(join_between(listed, hashes, radius, memory_bytes=memory, folder=folder))
    else:
        pairs = checksum(join(hashes, radius, memory_bytes=memory, folder=folder))
    answer = {"s": time.perf_counter() - begin, "cpu_s": time.process_time() - used, "pairs": pairs}
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    print(json.dumps({**answer, "start_mb": before / 1024, "peak_mb": peak / 1024}))


def measured(task: dict[str, object]) -> dict[str, float]:
    command = [sys.executable, __file__, "--task", json.dumps(task)]
    answer: dict[str, float] = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    return answer


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--hashes", type=int, nargs="*", default=[10**4, 10**5, 10**6, 10**7])
    parser.add_argument("--kinds", nargs="*", choices=list(KINDS), default=list(KINDS))
    parser.add_argument("--radius", type=int, default=4)
    parser.add_argument("--plain-most", type=int, default=10**6, help="the plain join is measured up to so many")
    parser.add_argument("--memory", type=int, default=MEMORY_BYTES, help="bytes")
    parser.add_argument("--new", type=int, default=0, help="so many of the hashes are new; also the length of a list")
    parser.add_argument("--folder", type=Path, default=Path.cwd(), help="for temporary files")
    parser.add_argument("--check", action="store_true")
    parser.add_argument("--task", type=json.loads, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.task:
        one_run(given.task)
        return
    if given.check:
        small_lists()
        check(given.radius)
    with tempfile.TemporaryDirectory(dir=given.folder) as folder:
        for kind in given.kinds:
            last: dict[str, tuple[int, float]] = {}
            for count in given.hashes:
                pairs = set()
                methods = ["join", *(["plain"] if count <= given.plain_most else [])]
                for method in [*methods, *(["new", "between"] if given.new else [])]:
                    limits = {"radius": given.radius, "memory": given.memory, "new": given.new, "folder": folder}
                    got = measured({"kind": kind, "hashes": count, "method": method, **limits})
                    line = f"{kind}, {count:,} hashes, {method}: {got['s']:.2f} s ({got['cpu_s']:.2f} CPU s), "
                    line += f"peak {got['peak_mb']:.0f} MB (before: {got['start_mb']:.0f}), {got['pairs'][0]:,} pairs"
                    if method in last:
                        fewer, seconds = last[method]
                        line += f", grows as n^{math.log(got['s'] / seconds) / math.log(count / fewer):.2f}"
                    last[method] = count, got["s"]
                    if method in ("join", "plain"):
                        pairs.add(tuple(got["pairs"]))
                    print(line, flush=True)
                if len(pairs) > 1:
                    raise SystemExit("the two joins found different pairs")


if __name__ == "__main__":
    main()
