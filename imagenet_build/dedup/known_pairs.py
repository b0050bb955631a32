"""EDGE: what is known of the pairs of one synset, in and out."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from imagenet_build.dedup.collapse import NOTHING_KNOWN, Known
from imagenet_build.errors import DataError
from imagenet_build.storage import tables
from imagenet_build.storage.places import Location
from imagenet_build.storage.schemas import PAIRS

_LOOKED, _THRESHOLDS = "imagenet_build.looked", "imagenet_build.thresholds"
_DIGEST = 64


def write_known(path: Location, known: Known, thresholds: str) -> None:
    """Keep what was found out.

    Args:
        path: the file.
        known: its digests are of 64 hexadecimal digits.
        thresholds: what the decisions depend on; with others nothing is known.
    """
    columns = [
        pa.array(known.left, pa.string()),
        pa.array(known.right, pa.string()),
        pa.array(known.state),
        pa.array(known.mirrored),
        pa.array(known.distance),
    ]
    tables.write_table(
        path,
        pa.Table.from_arrays(columns, schema=PAIRS),
        {_LOOKED: "".join(known.looked), _THRESHOLDS: thresholds},
    )


def read_known(path: Location, thresholds: str) -> Known:
    """What is known; nothing, if there is no file, or one that cannot be used."""
    if not path.exists():
        return NOTHING_KNOWN
    try:
        said = tables.metadata(path)
        rows = tables.read(path, PAIRS)
    except DataError:  # it is made again
        return NOTHING_KNOWN
    looked = said.get(_LOOKED, "")
    if said.get(_THRESHOLDS) != thresholds:
        return NOTHING_KNOWN
    return Known(
        [looked[start : start + _DIGEST] for start in range(0, len(looked), _DIGEST)],
        rows["left"].to_pylist(),
        rows["right"].to_pylist(),
        np.array(rows["state"], np.int8),
        np.array(rows["mirrored"], np.bool_),
        np.array(rows["distance"], np.float32),
    )
