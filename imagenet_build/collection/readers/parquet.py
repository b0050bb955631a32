"""Parquet, read in batches: LAION, Re-LAION, DataComp, COYO, img2dataset."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from imagenet_build.collection.readers.columns import EXPECTED, KNOWN, read_row, usable
from imagenet_build.collection.readers.record import Rows
from imagenet_build.errors import ConfigError, DataError

BATCH_ROWS = 4096


class Parquet:
    """A Parquet file with any of the column names of `columns.py`; other columns are not read."""

    looks_like = "a .parquet file"

    def fits(self, source: Path) -> bool:
        """By name."""
        return source.suffix.lower() in (".parquet", ".pq") and source.is_file()

    def base(self, source: Path) -> Path:
        """The table's folder."""
        return source.parent

    def read(self, source: Path) -> Rows:
        """One row per row, `BATCH_ROWS` in memory at a time."""
        try:
            with pq.ParquetFile(source) as table:
                schema = table.schema_arrow
                names = [
                    field.name for field in schema if field.name.strip().lower() in KNOWN and _is_plain(field.type)
                ]
                if not usable(names):
                    raise ConfigError(f"{source} has only the columns {', '.join(schema.names[:40])}.", remedy=EXPECTED)
                row_number = 0
                for batch in table.iter_batches(batch_size=BATCH_ROWS, columns=names):
                    for row in batch.to_pylist():
                        row_number += 1
                        yield read_row(row, f"{source.name} row {row_number}")
        except (pa.ArrowException, OSError) as error:
            text = " ".join(str(error).split())
            raise DataError(
                f"{source} is not a readable Parquet file: {text}.", remedy="Fetch the file again."
            ) from None


def _is_plain(kind: pa.DataType) -> bool:
    """Whether values of a column can be a text, a number or a list of texts; pictures' bytes are not read."""
    if pa.types.is_dictionary(kind):
        kind = kind.value_type
    if pa.types.is_list(kind) or pa.types.is_large_list(kind):
        return bool(pa.types.is_string(kind.value_type) or pa.types.is_large_string(kind.value_type))
    return bool(
        pa.types.is_string(kind)
        or pa.types.is_large_string(kind)
        or pa.types.is_integer(kind)
        or pa.types.is_floating(kind)
    )
