"""What a reduced JPEG decode costs and changes: drift of the hashes against `imagehash` on the full picture, and time.

    python scripts/bench/hash_drift.py [PHOTOS] [--copies 12]

PHOTOS: a folder of JPEG files; by default `photos` in $IMAGENET_BUILD_SHARED, or in `../shared` beside the checkout.
Three tables: each reduction forced on every photograph; the rule that is used (the largest reduction whose shorter side
keeps REDUCED_SIDE_PX), and what other values of that number would give, on cropped, resized and re-encoded copies.
"""

from __future__ import annotations

import argparse
import io
import os
import random
import time
from collections import Counter, defaultdict
from collections.abc import Iterator
from pathlib import Path

import imagehash
from PIL import Image, ImageOps

from imagenet_build.download import pixels
from imagenet_build.download.descriptors import dct_hashes, gradient_hash
from imagenet_build.download.inspect_bytes import inspect_bytes
from imagenet_build.records import ImageFacts

SIDES_PX = (16, 24, 32, 40, 48, 64, 96)
SHARED = Path(os.environ.get("IMAGENET_BUILD_SHARED") or Path(__file__).parents[3] / "shared")


def reference(data: bytes) -> tuple[int, int]:
    with Image.open(io.BytesIO(data)) as opened:
        upright = ImageOps.exif_transpose(opened).convert("RGB")
    return int(str(imagehash.phash(upright)), 16), int(str(imagehash.dhash(upright)), 16)


def reduced(data: bytes, by: int) -> tuple[int, int, int]:
    """DCT and gradient hash of the picture decoded at 1/by, and its shorter side in pixels."""
    with pixels.opened_picture(data, "JPEG") as opened:
        orientation = pixels.orientation_of(opened, "JPEG")
        box = None
        if by > 1:
            width, height = opened.size
            box = opened.draft(None, (width // by, height // by))[1]
        opened.load()
        grids = pixels.view_of(opened, box, orientation).grids
        return dct_hashes(grids.square)[0], gradient_hash(grids.gradient), min(opened.size)


def copies(data: bytes, count: int, rng: random.Random) -> Iterator[bytes]:
    with Image.open(io.BytesIO(data)) as opened:
        picture = opened.convert("RGB")
    for _ in range(count):
        left, top = rng.uniform(0, 0.4) * picture.width, rng.uniform(0, 0.4) * picture.height
        right = rng.uniform(left + picture.width / 2, picture.width)
        bottom = rng.uniform(top + picture.height / 2, picture.height)
        cut = picture.crop((round(left), round(top), round(right), round(bottom)))
        zoom = rng.uniform(0.4, 1.5)
        cut = cut.resize([max(64, round(side * zoom)) for side in cut.size], Image.Resampling.LANCZOS)
        buffer = io.BytesIO()
        cut.save(buffer, "JPEG", quality=rng.choice([60, 80, 92]))
        yield buffer.getvalue()


def line(name: str, dct: Counter[int], gradient: Counter[int]) -> str:
    total = dct.total()
    shown = "  ".join(f"{bits}: {count}" for bits, count in sorted(dct.items()))
    mean = sum(bits * count for bits, count in gradient.items()) / total
    return (
        f"{name:<24} {total:>6}  DCT bits {shown:<44} max {max(dct):>2}   gradient mean {mean:.2f} max {max(gradient)}"
    )


def forced(photos: list[bytes]) -> None:
    print("Each reduction on every photograph (bits of drift: number of pictures)")
    wanted = [reference(data) for data in photos]
    for by in (1, 2, 4, 8):
        dct: Counter[int] = Counter()
        gradient: Counter[int] = Counter()
        begun = time.process_time()
        found = [reduced(data, by) for data in photos]
        spent = (time.process_time() - begun) / len(photos)
        for (own_dct, own_gradient, _), (full_dct, full_gradient) in zip(found, wanted, strict=True):
            dct[(own_dct ^ full_dct).bit_count()] += 1
            gradient[(own_gradient ^ full_gradient).bit_count()] += 1
        print(line(f"1/{by}  {spent * 1000:.2f} ms CPU", dct, gradient))


def as_used(photos: list[bytes]) -> None:
    dct: Counter[int] = Counter()
    gradient: Counter[int] = Counter()
    mirrored: Counter[int] = Counter()
    spent = 0.0
    for data in photos:
        begun = time.process_time()
        facts = inspect_bytes(data, formats=("JPEG",), min_side_px=1, max_pixels=10**9)
        spent += time.process_time() - begun
        assert isinstance(facts, ImageFacts), facts
        full_dct, full_gradient = reference(data)
        dct[(facts.dct_hash ^ full_dct).bit_count()] += 1
        gradient[(facts.gradient_hash ^ full_gradient).bit_count()] += 1
        with Image.open(io.BytesIO(data)) as opened:
            turned = ImageOps.mirror(ImageOps.exif_transpose(opened).convert("RGB"))
        mirrored[(facts.mirrored_hash ^ int(str(imagehash.phash(turned)), 16)).bit_count()] += 1
    print(f"\nAs used (the shorter side keeps {pixels.REDUCED_SIDE_PX} px): whole inspection")
    print(line(f"{spent / len(photos) * 1000:.2f} ms CPU", dct, gradient))
    print(line("mirrored", mirrored, Counter({0: 1})).partition("   gradient")[0])


def by_side(photos: list[bytes], count: int) -> None:
    found: defaultdict[tuple[int, int], list[Counter[int]]] = defaultdict(lambda: [Counter(), Counter()])
    rng = random.Random(1)
    for photo in photos:
        for data in copies(photo, count, rng):
            full_dct, full_gradient = reference(data)
            for by in (2, 4, 8):
                dct, gradient, side = reduced(data, by)
                known = max((limit for limit in SIDES_PX if limit <= side), default=0)
                found[known, by][0][(dct ^ full_dct).bit_count()] += 1
                found[known, by][1][(gradient ^ full_gradient).bit_count()] += 1
    print(f"\nBy the reduced shorter side, {count} copies of each photograph")
    for (side, by), (dct, gradient) in sorted(found.items()):
        print(line(f"{side:>3} px and more, 1/{by}", dct, gradient))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("photos", type=Path, nargs="?", default=SHARED / "photos")
    parser.add_argument("--copies", type=int, default=12, help="copies of each photograph for the last table")
    args = parser.parse_args()
    photos = [path.read_bytes() for path in sorted(args.photos.glob("*.jp*g"))]
    if not photos:
        parser.error(f"no JPEG files in {args.photos}")
    forced(photos)
    as_used(photos)
    by_side(photos, args.copies)


if __name__ == "__main__":
    main()
