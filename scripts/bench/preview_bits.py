"""How far a preview's DCT hash is from its picture's, and from other pictures': where `KNOWN_BITS` comes from.

    python scripts/bench/preview_bits.py [PHOTOS]

PHOTOS: a folder of JPEG files; by default `photos` in $IMAGENET_BUILD_SHARED, or in `../shared` beside the checkout.
Previews are JPEG files of a picture with a longer side of 150 to 400 px, resized by two filters and coded at two
qualities. All hashes are those that the download stage computes.

Of 200 photographs of 200 classes (mostly 500 px, 110 kB on average) it said:

    Preview and its own picture, bits that differ: number of previews
      150 px,  4.2 kB   0: 625  2: 157  4: 10
      200 px,  6.5 kB   0: 635  2: 134  4: 6  6: 1
      250 px,  9.5 kB   0: 631  2: 121
      320 px, 14.4 kB   0: 621  2: 125  4: 2
      400 px, 21.7 kB   0: 557  2: 134  4: 3  6: 2
    within 0: 81.54 % of their own, within 2: 99.36 %, within 4: 99.92 %, within 6: 100 %; of other pictures: none
    Nearest other picture: 16 bits of 749036 pairs; on average 31.5

Hashes compare with a median, so half of their bits are set and two differ in an even number. Several photographs of one
scene are not among these: they are nearer to each other, and what is within `KNOWN_BITS` of them is a duplicate to the
stage dedup too, wherever the gradient hash and the tiny image agree.
"""

from __future__ import annotations

import argparse
import io
import itertools
import os
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from PIL import Image

from imagenet_build.download.inspect_bytes import inspect_bytes
from imagenet_build.download.previews import HALF, KNOWN_BITS, bits_between
from imagenet_build.records import Rejection

SHARED = Path(os.environ.get("IMAGENET_BUILD_SHARED") or Path(__file__).parents[3] / "shared")
LONGER_SIDES_PX = (150, 200, 250, 320, 400)
FILTERS = (Image.Resampling.LANCZOS, Image.Resampling.BOX)
QUALITIES = (50, 80)


def dct_hash(data: bytes) -> int:
    facts = inspect_bytes(data, formats=("JPEG",), min_side_px=1, max_pixels=100_000_000)
    if isinstance(facts, Rejection):
        raise SystemExit(f"a picture is refused: {facts}")
    return facts.dct_hash


def previews(data: bytes) -> Iterator[tuple[int, bytes]]:
    """(longer side in pixels, file)."""
    with Image.open(io.BytesIO(data)) as opened:
        picture = opened.convert("RGB")
    for side, resample, quality in itertools.product(LONGER_SIDES_PX, FILTERS, QUALITIES):
        scale = side / max(picture.size)
        if scale < 1:
            small = picture.resize([max(1, round(length * scale)) for length in picture.size], resample)
            buffer = io.BytesIO()
            small.save(buffer, "JPEG", quality=quality)
            yield side, buffer.getvalue()


def counted(bits: Counter[int]) -> str:
    return "  ".join(f"{number}: {bits[number]}" for number in sorted(bits))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("photos", type=Path, nargs="?", default=SHARED / "photos")
    photos = [path.read_bytes() for path in sorted(parser.parse_args().photos.glob("*.jp*g"))]
    if not photos:
        raise SystemExit("no photographs there")
    pictures = [dct_hash(data) for data in photos]
    drift: dict[int, Counter[int]] = {side: Counter() for side in LONGER_SIDES_PX}
    others: Counter[int] = Counter()
    small_bytes: dict[int, list[int]] = {side: [] for side in LONGER_SIDES_PX}
    flat = sum(each.bit_count() != HALF for each in pictures)
    for place, data in enumerate(photos):
        for side, file in previews(data):
            seen = dct_hash(file)
            flat += seen.bit_count() != HALF
            drift[side][bits_between(seen, pictures[place])] += 1
            small_bytes[side].append(len(file))
            others.update(bits_between(seen, other) for at, other in enumerate(pictures) if at != place)
    mean = sum(map(len, photos)) / len(photos)
    print(f"{len(photos)} photographs of {mean / 1000:.0f} kB")
    print("Preview and its own picture, bits that differ: number of previews")
    for side, found in drift.items():
        size = sum(small_bytes[side]) / max(1, len(small_bytes[side]))
        print(f"  {side} px, {size / 1000:4.1f} kB   {counted(found)}")
    total = sum(drift.values(), Counter())
    for bits in range(9):
        within = sum(count for differ, count in total.items() if differ <= bits)
        wrong = sum(count for differ, count in others.items() if differ <= bits)
        mark = "  <- KNOWN_BITS" if bits == KNOWN_BITS else ""
        print(f"  within {bits}: {100 * within / total.total():6.2f} % of their own, {wrong} of other pictures{mark}")
    print(f"Nearest other picture: {min(others)} bits of {others.total()} pairs; on average ", end="")
    print(f"{sum(bits * count for bits, count in others.items()) / others.total():.1f}")
    print(f"Pictures and previews whose hash has not {HALF} bits set: {flat}")


if __name__ == "__main__":
    main()
