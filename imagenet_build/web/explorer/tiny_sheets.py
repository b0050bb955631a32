"""EDGE: the 32 x 32 pictures of a page in one small JPEG: something to see at once, and all there is without files."""

from __future__ import annotations

import io
from collections.abc import Sequence
from itertools import pairwise

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from PIL import Image

from imagenet_build.storage.places import Location, source_of, unreadable

SIDE_PX = 32
COLUMNS = 8
_ROWS_AT_ONCE = 512
_BUFFER_BYTES = 1 << 20
_QUALITY = 80
_GREY = 200


def read_tiny(path: Location, rows: Sequence[int]) -> dict[int, bytes]:
    """The tiny pictures of some rows of a manifest; only what lies before the last of them is read, piece by piece.

    Returns:
        row -> 3072 bytes; rows without a picture are left away.
    Raises:
        DataError: the file cannot be read.
    """
    found: dict[int, bytes] = {}
    try:
        with pq.ParquetFile(source_of(path), buffer_size=_BUFFER_BYTES, pre_buffer=False) as file:
            sizes = [file.metadata.row_group(group).num_rows for group in range(file.num_row_groups)]
            ends = np.cumsum([0, *sizes]).tolist()
            for group, (start, end) in enumerate(pairwise(ends)):
                wanted = sorted(row - start for row in set(rows) if start <= row < end)
                if wanted:
                    found.update({start + row: tiny for row, tiny in _of_group(file, group, wanted).items()})
    except (pa.ArrowException, OSError) as error:
        raise unreadable(path, error, "") from None
    return found


def _of_group(file: pq.ParquetFile, group: int, wanted: list[int]) -> dict[int, bytes]:
    found: dict[int, bytes] = {}
    start = 0
    for batch in file.iter_batches(_ROWS_AT_ONCE, row_groups=[group], columns=["tiny"], use_threads=False):
        column = batch.column(0)
        end = start + batch.num_rows
        for row in wanted:
            if start <= row < end and column[row - start].is_valid:
                found[row] = column[row - start].as_py()
        if end > wanted[-1]:
            break
        start = end
    return found


def sheet(tiny: Sequence[bytes | None]) -> bytes:
    """A JPEG with the pictures side by side, `COLUMNS` in a line; grey where there is none."""
    lines = max(1, -(-len(tiny) // COLUMNS))
    pixels = np.full((lines * SIDE_PX, COLUMNS * SIDE_PX, 3), _GREY, np.uint8)
    for place, data in enumerate(tiny):
        if data is not None and len(data) == SIDE_PX * SIDE_PX * 3:
            y, x = place // COLUMNS * SIDE_PX, place % COLUMNS * SIDE_PX
            pixels[y : y + SIDE_PX, x : x + SIDE_PX] = np.frombuffer(data, np.uint8).reshape(SIDE_PX, SIDE_PX, 3)
    out = io.BytesIO()
    Image.fromarray(pixels).save(out, "JPEG", quality=_QUALITY)
    return out.getvalue()
