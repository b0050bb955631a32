"""An object as Python's own kind of file. Every byte that is read from a store comes through here."""

from __future__ import annotations

import io
import os
import time
from collections.abc import Callable
from typing import Any

from imagenet_build.storage.store_errors import hides_an_answer, store_error

FIRST_PAUSE_S = 0.05
"""Before a request is repeated; each further one is twice as long."""


class StoredFile(io.RawIOBase):
    """Only reading asks the store. GCS refuses a seek to the end, and ranges that begin there.

    The store's own client repeats what fails, with one exception that is repeated here: an error's text that is longer
    than the range that was asked for (`hides_an_answer`).

    Args:
        source: the open object, as pyarrow has it.
        where: its URL, for errors.
        attempts: of one request, the first one included.
        is_there: asks whether there still is such an object, without a range; StoreUnusable if that fails.
    """

    def __init__(self, source: Any, where: str, attempts: int, is_there: Callable[[], bool]) -> None:
        self._source = source
        self._where = where
        self._attempts = attempts
        self._is_there = is_there
        self._at = 0

    def size(self) -> int:
        """Bytes of the object."""
        return int(self._source.size())

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
        start = {os.SEEK_SET: 0, os.SEEK_CUR: self._at, os.SEEK_END: self.size()}[whence]
        self._at = max(0, start + offset)
        return self._at

    def read_at(self, size: int, offset: int) -> bytes:
        """Bytes from a place on, by one range request; fewer where the object ends. Threads may call it at once.

        Raises:
            StoreUnusable: the store fails. FileNotFoundError: the object was removed. FileNotFoundError, ValueError:
                GCS has this version no more.
        """
        wanted = min(size, self.size() - offset)
        if wanted <= 0:
            return b""
        for attempt in range(1, self._attempts + 1):
            try:
                return bytes(self._source.read_at(wanted, offset))
            except FileNotFoundError:
                raise
            except OSError as error:
                if attempt == self._attempts or not hides_an_answer(error):
                    raise store_error(error, self._where) from None
            if not self._is_there():  # and what lasts, such as a permission that was taken away, is said in full here
                raise FileNotFoundError(2, "No such object", self._where)
            time.sleep(FIRST_PAUSE_S * 2 ** (attempt - 1))
        raise AssertionError("no attempt was allowed")

    def read(self, size: int | None = -1) -> bytes:
        """The next bytes, by one range request; all that are left for -1. Raises as `read_at`."""
        data = self.read_at(self.size() if size is None or size < 0 else size, self._at)
        self._at += len(data)
        return data

    def readinto(self, into: Any) -> int:
        """As `read`."""
        data = self.read(len(into))
        into[: len(data)] = data
        return len(data)

    def close(self) -> None:
        """Let go of the object."""
        if not self.closed:
            self._source.close()
        super().close()
