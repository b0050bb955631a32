"""Pure: RGB pictures as lossless JPEG files (process 14 of ITU-T T.81: SOF3, prediction and Huffman codes).

Written out here because the size of the file is itself the statistic: it must not change with the version of a library.
Nothing but integers is used, so the bytes are the same on every machine. The files hold the least that a decoder needs:
no JFIF header, one Huffman table for all components, the components named R, G, B (which decoders take for "no colour
transform"), one scan.

Source: ITU-T T.81 (1992), Annex B (markers), C (Huffman codes from code lengths), H (prediction), K.2 (best lengths).
"""

from __future__ import annotations

import struct
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from imagenet_build.stats.average_image import CHANNELS, Pictures, check_pictures

PREDICTORS = (1, 2, 3, 4, 5, 6, 7)
"""T.81, table H.1: left, above, above left, and four combinations of them."""
PREDICTOR = 7
"""The mean of left and above. One for all pictures, so that sizes compare. On averages of photographs its files are
0.3 % larger than the best of the seven for each picture, those of the next best (5) 0.9 %."""
_FIRST_PREDICTION = 128
"""What the very first sample is predicted to be: half of the range of 8 bits."""
_SYMBOLS = 10
"""Predictions lie in [-255, 510], so differences need 0 to 9 bits beside their symbol."""
_COMPONENTS = b"RGB"

_Ints = NDArray[np.int64]
_Small = NDArray[np.int32]
_BITS_OF = np.array([abs(value).bit_length() for value in range(-512, 513)], np.int32)
"""Difference + 512 -> its symbol: how many bits its magnitude has."""


class _Code(NamedTuple):
    """A Huffman table."""

    lengths: _Small
    """(symbols,), bits; 0: the symbol does not occur."""
    words: _Small
    """(symbols,), code words."""


def encode(picture: Pictures, predictor: int = PREDICTOR) -> bytes:
    """The lossless JPEG file of a picture.

    Args:
        picture: (height, width, 3), uint8.
        predictor: one of `PREDICTORS`.
    Returns:
        The file; any decoder of SOF3 gives the same pixels back.
    Raises:
        DataError: the array has another shape or type.

    >>> len(encode(np.zeros((32, 32, 3), np.uint8)))
    448
    """
    check_pictures(picture[None])
    differences = _differences(picture[None], predictor)
    code = _best_code(np.bincount(_BITS_OF[differences[0] + 512], minlength=_SYMBOLS))
    data = _scans(differences, [code])[0].replace(b"\xff", b"\xff\x00")
    head = _frame(*picture.shape[:2]) + _table(code) + _scan_header(predictor)
    return b"\xff\xd8" + head + data + b"\xff\xd9"


def sizes(pictures: Pictures, predictor: int = PREDICTOR) -> _Ints:
    """Bytes of `encode` of each of many pictures, without making the files.

    Args:
        pictures: (n, height, width, 3), uint8.
        predictor: one of `PREDICTORS`.
    Returns:
        (n,), int64.

    >>> sizes(np.zeros((2, 32, 32, 3), np.uint8)).tolist()
    [448, 448]
    """
    check_pictures(pictures)
    differences = _differences(pictures, predictor)
    rows = np.arange(len(pictures))[:, None] * _SYMBOLS
    counts = np.bincount((_BITS_OF[differences + 512] + rows).ravel(), minlength=len(pictures) * _SYMBOLS)
    codes = [_best_code(count) for count in counts.reshape(-1, _SYMBOLS)]
    around = 2 + len(_frame(1, 1)) + len(_scan_header(1)) + 2
    return np.array(
        [
            around + len(_table(code)) + len(data) + data.count(b"\xff")
            for code, data in zip(codes, _scans(differences, codes), strict=True)
        ],
        np.int64,
    )


def _differences(pictures: Pictures, predictor: int) -> _Small:
    """(n, height * width * 3): sample minus prediction, in the order of the scan."""
    held = pictures.astype(np.int32)
    left, above, corner = held[:, 1:, :-1], held[:, :-1, 1:], held[:, :-1, :-1]
    if predictor == 4:
        inner = left + above - corner
    elif predictor == 5:
        inner = left + ((above - corner) >> 1)
    elif predictor == 6:
        inner = above + ((left - corner) >> 1)
    elif predictor == 7:
        inner = (left + above) >> 1
    else:
        inner = {1: left, 2: above, 3: corner}[predictor]
    predicted = np.empty_like(held)
    predicted[:, 0, 0] = _FIRST_PREDICTION
    predicted[:, 0, 1:] = held[:, 0, :-1]
    predicted[:, 1:, 0] = held[:, :-1, 0]
    predicted[:, 1:, 1:] = inner
    return (held - predicted).reshape(len(held), -1)


def _best_code(counts: _Ints) -> _Code:
    """Huffman code of least total length in which no word is all ones; equal counts are settled as in T.81, K.2."""
    present = [symbol for symbol in range(_SYMBOLS) if counts[symbol]]
    # a last symbol of count 1 takes the all-ones word and is then forgotten
    groups: list[tuple[int, int, tuple[int, ...]]] = [(int(counts[one]), one, (one,)) for one in present]
    groups.append((1, _SYMBOLS, (_SYMBOLS,)))
    depth = [0] * (_SYMBOLS + 1)
    while len(groups) > 1:
        groups.sort(key=lambda group: (-group[0], group[1]))
        last, before = groups.pop(), groups.pop()
        members = before[2] + last[2]
        for symbol in members:
            depth[symbol] += 1
        groups.append((before[0] + last[0], max(before[1], last[1]), members))
    lengths = np.zeros(_SYMBOLS, np.int32)
    # the longest words belong to the rarest symbols, the forgotten one last of all
    ordered = sorted(present, key=lambda symbol: (-int(counts[symbol]), symbol))
    lengths[ordered] = sorted(depth[symbol] for symbol in (*present, _SYMBOLS))[:-1]
    words = np.zeros(_SYMBOLS, np.int32)
    word = length = 0
    for symbol in _in_table_order(lengths):
        word <<= int(lengths[symbol]) - length
        length = int(lengths[symbol])
        words[symbol] = word
        word += 1
    return _Code(lengths, words)


def _in_table_order(lengths: _Small) -> list[int]:
    """The symbols that occur, by length, then value: the order in which code words count up (T.81, C.2)."""
    return sorted(np.flatnonzero(lengths).tolist(), key=lambda symbol: (int(lengths[symbol]), symbol))


def _scans(differences: _Small, codes: list[_Code]) -> list[bytes]:
    """The coded bits of each picture, padded by ones to whole bytes, before 0 is stuffed after each 0xff byte."""
    symbols = _BITS_OF[differences + 512]
    place = symbols + np.arange(len(codes), dtype=np.int32)[:, None] * _SYMBOLS
    words = np.concatenate([code.words for code in codes])[place]
    lengths = np.concatenate([code.lengths for code in codes])[place] + symbols
    extra = differences + ((differences >> 31) & ((1 << symbols) - 1))  # of negative ones, the bits of value - 1
    values = ((words << symbols) | extra).astype(np.uint64)
    ends = np.cumsum(lengths, axis=1, dtype=np.int64)
    size = ends[:, -1]
    first = np.concatenate([[0], np.cumsum(-(-size // 32))])  # each picture begins in a word of its own
    starts = ends - lengths + 32 * first[:-1, None]
    # a value has at most 20 bits: with 31 bits before it, it fits the two words that begin where it does
    window = values << (64 - lengths - (starts & 31)).astype(np.uint64)
    word, count = (starts >> 5).ravel(), int(first[-1]) + 1
    # bits of different values never meet, so sums are bitwise or; below 2 ** 53 they are exact in floats
    stream = np.bincount(word, weights=(window >> np.uint64(32)).ravel(), minlength=count)
    stream[1:] += np.bincount(word, weights=(window & np.uint64(0xFFFFFFFF)).ravel(), minlength=count)[:-1]
    data = stream.astype(np.uint32).astype(">u4").tobytes()
    places = zip((4 * first[:-1]).tolist(), size.tolist(), strict=True)
    return [_padded(data[start : start + -(-bits // 8)], bits) for start, bits in places]


def _padded(data: bytes, bits: int) -> bytes:
    """Ones for the bits that are missing to a whole byte (T.81, F.1.2.3)."""
    return data[:-1] + bytes((data[-1] | (1 << (8 * len(data) - bits)) - 1,))


def _frame(height: int, width: int) -> bytes:
    """SOF3: 8 bits, three components without subsampling."""
    parts = b"".join(bytes((name, 0x11, 0)) for name in _COMPONENTS)
    return struct.pack(">HHBHHB", 0xFFC3, 8 + len(parts), 8, height, width, CHANNELS) + parts


def _table(code: _Code) -> bytes:
    """DHT: table 0, counts of code words by length, symbols."""
    symbols = _in_table_order(code.lengths)
    counts = np.bincount(code.lengths[symbols], minlength=17)[1:17].astype(np.uint8).tobytes()
    return struct.pack(">HHB", 0xFFC4, 19 + len(symbols), 0) + counts + bytes(symbols)


def _scan_header(predictor: int) -> bytes:
    """SOS: all components interleaved, table 0, the predictor, no point transform."""
    parts = b"".join(bytes((name, 0)) for name in _COMPONENTS)
    return struct.pack(">HHB", 0xFFDA, 6 + len(parts), CHANNELS) + parts + bytes((predictor, 0, 0))
