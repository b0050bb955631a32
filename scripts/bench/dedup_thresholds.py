"""Measures the dedup rule on a folder of pictures: how many copies it finds, and which different pictures it merges.

    python scripts/bench/dedup_thresholds.py FOLDER [--set dedup.tiny_difference=0.25] [--processes 2]

Every picture is put on white, then encoded again, resized and cropped; a copy is found if it is proposed and decided to
be the same. Among the originals, pairs of different files are compared, all of them; those called the same are listed.
"""

from __future__ import annotations

import argparse
import io
import random
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

from PIL import Image, ImageOps

from imagenet_build.config.load import load_config
from imagenet_build.config.models import DedupConfig
from imagenet_build.dedup.decide import Look, compare
from imagenet_build.dedup.stage import proposed_pairs
from imagenet_build.download.inspect_bytes import inspect_bytes
from imagenet_build.records import ImageFacts

FORMATS = ("JPEG", "PNG", "WEBP", "GIF")
MIN_SIDE_PX = 64
"""What the download stage refuses is of no interest here."""


def copies(picture: Image.Image, seed: str) -> Iterator[tuple[str, bytes]]:
    """Name and bytes of the copies that the web makes of a picture."""
    for quality in (30, 50, 75, 95):
        yield f"JPEG {quality}", encoded(picture, quality)
    for percent in (50, 75, 150, 200):
        size = (max(1, picture.width * percent // 100), max(1, picture.height * percent // 100))
        yield f"{percent} %, JPEG 82", encoded(picture.resize(size, Image.Resampling.LANCZOS), 82)
    rng = random.Random(seed)
    for percent in (1, 2, 3, 5):
        left, top = (rng.uniform(0, percent / 100) for _ in range(2))
        width, height = picture.width * (1 - percent / 100), picture.height * (1 - percent / 100)
        x, y = round(picture.width * left), round(picture.height * top)
        yield f"{percent} % cropped, JPEG 90", encoded(picture.crop((x, y, x + round(width), y + round(height))), 90)
    yield "grey, JPEG 90", encoded(picture.convert("L"), 90)
    darker = picture.point([min(255, round(255 * (level / 255) ** 1.1)) for level in range(256)] * 3)
    yield "a little darker, JPEG 90", encoded(darker, 90)


def encoded(picture: Image.Image, quality: int) -> bytes:
    buffer = io.BytesIO()
    picture.save(buffer, "JPEG", quality=quality)
    return buffer.getvalue()


def look_at(data: bytes) -> Look | None:
    facts = inspect_bytes(data, formats=FORMATS, min_side_px=MIN_SIDE_PX, max_pixels=10**9)
    if not isinstance(facts, ImageFacts):
        return None
    return Look(facts.sha256, facts.pixel_sha256, facts.dct_hash, facts.gradient_hash, facts.tiny)


def measure(job: tuple[Path, DedupConfig]) -> tuple[Path, Look | None, dict[str, bool]]:
    path, config = job
    data = path.read_bytes()
    original = look_at(data)
    found: dict[str, bool] = {}
    if original is not None:
        with Image.open(io.BytesIO(data)) as opened:
            layered = ImageOps.exif_transpose(opened).convert("RGBA")
        picture = Image.alpha_composite(Image.new("RGBA", layered.size, "white"), layered).convert("RGB")
        for name, copy in copies(picture, path.name):
            look = look_at(copy)
            if look is not None:
                proposed = any(proposed_pairs([original, look], config))
                found[name] = proposed and compare(original, look, config).same
    return path, original, found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--set", dest="sets", action="append", default=[], metavar="KEY=VALUE")
    parser.add_argument("--processes", type=int, default=2)
    arguments = parser.parse_args()
    config = load_config(None, arguments.sets).dedup
    paths = sorted(path for path in arguments.folder.rglob("*") if path.suffix.lower() in (".jpg", ".jpeg", ".png"))
    with ProcessPoolExecutor(arguments.processes) as pool:
        measured = list(pool.map(measure, [(path, config) for path in paths], chunksize=8))
    made: Counter[str] = Counter()
    found: Counter[str] = Counter()
    for _, _, outcome in measured:
        made.update(outcome.keys())
        found.update(name for name, same in outcome.items() if same)
    for name, count in made.items():
        print(f"{name:28} {found[name]:6} of {count:6} found  {found[name] / count:7.2%}")
    looks = [(path, look) for path, look, _ in measured if look is not None]
    every = [look for _, look in looks]
    pairs = list(proposed_pairs(every, config))
    print(f"{len(every)} pictures, {len(every) * (len(every) - 1) // 2} pairs, {len(pairs)} proposed; called the same:")
    for i, j in pairs:
        comparison = compare(every[i], every[j], config)
        if comparison.same:
            names = " = ".join(str(looks[place][0].relative_to(arguments.folder)) for place in (i, j))
            print(f"  {comparison.reason:11} {comparison.difference:.3f} {comparison.worst:5.1f}  {names}")


if __name__ == "__main__":
    main()
