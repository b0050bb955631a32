"""Puts described pictures into the tables of a caption index and counts what became of every row."""

from __future__ import annotations

import hashlib
import json
import os
import sqlite3
import uuid
from collections import Counter
from collections.abc import Collection
from dataclasses import astuple, replace
from datetime import datetime, timezone
from pathlib import Path

from imagenet_build.collection.languages import UNKNOWN_LANGUAGE, language_code
from imagenet_build.collection.matching import RULES, indexed_columns
from imagenet_build.collection.picture_size import picture_size
from imagenet_build.collection.readers.record import Defaults, PictureRecord, SkippedRow, SkipReason
from imagenet_build.collection.schema import CAPTIONS_BY_PICTURE, SCHEMA
from imagenet_build.collection.words import words_of
from imagenet_build.licenses import normalize_license

EXAMPLES = 3
"""Skipped rows of one reason that are quoted."""


def _is_there(file: Path) -> bool:
    try:
        return file.is_file()
    except OSError:  # a name that is too long, for one
        return False


class IndexWriter:
    """Puts rows into the tables and counts what became of them."""

    def __init__(
        self, database: sqlite3.Connection, out: Path, defaults: Defaults, languages: Collection[str] = ()
    ) -> None:
        """`languages`: only captions in these (and of unknown language) are taken; empty: all."""
        self.rows = self.pictures = self.merged = 0
        self.captions: Counter[str] = Counter()
        self.skipped: Counter[str] = Counter()
        self.examples: dict[str, list[str]] = {}
        self._database = database
        self._out = out
        self._defaults = defaults
        self._default_language = language_code(defaults.language)
        self._languages = frozenset(languages)
        self._folders: list[Path] = []
        self._content = hashlib.sha256(f"rules {RULES}".encode())
        self._caption_number = 0
        # A file that is thrown away unless it becomes whole needs no journal.
        database.execute("PRAGMA journal_mode = OFF")
        database.execute("PRAGMA synchronous = OFF")
        database.execute("PRAGMA cache_size = -65536")
        database.executescript(SCHEMA)
        database.execute("BEGIN")

    def add_base(self, folder: Path) -> int:
        """The number of a folder that files are in."""
        if folder not in self._folders:
            self._folders.append(folder)
            from_index = os.path.relpath(folder, self._out.parent.resolve())
            row = (len(self._folders), str(folder), from_index)
            self._database.execute("INSERT INTO bases VALUES (?, ?, ?)", row)
        return self._folders.index(folder) + 1

    def add(self, row: PictureRecord | SkippedRow, base: int) -> None:
        """Index one row, or count why not."""
        self.rows += 1
        if isinstance(row, PictureRecord):
            row = self._add_picture(row, base) or row
        if isinstance(row, SkippedRow):
            self.skipped[row.reason.value] += 1
            examples = self.examples.setdefault(row.reason.value, [])
            if len(examples) < EXAMPLES:
                examples.append(row.detail)

    def _add_picture(self, record: PictureRecord, base: int) -> SkippedRow | None:
        path = None
        file = None
        if record.file:
            file = self._folders[base - 1] / record.file
            if _is_there(file):
                path = self._path(record.file, base)
                record = replace(record, url="", page_url=record.page_url or record.url)
            elif record.url:
                file, record = None, replace(record, file="")
            else:
                return SkippedRow(SkipReason.FILE_MISSING, record.file)
        captions = {}
        for caption in record.captions:
            words = words_of(caption.text)
            if words:
                language = self._default_language if caption.language == UNKNOWN_LANGUAGE else caption.language
                if not self._languages or language in (*self._languages, UNKNOWN_LANGUAGE):
                    captions[language, caption.text] = words
        if not captions:
            return SkippedRow(SkipReason.NO_CAPTION, record.url or record.file)
        picture_id = str(uuid.uuid5(uuid.NAMESPACE_URL, record.url or f"picture:{path}"))
        old = self._database.execute("SELECT number FROM pictures WHERE id = ?", (picture_id,)).fetchone()
        if old:
            self.merged += 1
            number = old[0]
            query = "SELECT language, text FROM captions WHERE picture = ?"
            for known in self._database.execute(query, (number,)):
                captions.pop(known, None)
        else:
            self.pictures += 1
            number = self.pictures
            size = (record.width, record.height)
            if file and None in size:
                size = picture_size(file) or size
            self._insert_picture(number, picture_id, path, base if file else None, size, record)
        self._digest([picture_id, *map(list, captions)])
        for (language, text), words in captions.items():
            self._caption_number += 1
            self.captions[language] += 1
            row = (self._caption_number, number, language, text)
            self._database.execute("INSERT INTO captions VALUES (?, ?, ?, ?)", row)
            columns = (self._caption_number, *indexed_columns(words, language))
            self._database.execute("INSERT INTO words (rowid, english, own) VALUES (?, ?, ?)", columns)
        return None

    def _path(self, file: str, base: int) -> str:
        """What a file is called on the server: as in its folder, unless another folder's file is called so already."""
        path = file
        while True:
            taken = self._database.execute("SELECT base, file FROM pictures WHERE path = ?", (path,)).fetchone()
            if taken in (None, (base, file)):
                return path
            path = f"{base}/{path}"

    def _insert_picture(
        self,
        number: int,
        picture_id: str,
        path: str | None,
        base: int | None,
        size: tuple[int | None, int | None],
        record: PictureRecord,
    ) -> None:
        usual = self._defaults
        if record.license or record.license_url:
            terms = normalize_license(record.license, record.license_version, record.license_url)
        else:
            terms = normalize_license(usual.license, usual.license_version, usual.license_url)
        about = (
            *size,
            record.page_url or usual.page_url,
            *terms,
            record.creator or usual.creator,
            record.creator_url,
            record.title,
        )
        row = (number, picture_id, record.url, path, base, record.file, *about)
        self._database.execute(f"INSERT INTO pictures VALUES ({', '.join('?' * len(row))})", row)
        self._digest([record.url, path, *about])

    def _digest(self, parts: list[object]) -> None:
        self._content.update(json.dumps(parts).encode("ascii"))

    def finish(self) -> None:
        """Write what the index says of itself, and lay the tables out for reading."""
        self._database.execute(CAPTIONS_BY_PICTURE)
        self._database.execute("INSERT INTO words (words) VALUES ('optimize')")
        facts = {
            "content_id": self._content.hexdigest(),
            "rules": str(RULES),
            "pictures": str(self.pictures),
            "captions": json.dumps(dict(sorted(self.captions.items()))),
            "made_at": datetime.now(timezone.utc).strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
            "defaults": json.dumps(astuple(self._defaults)),
        }
        self._database.executemany("INSERT INTO facts VALUES (?, ?)", facts.items())
        self._database.execute("COMMIT")
