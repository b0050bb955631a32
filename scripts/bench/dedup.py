"""How many copies are found, how many different pictures are merged, and how long it takes, beside imagededup.

    python scripts/bench/dedup.py quality [FOLDER] [--pictures 200]       (about 5 minutes)
    python scripts/bench/dedup.py speed [FOLDER] [--pictures 10000]       (about 5 minutes)
    python scripts/bench/dedup.py shuffles [FOLDER]                       (about 5 minutes)

FOLDER holds photographs, one of each subject; without it those of ../shared/photos, or else generated ones. Every one
is changed as `picture_changes` has it. A copy is found if it and its original are called the same by themselves, and
grouped if they end in one group when all pictures lie in one heap. False pairs are counted among all pairs of pictures
of different subjects.
"""

from __future__ import annotations

import argparse
import io
import os
import random
import resource
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import imagededup_env
import numpy as np
from picture_changes import changed
from PIL import Image

from imagenet_build.config.models import DedupConfig
from imagenet_build.dedup.collapse import Grouping, find_groups
from imagenet_build.dedup.groups import Standing
from imagenet_build.dedup.looks import Looks
from imagenet_build.download.inspect_bytes import inspect_bytes
from imagenet_build.records import ImageFacts

CONFIG = DedupConfig()
ORIGINAL = "original"
WORK = Path(tempfile.gettempdir()) / "imagenet-build-bench-dedup"


@dataclass(frozen=True)
class Copy:
    """One picture of the heap."""

    subject: int
    change: str
    file: str
    """Name of its own."""
    facts: ImageFacts
    name: str = ""
    """Of the picture that it was made from."""


def folder_of(named: Path | None) -> Path | None:
    if named:
        return named
    shared = os.environ.get("IMAGENET_BUILD_SHARED") or Path(__file__).parents[2].parent / "shared"
    photos = Path(shared) / "photos"
    return photos if photos.is_dir() else None


def originals(folder: Path | None, count: int) -> list[tuple[int, str, bytes]]:
    """Subject, name, bytes."""
    if folder:
        files = sorted(path for path in folder.rglob("*") if path.suffix.lower() in (".jpg", ".jpeg", ".png"))
        return [(at, str(path.relative_to(folder)), path.read_bytes()) for at, path in enumerate(files[:count])]
    sys.path.insert(0, str(Path(__file__).parents[2]))
    from tests.fakes.pictures import photo

    return [(seed, f"{seed}.jpg", photo(seed, 500, 375)) for seed in range(count)]


def copies(job: tuple[int, str, bytes, str | None]) -> list[Copy]:
    """A picture and its changed copies; written to a folder if one is named."""
    subject, name, data, out = job
    with Image.open(io.BytesIO(data)) as opened:
        picture = opened.convert("RGB")
    made = []
    for change, body in [(ORIGINAL, data), *changed(picture, name)]:
        facts = inspect_bytes(body, formats=("JPEG", "PNG", "WEBP", "GIF"), min_side_px=1, max_pixels=10**9)
        if isinstance(facts, ImageFacts):
            file = f"{subject:05d}-{change.replace(' ', '_').replace('%', 'percent')}.{facts.format.lower()}"
            if out:
                (Path(out) / file).write_bytes(body)
            made.append(Copy(subject, change, file, facts, name))
        else:
            print(f"{name}, {change}: {facts}", flush=True)
    return made


def heap(folder: Path | None, count: int, processes: int, out: Path | None = None) -> list[Copy]:
    jobs = [(*each, str(out) if out else None) for each in originals(folder, count)]
    with ProcessPoolExecutor(processes) as pool:
        return [copy for made in pool.map(copies, jobs, chunksize=4) for copy in made]


def looks_of(pictures: list[Copy]) -> Looks:
    facts = [copy.facts for copy in pictures]
    dct, mirrored, gradient = (
        np.array([getattr(each, name) for each in facts], np.uint64)
        for name in ("dct_hash", "mirrored_hash", "gradient_hash")
    )
    tiny = np.frombuffer(b"".join(each.tiny for each in facts), np.uint8).reshape(-1, 32, 32, 3)
    return Looks([each.sha256 for each in facts], [each.pixel_sha256 for each in facts], dct, mirrored, gradient, tiny)


def grouped(pictures: list[Copy], looks: Looks) -> Grouping:
    standings = [Standing(copy.file, copy.facts.width * copy.facts.height, "", 0) for copy in pictures]
    return find_groups(looks, standings, CONFIG)


def quality(folder: Path | None, count: int, processes: int) -> None:
    WORK.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(dir=WORK) as files:
        pictures = heap(folder, count, processes, Path(files))
        theirs = imagededup_env.duplicates(imagededup_env.install(WORK), Path(files), WORK)["found"]
    looks = looks_of(pictures)
    first = {copy.subject: at for at, copy in enumerate(pictures) if copy.change == ORIGINAL}
    pairs = [(first[copy.subject], at) for at, copy in enumerate(pictures) if copy.change != ORIGINAL]
    alone = [is_found([pictures[i], pictures[j]], looks.take(np.array([i, j]))) for i, j in pairs]
    found = grouped(pictures, looks)
    kept = list(range(len(pictures)))
    for member in found.members:
        kept[member.index] = member.kept
    made: Counter[str] = Counter(pictures[j].change for _, j in pairs)
    counts = {name: [0, 0, 0] for name in made}
    for (i, j), hit in zip(pairs, alone, strict=True):
        row = counts[pictures[j].change]
        row[0] += hit
        row[1] += kept[i] == kept[j]
        row[2] += pictures[j].file in theirs[pictures[i].file]
    print(f"{len(first)} photographs, {len(pictures)} pictures")
    print(f"{'':26} {'found':>7} {'grouped':>8} {'imagededup':>11}")
    for name, row in counts.items():
        print(
            f"{name:26} "
            + " ".join(f"{part / made[name]:{width}.1%}" for part, width in zip(row, (7, 8, 11), strict=True))
        )
    total = [sum(row[at] for row in counts.values()) / len(pairs) for at in range(3)]
    print(f"{'all':26} " + " ".join(f"{part:{width}.1%}" for part, width in zip(total, (7, 8, 11), strict=True)))
    different = (len(pictures) ** 2 - sum(size**2 for size in Counter(copy.subject for copy in pictures).values())) // 2
    false = sum(pictures[member.index].subject != pictures[member.kept].subject for member in found.members)
    subject = {copy.file: copy.subject for copy in pictures}
    their_false = sum(subject[name] != subject[other] for name, others in theirs.items() for other in others) // 2
    print(
        f"false pairs per million of {different / 1e6:.1f} million: {false / different * 1e6:.2f}"
        f" (imagededup {their_false / different * 1e6:.2f}); the closest refused pair has a distance of"
        f" {closest_false(pictures, found):.3f}, the limit is {1 - CONFIG.agreement:.2f}"
    )


def is_found(pair: list[Copy], looks: Looks) -> bool:
    return len(grouped(pair, looks).members) == 1


def closest_false(pictures: list[Copy], found: Grouping) -> float:
    misses = (
        miss.distance for miss in found.near_misses if pictures[miss.left].subject != pictures[miss.right].subject
    )
    return min(misses, default=1.0)


def synset(folder: Path | None, count: int, processes: int) -> Iterator[Copy]:
    """A heap like that of a synset: photographs, mostly different ones, that is cuts of those there are, and copies."""
    jobs = originals(folder, 10**6)
    each = -(-count // len(jobs))
    with ProcessPoolExecutor(processes) as pool:
        for made in pool.map(cuts, [(*job, each) for job in jobs], chunksize=4):
            yield from made


def cuts(job: tuple[int, str, bytes, int]) -> list[Copy]:
    """What is compared of some cuts of a picture."""
    subject, name, data, count = job
    made = []
    for number, body in enumerate(cut_out(name, data, count)):
        facts = inspect_bytes(body, formats=("JPEG",), min_side_px=1, max_pixels=10**9)
        if isinstance(facts, ImageFacts):
            made.append(Copy(subject, str(number), f"{subject:05d}-{number}.jpg", facts))
    return made


def cut_out(name: str, data: bytes, count: int) -> Iterator[bytes]:
    """Parts of a picture, 30 to 60 % of its sides, some mirrored: other pictures of the same kind of world."""
    rng = random.Random(name)
    with Image.open(io.BytesIO(data)) as opened:
        picture = opened.convert("RGB")
    for _ in range(count):
        wide, high = (round(side * rng.uniform(0.3, 0.6)) for side in picture.size)
        left, top = rng.randrange(picture.width - wide + 1), rng.randrange(picture.height - high + 1)
        part = picture.crop((left, top, left + wide, top + high))
        if rng.random() < 0.5:
            part = part.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
        buffer = io.BytesIO()
        part.save(buffer, "JPEG", quality=rng.choice((60, 80, 90)))
        yield buffer.getvalue()


def bodies(folder: Path | None, count: int) -> Iterator[bytes]:
    """The files of `synset`."""
    every = originals(folder, 10**6)
    for _, name, data in every:
        yield from cut_out(name, data, -(-count // len(every)))


def speed(folder: Path | None, count: int, processes: int) -> None:
    print(f"{'pictures':>9} {'seconds':>8} {'CPU s':>7} {'pairs':>9} {'decided':>8} {'not kept':>8} {'MB':>6}")
    timed = []
    every = list(synset(folder, count, processes))
    random.Random(1).shuffle(every)
    for size in sorted({max(1, count // 8), max(1, count // 4), count // 2, count}):
        pictures = every[:size]
        looks = looks_of(pictures)
        started, cpu = time.perf_counter(), time.process_time()
        found = grouped(pictures, looks)
        seconds, cpu = time.perf_counter() - started, time.process_time() - cpu
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1000
        decided = int((found.known.state > 0).sum())
        numbers = f"{size:9} {seconds:8.2f} {cpu:7.2f} {len(found.known.left):9} {decided:8}"
        print(f"{numbers} {len(found.members):8} {peak:6.0f}", flush=True)
        timed.append((size, seconds))
    sizes, seconds_of = np.log(np.array(timed)).T
    print(f"growth exponent {np.polyfit(sizes, seconds_of, 1)[0]:.2f}")
    copied = heap(folder, -(-count // 22), processes)[:count]
    started = time.perf_counter()
    found = grouped(copied, looks_of(copied))
    seconds = time.perf_counter() - started
    print(f"{len(copied)} pictures of which most are copies: {seconds:.2f} s, {len(found.members)} not kept")
    WORK.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(dir=WORK) as files:
        for at, data in enumerate(bodies(folder, count)):
            (Path(files) / f"{at:06d}.jpg").write_bytes(data)
        theirs = imagededup_env.duplicates(imagededup_env.install(WORK), Path(files), WORK)
    print(f"imagededup, PHash, {count} pictures: {theirs['find_s']:.1f} s for finding pairs of close hashes")


def shuffles(folder: Path | None, count: int, processes: int) -> None:
    pictures = heap(folder, count, processes)
    rng = random.Random(0)
    outcomes = set()
    for _ in range(20):
        rng.shuffle(pictures)
        found = grouped(pictures, looks_of(pictures))
        outcomes.add(
            frozenset(
                (pictures[member.index].file, pictures[member.kept].file, member.reason, member.distance)
                for member in found.members
            )
        )
    print(f"{len(pictures)} pictures in 20 orders: {len(outcomes)} different outcome(s)")
    if len(outcomes) != 1:
        sys.exit(1)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=("quality", "speed", "shuffles"))
    parser.add_argument("folder", type=Path, nargs="?")
    parser.add_argument("--pictures", type=int)
    parser.add_argument("--processes", type=int, default=2)
    arguments = parser.parse_args()
    folder = folder_of(arguments.folder)
    run, usual = {"quality": (quality, 10**6), "speed": (speed, 10_000), "shuffles": (shuffles, 60)}[arguments.what]
    run(folder, arguments.pictures or (usual if folder else min(usual, 200)), arguments.processes)


if __name__ == "__main__":
    main()
