"""A caption index, opened for reading: what it finds, and in which order."""

from __future__ import annotations

import hashlib
import json
import sqlite3
import threading
from array import array
from collections import OrderedDict
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import NamedTuple

from imagenet_build.collection.languages import language_code
from imagenet_build.collection.matching import RULES, match_expression
from imagenet_build.collection.schema import APPLICATION_ID, FORMAT
from imagenet_build.errors import ConfigError, DataError

KEPT_RANKINGS = 8
"""Answers that stay in memory, so that the next page of a query is not searched again."""

# MATERIALIZED: FTS5 gives its rank only to the query that does the matching.
_RANKING = """
    WITH matched AS MATERIALIZED (SELECT rowid AS caption, rank AS score FROM words WHERE words MATCH ?),
    best AS (
        SELECT captions.picture AS picture, MIN(score) AS score, caption
        FROM matched JOIN captions ON captions.number = matched.caption GROUP BY captions.picture
    )
    SELECT pictures.number, best.caption FROM best JOIN pictures ON pictures.number = best.picture
    ORDER BY best.score, pictures.id
"""
_COLUMNS = (
    "base, file, id, url, COALESCE(path, ''), width, height, page_url, license, license_version, license_url, "
    "creator, creator_url, title"
)


@dataclass(frozen=True, slots=True)
class IndexedPicture:
    """A picture of the index, with the caption it was found by."""

    file: str
    """A local file's absolute path; empty for a web picture."""
    caption: str
    """The best matching caption; the first one where nothing was searched."""
    language: str
    """That caption's language, ISO 639-3 or `und`."""
    id: str
    """A UUID made from its URL or path: the same in every index of the same source."""
    url: str
    """Where it is on the web; empty for a local file."""
    path: str
    """What a local file is called on this index's server; empty for a web picture."""
    width: int | None
    height: int | None
    page_url: str
    license: str
    license_version: str
    license_url: str
    creator: str
    creator_url: str
    title: str


class Found(NamedTuple):
    """One page of an answer."""

    total: int
    """Pictures found in all."""
    rows: list[IndexedPicture]
    """Best first; equally good ones by id."""


class CollectionIndex:
    """A caption index. Searches may come from any thread; they take turns."""

    def __init__(self, path: Path, database: sqlite3.Connection) -> None:
        self.path = path
        self._database = database
        self._turn = threading.Lock()
        self._rankings: OrderedDict[str, tuple[array[int], array[int]]] = OrderedDict()
        facts = dict(database.execute("SELECT name, value FROM facts"))
        self.pictures = int(facts["pictures"])
        self.captions: dict[str, int] = json.loads(facts["captions"])
        """Language -> number of captions."""
        self.made_at = facts["made_at"]
        """When it was made, ISO 8601, UTC."""
        self._bases = {
            number: _standing(Path(folder), path.parent / from_index)
            for number, folder, from_index in database.execute("SELECT * FROM bases ORDER BY number")
        }
        standing = json.dumps([facts["content_id"], *(str(base) for base in self._bases.values())])
        self.id = hashlib.sha256(standing.encode("utf-8", "surrogateescape")).hexdigest()[:24]
        """Changes with the content and with where the local pictures lie: no two indexes' answers are confused."""

    @classmethod
    def open(cls, path: Path) -> CollectionIndex:
        """Open an index for reading; it may be replaced meanwhile, which this one does not see.

        Raises:
            ConfigError: there is no such file.
            DataError: it is no caption index, an outdated one, or damaged.
        """
        path = path.resolve()
        if not path.is_file():
            raise ConfigError(f"There is no caption index {path}.", remedy=_make(path))
        database = sqlite3.connect(f"{path.as_uri()}?mode=ro&immutable=1", uri=True, check_same_thread=False)
        try:
            if database.execute("PRAGMA application_id").fetchone()[0] != APPLICATION_ID:
                raise DataError(f"{path} is no caption index.", remedy=_make(path))
            made_by = database.execute("PRAGMA user_version").fetchone()[0]
            rules = database.execute("SELECT value FROM facts WHERE name = 'rules'").fetchone()[0]
            if made_by != FORMAT or int(rules) != RULES:
                raise DataError(f"{path} was made by another version of this program.", remedy=_make(path))
            return cls(path, database)
        except (sqlite3.DatabaseError, TypeError, ValueError, KeyError) as error:
            database.close()
            raise DataError(f"{path} is no caption index, or a damaged one: {error}.", remedy=_make(path)) from None
        except DataError:
            database.close()
            raise

    def search(self, text: str, language: str | None = None, offset: int = 0, limit: int = 20) -> Found:
        """Pictures with a caption that holds every word of a text.

        Args:
            text: anything; without a word it finds nothing.
            language: any spelling of a language: captions in it, words compared without their endings, and captions of
                unknown language, words compared as they are. None: captions in any language, read as English.
            offset: pictures to pass over.
            limit: most pictures to give.
        Raises:
            DataError: the file is damaged.
        """
        expression = match_expression(text, None if language is None else language_code(language))
        if not expression:
            return Found(0, [])
        with self._turn:
            try:
                numbers, captions = self._ranked(expression)
                page = slice(offset, offset + limit)
                rows = [self._picture(*pair) for pair in zip(numbers[page], captions[page], strict=True)]
            except sqlite3.DatabaseError as error:
                raise self._damaged(error) from None
        return Found(len(numbers), rows)

    def listing(self, offset: int = 0, limit: int = 20) -> Found:
        """All pictures, by id."""
        with self._turn:
            query = "SELECT number FROM pictures ORDER BY id LIMIT ? OFFSET ?"
            try:
                numbers = [row[0] for row in self._database.execute(query, (limit, offset))]
                return Found(self.pictures, [self._picture(number, None) for number in numbers])
            except sqlite3.DatabaseError as error:
                raise self._damaged(error) from None

    def picture(self, picture_id: str) -> IndexedPicture | None:
        """The picture of an id."""
        return self._one("id", picture_id)

    def picture_at(self, path: str) -> IndexedPicture | None:
        """The picture that is called so on this index's server. Only what is in the index is ever found."""
        return self._one("path", path)

    def close(self) -> None:
        """Close the file."""
        with self._turn:
            self._database.close()

    def __enter__(self) -> CollectionIndex:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _ranked(self, expression: str) -> tuple[array[int], array[int]]:
        """Numbers of the pictures found, best first, and of the captions they were found by."""
        ranking = self._rankings.pop(expression, None)
        if ranking is None:
            ranking = (array("q"), array("q"))
            for number, caption in self._database.execute(_RANKING, (expression,)):
                ranking[0].append(number)
                ranking[1].append(caption)
        self._rankings[expression] = ranking
        if len(self._rankings) > KEPT_RANKINGS:
            self._rankings.popitem(last=False)
        return ranking

    def _one(self, column: str, value: str) -> IndexedPicture | None:
        try:
            value.encode()
        except UnicodeEncodeError:
            return None
        with self._turn:
            try:
                row = self._database.execute(f"SELECT number FROM pictures WHERE {column} = ?", (value,)).fetchone()
                return self._picture(row[0], None) if row else None
            except sqlite3.DatabaseError as error:
                raise self._damaged(error) from None

    def _picture(self, number: int, caption: int | None) -> IndexedPicture:
        row = self._database.execute(f"SELECT {_COLUMNS} FROM pictures WHERE number = ?", (number,)).fetchone()
        if caption is None:
            found = "SELECT text, language FROM captions WHERE picture = ? ORDER BY number LIMIT 1"
            text, language = self._database.execute(found, (number,)).fetchone()
        else:
            found = "SELECT text, language FROM captions WHERE number = ?"
            text, language = self._database.execute(found, (caption,)).fetchone()
        base, file, *about = row
        file = str(self._bases[base] / file) if file else ""
        return IndexedPicture(file, text, language, *about)

    def _damaged(self, error: Exception) -> DataError:
        return DataError(f"The caption index {self.path} is damaged: {error}.", remedy=_make(self.path))


def index_id_of(path: Path) -> str:
    """The id of an index file (`CollectionIndex.id`); raises as `CollectionIndex.open`."""
    with CollectionIndex.open(path) as index:
        return index.id


def _standing(folder: Path, beside: Path) -> Path:
    """Where the pictures lie now: where they lay, or as far from the index as they lay."""
    moved = Path(beside).resolve()
    return moved if not folder.is_dir() and moved.is_dir() else folder


def _make(path: Path) -> str:
    return f"Make one: imagenet-build collection index SOURCE --out {path}"
