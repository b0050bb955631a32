"""Pure: licences, hosts, sizes and colours of images, added up table by table; the order does not matter."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from math import prod, sqrt

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from imagenet_build.stats.sections import ColourStatistics, HostRow, Hosts, NamedCount, Sizes
from imagenet_build.stats.whole_numbers import binned, quantiles

TOP_HOSTS = 20
PICTURE_COLUMNS = ("url_key", "pixel_sha256", "size", "format", "width", "height")
LICENSE = "license"
_SIDE_STARTS = [1, *(32 << doubling for doubling in range(27))]
_CHANNELS = 3
_MOST_SUMMED = 30_000
"""Pictures whose squared values, up to 255 * 255 each, are added up in 32 bits."""


class PictureTally:
    """What there is to count about images without looking into them."""

    def __init__(self) -> None:
        self.images = 0
        self.bytes = 0
        self._widths: Counter[int] = Counter()
        self._heights: Counter[int] = Counter()
        self._shorter: Counter[int] = Counter()
        self._formats: Counter[str] = Counter()
        self._licenses: Counter[str] = Counter()
        self._accepted_licenses: Counter[str] = Counter()
        self.hosts: Counter[str] = Counter()
        self._pixels: list[NDArray[np.uint64]] = []

    def add(self, images: pa.Table, accepted: NDArray[np.bool_] | None = None) -> None:
        """Add images.

        Args:
            images: PICTURE_COLUMNS and, of manifests, LICENSE; nulls where no bytes were kept.
            accepted: (rows,); None: nothing was judged.
        """
        self.images += images.num_rows
        self.hosts.update(value_counts(host_of(images["url_key"])))
        if LICENSE in images.column_names:
            self._licenses.update(value_counts(images[LICENSE]))
            if accepted is not None:
                self._accepted_licenses.update(value_counts(images[LICENSE].filter(pa.array(accepted))))
        stored = images.filter(pc.is_valid(images["width"]))
        if not stored.num_rows:
            return
        self.bytes += pc.sum(stored["size"]).as_py() or 0
        width, height = (stored[name].to_numpy() for name in ("width", "height"))
        for into, numbers in (
            (self._widths, width),
            (self._heights, height),
            (self._shorter, np.minimum(width, height)),
        ):
            values, times = np.unique(numbers, return_counts=True)
            into.update(dict(zip(values.tolist(), times.tolist(), strict=True)))
        self._formats.update(value_counts(stored["format"]))
        self._pixels.append(_first_64_bits(stored["pixel_sha256"]))

    @property
    def stored(self) -> int:
        """Images whose bytes were kept."""
        return self._widths.total()

    def distinct_pictures(self) -> int:
        """Images whose decoded pixels differ, by the first 64 bits of the pixels' digest; 8 bytes an image are held."""
        return len(np.unique(np.concatenate(self._pixels))) if self._pixels else 0

    def licenses(self, *, judged: bool) -> tuple[NamedCount, ...]:
        """By licence code, most first."""
        return _named(self._licenses, self._accepted_licenses if judged else None)

    def sizes(self) -> Sizes | None:
        """Widths, heights, shorter sides, bytes and formats; None where no bytes were kept.

        Source:
            Deng et al., CVPR 2009, section 2, gives the average size of ImageNet's images as around 400 x 350.
        """
        width, height, shorter = (quantiles(of) for of in (self._widths, self._heights, self._shorter))
        if width is None or height is None or shorter is None:
            return None
        return Sizes(
            images=self.stored,
            mean_width=sum(side * times for side, times in self._widths.items()) / self.stored,
            mean_height=sum(side * times for side, times in self._heights.items()) / self.stored,
            width=width,
            height=height,
            shorter_side=shorter,
            shorter_sides=binned(self._shorter, _SIDE_STARTS),
            mean_bytes=self.bytes / self.stored,
            formats=_named(self._formats, None),
        )


def host_of(url_keys: pa.ChunkedArray) -> pa.ChunkedArray:
    """The host of each canonical URL (`//host/path`), with its port if it names one."""
    return pc.struct_field(pc.extract_regex(url_keys, r"^(?://)?(?P<host>[^/?#]*)"), "host")


def host_table(kept: Mapping[str, int], refused: Mapping[str, int]) -> Hosts:
    """The hosts with the most kept images (then the most refused, then by name), and all others together."""
    names = sorted(kept.keys() | refused.keys(), key=lambda host: (-kept.get(host, 0), -refused.get(host, 0), host))
    rows = [HostRow(host, kept.get(host, 0), refused.get(host, 0)) for host in names]
    others = rows[TOP_HOSTS:]
    rest = HostRow("", sum(row.kept for row in others), sum(row.refused for row in others))
    return Hosts(len(rows), tuple(rows[:TOP_HOSTS]), rest)


class ColourTally:
    """Sums of the tiny pictures, as integers: 2**63 holds 10**11 pictures."""

    def __init__(self) -> None:
        self.images = 0
        self._sums = np.zeros(_CHANNELS, np.int64)
        self._squares = np.zeros(_CHANNELS, np.int64)
        self._pixels = 0

    def add(self, tiny: NDArray[np.uint8]) -> None:
        """Add pictures: (n, height, width, 3)."""
        flat = tiny.reshape(len(tiny), prod(tiny.shape[1:]))
        for start in range(0, len(flat), _MOST_SUMMED):
            part = flat[start : start + _MOST_SUMMED]
            self._sums += part.sum(axis=0, dtype=np.uint32).reshape(-1, _CHANNELS).sum(axis=0, dtype=np.int64)
            squares = np.square(part, dtype=np.uint16).sum(axis=0, dtype=np.uint32)
            self._squares += squares.reshape(-1, _CHANNELS).sum(axis=0, dtype=np.int64)
        self.images += len(tiny)
        self._pixels += flat.size // _CHANNELS

    def result(self) -> ColourStatistics | None:
        """Mean and standard deviation of each channel; None without pictures."""
        if not self._pixels:
            return None
        pixels = self._pixels
        sums, squares = self._sums.tolist(), self._squares.tolist()
        mean = [total / pixels / 255 for total in sums]
        # the variance's numerator as one integer: no digit is lost however many pixels there are
        std = [
            sqrt((square * pixels - total * total) / (pixels * pixels)) / 255
            for total, square in zip(sums, squares, strict=True)
        ]
        return ColourStatistics(self.images, (mean[0], mean[1], mean[2]), (std[0], std[1], std[2]))


def value_counts(column: pa.ChunkedArray) -> dict[str, int]:
    """How often each text occurs; null counts as empty."""
    counted = pc.value_counts(column)
    values, times = counted.field("values").to_pylist(), counted.field("counts").to_pylist()
    counts: Counter[str] = Counter()
    for value, count in zip(values, times, strict=True):
        counts[value or ""] += count
    return counts


def _named(counts: Counter[str], accepted: Counter[str] | None) -> tuple[NamedCount, ...]:
    ordered = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    return tuple(NamedCount(name, count, None if accepted is None else accepted[name]) for name, count in ordered)


def _first_64_bits(digests: pa.ChunkedArray) -> NDArray[np.uint64]:
    """Hex digests -> their first 16 digits as numbers."""
    joined = "".join(digest[:16] for digest in digests.to_pylist())
    return np.frombuffer(bytes.fromhex(joined), np.uint64)
