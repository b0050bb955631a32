"""The curve behind `dedup.agreement`: copies found and different pictures merged, at each threshold.

    python scripts/bench/dedup_thresholds.py [FOLDER] [--pictures 200] [--set dedup.shape_agreement=0.9]
    python scripts/bench/dedup_thresholds.py FOLDER --merged        (lists the different files called the same)

FOLDER holds pictures, one of each subject. Copies are those of `picture_changes`; different pictures are all pairs of
originals and copies of different subjects. With --merged only the originals are compared, at the configured thresholds:
drawings, letters and coins say more about the rules for pictures with little to see than photographs do.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
from dedup import ORIGINAL, Copy, folder_of, heap, looks_of

from imagenet_build.config.load import load_config
from imagenet_build.config.models import DedupConfig
from imagenet_build.dedup.collapse import SAME, find_groups
from imagenet_build.dedup.decide import decide
from imagenet_build.dedup.groups import Standing
from imagenet_build.dedup.looks import Looks
from imagenet_build.dedup.propose import propose_pairs
from imagenet_build.dedup.shapes import propose_by_shape, shapes_of

THRESHOLDS = (0.60, 0.65, 0.70, 0.75, 0.80, 0.82, 0.85, 0.90, 0.95)


def proposed(looks: Looks, shapes: np.ndarray, config: DedupConfig) -> tuple[np.ndarray, np.ndarray]:
    """Every pair that a synset's grouping would look at."""
    found = [np.stack(block, axis=1) for block in propose_by_shape(shapes, config.propose_shape)]
    for right, bits in ((looks.dct, config.propose_bits), (looks.mirrored, config.propose_bits)):
        found.extend(propose_pairs(looks.dct, right, bits))
    found.extend(propose_pairs(looks.gradient, looks.gradient, config.gradient_bits))
    pairs = np.unique(np.concatenate(found).astype(np.int64), axis=0)
    return pairs[:, 0], pairs[:, 1]


def curve(pictures: list[Copy], config: DedupConfig) -> None:
    looks = looks_of(pictures)
    shapes = shapes_of(looks)
    i, j = proposed(looks, shapes, config)
    subject = np.array([copy.subject for copy in pictures])
    is_original = np.array([copy.change == ORIGINAL for copy in pictures])
    different = (len(subject) ** 2 - (np.bincount(subject) ** 2).sum()) // 2
    copied = int((~is_original).sum())
    true = (subject[i] == subject[j]) & (is_original[i] | is_original[j])
    false = subject[i] != subject[j]
    print(f"{len(pictures)} pictures, {copied} copies of which {true.sum() / copied:.2%} are proposed;")
    print(
        f"{different / 1e6:.1f} million pairs of different pictures of which {false.sum() / different:.3%} are proposed"
    )
    print(f"{'dedup.agreement':>16} {'copies found':>13} {'merged':>7} {'per million':>12}")
    for threshold in THRESHOLDS:
        at = config.model_copy(update={"agreement": threshold})
        found = decide(looks, shapes, i[true], j[true], at).same.sum()
        merged = decide(looks, shapes, i[false], j[false], at).same.sum()
        print(f"{threshold:16.2f} {found / copied:13.2%} {merged:7} {merged / different * 1e6:12.3f}", flush=True)


def merged(pictures: list[Copy], names: list[str], config: DedupConfig) -> None:
    looks = looks_of(pictures)
    known = find_groups(looks, [Standing(name, 1, "", at) for at, name in enumerate(names)], config).known
    named = dict(zip(looks.pixel_sha256, names, strict=True))
    print(f"{len(pictures)} pictures, {len(pictures) * (len(pictures) - 1) // 2} pairs; called the same:")
    for at in np.flatnonzero(known.state == SAME):
        how = "mirrored" if known.mirrored[at] else ""
        print(f"  {known.distance[at]:.3f} {how:9} {named[known.left[at]]} = {named[known.right[at]]}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, nargs="?")
    parser.add_argument("--pictures", type=int, default=200)
    parser.add_argument("--merged", action="store_true")
    parser.add_argument("--set", dest="sets", action="append", default=[], metavar="KEY=VALUE")
    parser.add_argument("--processes", type=int, default=2)
    arguments = parser.parse_args()
    config = load_config(None, arguments.sets).dedup
    folder = folder_of(arguments.folder)
    pictures = heap(folder, 10**6 if arguments.merged else arguments.pictures, arguments.processes)
    if not arguments.merged:
        curve(pictures, config)
        return
    pictures = [copy for copy in pictures if copy.change == ORIGINAL and copy.facts.width * copy.facts.height >= 4096]
    merged(pictures, [copy.name for copy in pictures], config)


if __name__ == "__main__":
    main()
