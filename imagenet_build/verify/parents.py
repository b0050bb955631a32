"""EDGE: which synset borrows from which, from a file."""

from __future__ import annotations

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from imagenet_build.errors import DataError
from imagenet_build.storage.places import Location, local_copy, source_of


def read_parents(path: Location) -> dict[str, str]:
    """Each synset's first parent.

    Args:
        path: a run's `synsets.parquet` (wnid, hypernyms), or a CSV with the columns wnid and parent.
    Raises:
        DataError: unreadable, or a column is missing.
    """
    try:
        if path.suffix.lower() == ".parquet":
            held = pq.read_table(source_of(path), columns=["wnid", "hypernyms"]).to_pydict()
            pairs = zip(held["wnid"], held["hypernyms"], strict=True)
            return {wnid: hypernyms[0] for wnid, hypernyms in pairs if hypernyms}
        frame = pd.read_csv(local_copy(path), dtype=str, usecols=["wnid", "parent"], keep_default_na=False)
    except OSError as error:
        raise DataError(f"{path} cannot be read: {error.strerror or error}.") from None
    except (pa.ArrowInvalid, pd.errors.ParserError, ValueError) as error:
        raise DataError(
            f"{path} does not say the parents of synsets: {' '.join(str(error).split())}.",
            remedy="Give a run's synsets.parquet, or a CSV with the columns wnid and parent.",
        ) from None
    return {str(wnid): str(parent) for wnid, parent in zip(frame["wnid"], frame["parent"], strict=True) if parent}
