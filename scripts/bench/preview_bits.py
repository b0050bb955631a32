"""How far a preview's DCT hash is from its picture's, and from other pictures': where `KNOWN_BITS` comes from.

    python scripts/bench/preview_bits.py [PHOTOS]

PHOTOS: a folder of JPEG files; by default `photos` in $IMAGENET_BUILD_SHARED, or in `../shared` beside the checkout.
Previews are JPEG files of a picture with a longer side of 150 to 400 px, resized by two filters and coded at two
qualities. All hashes are those that the download stage computes.

@@TABLE@@
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
from imagenet_build.download.previews import INFORMATIVE_BITS, KNOWN_BITS
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
    for place, data in enumerate(photos):
        for side, file in previews(data):
            seen = dct_hash(file)
            drift[side][(seen ^ pictures[place]).bit_count()] += 1
            small_bytes[side].append(len(file))
            others.update((seen ^ other).bit_count() for at, other in enumerate(pictures) if at != place)
    mean = sum(map(len, photos)) / len(photos)
    print(f"{len(photos)} photographs of {mean / 1000:.0f} kB; bits set in their hashes: ", end="")
    print(counted(Counter(map(int.bit_count, pictures))))
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
    print(f"Pictures whose hash has fewer than {INFORMATIVE_BITS} bits set or unset: ", end="")
    print(sum(min(each.bit_count(), 64 - each.bit_count()) < INFORMATIVE_BITS for each in pictures))


if __name__ == "__main__":
    main()
