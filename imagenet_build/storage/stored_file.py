"""An object as Python's own kind of file."""

from __future__ import annotations

import io
import os
from typing import Any

from imagenet_build.storage.store_errors import store_error


class StoredFile(io.RawIOBase):
    """Only reading asks the store. GCS refuses a seek to the end, and ranges that begin there.

    Args:
        source: the open object, as pyarrow has it.
        where: its URL, for errors.
    """

    def __init__(self, source: Any, where: str) -> None:
        self._source = source
        self._where = where
        self._size = int(source.size())
        self._at = 0

    def readable(self) -> bool:
        """Always."""
        return True

    def seekable(self) -> bool:
        """Always."""
        return True

    def tell(self) -> int:
        """The place of the next byte."""
        return self._at

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        """Go to a place; the store is not asked."""
        start = {os.SEEK_SET: 0, os.SEEK_CUR: self._at, os.SEEK_END: self._size}[whence]
        self._at = max(0, start + offset)
        return self._at

    def readinto(self, into: Any) -> int:
        """One range request. Raises StoreUnusable."""
        wanted = min(len(into), self._size - self._at)
        if wanted <= 0:
            return 0
        try:
            data = self._source.read_at(wanted, self._at)
        except OSError as error:
            raise store_error(error, self._where) from None
        into[: len(data)] = data
        self._at += len(data)
        return len(data)

    def close(self) -> None:
        """Let go of the object."""
        if not self.closed:
            self._source.close()
        super().close()
