"""EDGE: one prefix of an object store (S3, Google Cloud Storage, or whatever speaks S3's protocol), through pyarrow.

Objects appear whole or not at all: a small one by one PUT, a large one by a multipart upload that is completed last.
Passing troubles (500, SlowDown, lost connections) are repeated by the store's own client, with growing pauses.
"""

from __future__ import annotations

import datetime
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pyarrow as pa
import pyarrow.fs as pafs

from imagenet_build.errors import ConfigError, StoreUnusable
from imagenet_build.storage.store_errors import store_error
from imagenet_build.storage.stored_file import StoredFile

SCHEMES = ("s3", "gs")
ATTEMPTS = 10
"""Of one request, the first one included."""
FIRST_ATTEMPTS = 3
"""Of the very first request: whoever mistyped a host should not wait for a minute and a half to hear of it."""
CONNECT_TIMEOUT_S = 10.0
REQUEST_TIMEOUT_S = 60.0
GS_RETRY_S = 120.0
GS_FIRST_RETRY_S = 5.0
_QUERY = {
    "s3": ("endpoint_override", "scheme", "region", "anonymous", "force_virtual_addressing", "tls_ca_file_path"),
    "gs": ("endpoint_override", "scheme", "anonymous", "project_id"),
}
_SWITCHES = ("anonymous", "force_virtual_addressing")
_ENDPOINTS = {
    "s3": ("AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL"),
    "gs": ("STORAGE_EMULATOR_HOST", "CLOUD_STORAGE_EMULATOR_ENDPOINT"),
}
_REGIONS = ("AWS_REGION", "AWS_DEFAULT_REGION")


def is_store_url(text: str) -> bool:
    """Whether a text names a place in an object store.

    >>> is_store_url("s3://bucket/runs/birds"), is_store_url("data/runs/birds"), is_store_url("file:///data/runs")
    (True, False, False)
    """
    return text.partition("://")[0] in SCHEMES and "://" in text


@dataclass(frozen=True, slots=True)
class StoredObject:
    """One object of a listing."""

    key: str
    size: int
    changed_at: float
    """Seconds since 1970, by the store's clock."""


@dataclass(frozen=True)
class ObjectStore:
    """A prefix of a bucket. Keys are relative to it. Small and picklable; connections are made once per process.

    Every method raises StoreUnusable where the store cannot be used.
    """

    url: str
    """`s3://bucket/prefix`, without the query."""
    options: tuple[tuple[str, str], ...] = ()
    """What the URL's query says; never a secret."""

    @property
    def base(self) -> str:
        """`bucket/prefix`."""
        return self.url.partition("://")[2]

    @property
    def bucket(self) -> str:
        """The bucket's name."""
        return self.base.partition("/")[0]

    @property
    def files(self) -> Any:
        """The pyarrow file system."""
        return _file_system(self.scheme, self.options)

    @property
    def scheme(self) -> str:
        """`s3` or `gs`."""
        return self.url.partition("://")[0]

    def path(self, key: str) -> str:
        """The key as pyarrow wants it: behind the bucket."""
        return f"{self.base}/{key}" if key else self.base

    def check_bucket(self) -> None:
        """A missing bucket looks like an empty one in listings; this tells them apart."""
        with self.errors(""):
            found = _file_system(self.scheme, self.options, is_first=True).get_file_info(self.bucket)
        if found.type == pafs.FileType.NotFound:
            raise StoreUnusable(
                f"There is no bucket {self.bucket!r} for {self.url}.",
                source=self.url,
                remedy="Make it first, or mend the URL, the region or the endpoint.",
            )

    def put(self, key: str, data: bytes) -> None:
        """Write one object."""
        self._upload(key, lambda out: out.write(data))

    def put_file(self, key: str, path: Path, end: int | None = None, tail: bytes = b"") -> None:
        """Write one object from a file, or from its first `end` bytes, and `tail` behind them.

        Args:
            key: of the object.
            path: a local file; it may grow meanwhile.
            end: bytes taken from it; None: all.
            tail: a few more bytes.
        """
        size = path.stat().st_size if end is None else end

        def write(out: Any) -> None:
            if size:
                with pa.memory_map(str(path)) as source:
                    out.write(source.read_buffer(size))  # one call: Ctrl-C cannot come between two halves
            if tail:
                out.write(tail)

        self._upload(key, write)

    def _upload(self, key: str, write: Callable[[Any], object]) -> None:
        try:
            with self.errors(key):
                out = self.files.open_output_stream(self.path(key), compression=None)  # the default goes by the name
                write(out)  # where it fails, the upload is never completed: nothing appears
                out.close()
        except FileNotFoundError as error:  # so GCS says that there is no bucket
            raise store_error(error, f"{self.url}/{key}") from None

    def get(self, key: str) -> bytes | None:
        """A whole object; None if there is none.

        It is looked at first and read then. GCS reads the version that was looked at, and has none if it was replaced
        in between: then it is read anew. To take it for missing would free a lease that is being renewed.
        """
        for _ in range(ATTEMPTS):
            try:
                source = self.open(key)
            except FileNotFoundError:
                return None
            try:
                with source:
                    return source.read()
            except (FileNotFoundError, ValueError):  # pyarrow calls a file closed whose version is gone
                continue
            except StoreUnusable:
                if self.info(key) is None:  # removed between the look at its size and the reading
                    return None
                raise
        raise StoreUnusable(f"{self.url}/{key} cannot be read: it is replaced all the time.", source=self.url)

    def open(self, key: str) -> StoredFile:
        """A file for random access (`read_at`, or what Parquet readers want). Raises FileNotFoundError."""
        with self.errors(key):
            source = self.files.open_input_file(self.path(key))
        return StoredFile(source, f"{self.url}/{key}", ATTEMPTS, lambda: self.info(key) is not None)

    def info(self, key: str) -> StoredObject | None:
        """Size and moment of an object; None if there is none."""
        with self.errors(key):
            found = self.files.get_file_info(self.path(key))
        return _stored(found, key) if found.type == pafs.FileType.File else None

    def list(self, folder: str, *, recursive: bool = True) -> list[StoredObject]:
        """All objects below a folder, sorted by key; a request per thousand."""
        chosen = pafs.FileSelector(self.path(folder), recursive=recursive, allow_not_found=True)
        with self.errors(folder):
            found = self.files.get_file_info(chosen)
        start = len(self.base) + 1
        rows = [_stored(info, info.path[start:]) for info in found if info.type == pafs.FileType.File]
        return sorted(rows, key=lambda row: row.key)

    def delete(self, key: str) -> None:
        """Remove an object, if it is there."""
        with self.errors(key):
            try:
                self.files.delete_file(self.path(key))
            except FileNotFoundError:
                return

    @contextmanager
    def errors(self, key: str) -> Iterator[None]:
        """What the store refuses, said in words."""
        try:
            yield
        except FileNotFoundError:
            raise
        except (OSError, pa.ArrowException) as error:
            raise store_error(error, f"{self.url}/{key}".rstrip("/")) from None


def _stored(info: Any, key: str) -> StoredObject:
    moment = info.mtime
    return StoredObject(key, info.size, moment.timestamp() if isinstance(moment, datetime.datetime) else 0.0)


def open_store(url: str) -> ObjectStore:
    """The prefix that a URL names.

    Args:
        url: `s3://bucket/prefix` or `gs://bucket/prefix`, with settings in its query (`?endpoint_override=host:port`).
    Raises:
        ConfigError: not such a URL, or one with credentials in it.

    >>> open_store("s3://bucket/runs/birds/").base
    'bucket/runs/birds'
    """
    parts = urlsplit(url)
    if parts.scheme not in SCHEMES or not parts.netloc:
        raise ConfigError(f"{_bare(url)!r} is no place in an object store.", remedy="Write s3://bucket/folder.")
    if "@" in parts.netloc:
        raise ConfigError(_SECRET, remedy=_SECRET_REMEDY)
    query = dict(parse_qsl(parts.query, keep_blank_values=True))
    allowed = _QUERY[parts.scheme]
    for name in query:
        if "key" in name or "token" in name or "secret" in name:
            raise ConfigError(_SECRET, remedy=_SECRET_REMEDY)
        if name not in allowed:
            raise ConfigError(f"{_bare(url)}: the query knows no {name!r}.", remedy=f"It knows {', '.join(allowed)}.")
    key = "/".join(part for part in parts.path.split("/") if part)
    if not key:
        raise ConfigError(f"{_bare(url)} names a bucket, no folder in it.", remedy=f"Write {_bare(url)}/runs/NAME.")
    query = {**_surroundings(parts.scheme, query), **query}
    return ObjectStore(f"{parts.scheme}://{parts.netloc}/{key}", tuple(sorted(query.items())))


def _surroundings(scheme: str, query: dict[str, str]) -> dict[str, str]:
    """What the environment says of the place. It goes where the store goes: nodes of a cluster need not know it."""
    found: dict[str, str] = {}
    endpoint = next((os.environ[name] for name in _ENDPOINTS[scheme] if os.environ.get(name)), "")
    if endpoint and "endpoint_override" not in query:
        said = urlsplit(endpoint if "://" in endpoint else f"{'http' if scheme == 'gs' else 'https'}://{endpoint}")
        found = {"scheme": said.scheme, "endpoint_override": said.netloc}
        if scheme == "gs":  # an emulator, as Google's own libraries take these variables
            found["anonymous"] = "true"
    region = next((os.environ[name] for name in _REGIONS if os.environ.get(name)), "")
    if region and scheme == "s3":
        found["region"] = region
    return found


_SECRET = "Credentials do not belong into a URL: they would end in logs and in the shell's history."
_SECRET_REMEDY = "Give them in the environment: AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_PROFILE."


def _bare(url: str) -> str:
    return url.partition("?")[0]


@lru_cache(maxsize=8)
def _file_system(scheme: str, options: tuple[tuple[str, str], ...], is_first: bool = False) -> Any:
    """One client per process and store: it holds the connections. `is_first`: one that soon gives up."""
    given: dict[str, Any] = dict(options)
    for name in _SWITCHES:
        if name in given:
            given[name] = given[name].lower() in ("1", "true", "yes")
    if scheme == "gs":
        limit = datetime.timedelta(seconds=GS_FIRST_RETRY_S if is_first else GS_RETRY_S)
        return pafs.GcsFileSystem(**given, retry_time_limit=limit)
    if "endpoint_override" in given and "region" not in given:
        given["region"] = "us-east-1"
    return pafs.S3FileSystem(
        **given,
        allow_delayed_open=True,  # an object of one part is one PUT
        connect_timeout=CONNECT_TIMEOUT_S,
        request_timeout=REQUEST_TIMEOUT_S,
        # not the "standard" one: its quota of 100 retries is never filled up again through pyarrow
        retry_strategy=pafs.AwsDefaultS3RetryStrategy(
            max_attempts=min(ATTEMPTS, FIRST_ATTEMPTS if is_first else ATTEMPTS)
        ),
    )
