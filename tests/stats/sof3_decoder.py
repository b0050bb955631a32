"""A decoder of lossless JPEG for the tests, written from ITU-T T.81 one bit at a time, with no regard for speed."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def decode(data: bytes) -> NDArray[np.uint8]:
    assert data[:2] == b"\xff\xd8"
    assert data[-2:] == b"\xff\xd9"
    place, height, width, parts = 2, 0, 0, 0
    codes: dict[tuple[int, int], int] = {}
    while True:
        marker, size = data[place : place + 2], int.from_bytes(data[place + 2 : place + 4], "big")
        body = data[place + 4 : place + 2 + size]
        place += 2 + size
        if marker == b"\xff\xc3":
            assert body[0] == 8
            height, width, parts = int.from_bytes(body[1:3], "big"), int.from_bytes(body[3:5], "big"), body[5]
        elif marker == b"\xff\xc4":
            codes = _codes(body[1:17], body[17:])
        elif marker == b"\xff\xda":
            return _scan(data[place:-2], codes, (height, width, parts), predictor=body[-3])


def _codes(counts: bytes, symbols: bytes) -> dict[tuple[int, int], int]:
    """(length, word) -> symbol; Annex C."""
    found, word, at = {}, 0, 0
    for length, count in enumerate(counts, start=1):
        for _ in range(count):
            found[length, word] = symbols[at]
            word, at = word + 1, at + 1
        assert word < 1 << length, "a word of ones only"
        word <<= 1
    return found


def _scan(
    data: bytes, codes: dict[tuple[int, int], int], shape: tuple[int, int, int], predictor: int
) -> NDArray[np.uint8]:
    text = "".join(f"{byte:08b}" for byte in data.replace(b"\xff\x00", b"\xff"))
    at = 0
    out = np.zeros(shape, np.int64)
    for y in range(shape[0]):
        for x in range(shape[1]):
            for part in range(shape[2]):
                length = 1
                while (length, int(text[at : at + length], 2)) not in codes:
                    length += 1
                bits = codes[length, int(text[at : at + length], 2)]
                at += length
                value = int(text[at : at + bits] or "0", 2)
                at += bits
                if bits and value < 1 << (bits - 1):
                    value -= (1 << bits) - 1
                out[y, x, part] = (_predicted(out[..., part], y, x, predictor) + value) % 65536
    assert set(text[at:]) <= {"1"}
    assert len(text) - at < 8
    assert out.max(initial=0) < 256
    return out.astype(np.uint8)


def _predicted(plane: NDArray[np.int64], y: int, x: int, predictor: int) -> int:
    if y == 0:
        return int(plane[0, x - 1]) if x else 128
    if x == 0:
        return int(plane[y - 1, 0])
    left, above, corner = int(plane[y, x - 1]), int(plane[y - 1, x]), int(plane[y - 1, x - 1])
    return [
        left,
        above,
        corner,
        left + above - corner,
        left + ((above - corner) >> 1),
        above + ((left - corner) >> 1),
        (left + above) >> 1,
    ][predictor - 1]
