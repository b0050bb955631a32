from __future__ import annotations

import itertools
import pickle
import time
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from imagenet_build.errors import ConfigError, StoreUnusable
from imagenet_build.storage import object_store, stored_file
from imagenet_build.storage.object_store import ObjectStore, open_store
from imagenet_build.storage.store_errors import store_error
from imagenet_build.storage.unfinished_uploads import abort_unfinished
from tests.fakes.s3_server import BUCKET, Request, S3Server

LARGE = 11_000_000
"""More than one part of a multipart upload."""


def test_objects_come_back_as_they_were_put(store: ObjectStore) -> None:
    for key, size in (("a.txt", 0), ("b.zst", 5), ("c/d.parquet.gz", 100_000), ("large.tar", LARGE)):
        data = bytes(range(256)) * (size // 256 + 1)
        store.put(key, data[:size])
        assert store.get(key) == data[:size]
    assert [(row.key, row.size) for row in store.list("")] == [
        *(("a.txt", 0), ("b.zst", 5), ("c/d.parquet.gz", 100_000), ("large.tar", LARGE))
    ]
    assert [row.key for row in store.list("", recursive=False)] == ["a.txt", "b.zst", "large.tar"]
    assert store.get("none") is None
    assert store.info("none") is None
    store.delete("a.txt")
    store.delete("a.txt")
    assert store.info("a.txt") is None


def test_a_small_object_is_one_request(store: ObjectStore, s3: S3Server) -> None:
    before = len(s3.requests)
    store.put("small.json", b"{}")
    assert [(request.method, request.key) for request in s3.requests[before:]] == [("PUT", "runs/x/small.json")]


def test_passing_faults_are_repeated(store: ObjectStore, s3: S3Server) -> None:
    def every_third(_: Request) -> str:
        return ("InternalError", "SlowDown")[len(s3.requests) % 2] if len(s3.requests) % 3 == 0 else ""

    s3.refuse = every_third
    store.put("large.tar", b"x" * LARGE)
    assert store.get("large.tar") == b"x" * LARGE
    assert any(request.fault for request in s3.requests)


@pytest.mark.parametrize(
    ("fault", "said", "remedy"),
    [
        ("AccessDenied", "refuses access", "AWS_ACCESS_KEY_ID"),
        ("SlowDown", "goes on asking to slow down", "again later"),
        ("InternalError", "goes on failing", "again later"),
        ("PermanentRedirect", "lies in another region", "AWS_REGION"),
    ],
)
def test_lasting_faults_end_in_a_paragraph(
    s3: S3Server, fault: str, said: str, remedy: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(object_store, "ATTEMPTS", 2)
    store = open_store("s3://bucket/runs/x?region=eu-north-1")  # a client of its own, with few attempts
    s3.refuse = lambda _: fault
    for call in (lambda: store.put("a", b"1"), lambda: store.put("b", b"1" * LARGE)):
        with pytest.raises(StoreUnusable, match=said) as caught:
            call()
        assert remedy in caught.value.remedy
        assert caught.value.exit_code == 3


def test_an_upload_that_fails_in_its_middle_leaves_nothing_to_see(store: ObjectStore, s3: S3Server) -> None:
    s3.refuse = lambda request: "AccessDenied" if "partNumber=2" in request.query else ""
    with pytest.raises(StoreUnusable):
        store.put("large.tar", b"x" * LARGE)
    s3.refuse = lambda _: ""
    assert s3.stored() == []
    assert s3.unfinished() == ["runs/x/large.tar"]
    s3.client.create_multipart_upload(Bucket=BUCKET, Key="another/run.tar")
    assert abort_unfinished(store) == 1
    assert s3.unfinished() == ["another/run.tar"]


def test_a_missing_bucket_is_said(s3: S3Server) -> None:
    with pytest.raises(StoreUnusable, match="no bucket 'nowhere'"):
        open_store("s3://nowhere/runs/x").check_bucket()
    with pytest.raises(StoreUnusable, match="no such bucket"):
        open_store("s3://nowhere/runs/x").put("a", b"1")


def test_nobody_answers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(object_store, "ATTEMPTS", 1)
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    with pytest.raises(StoreUnusable, match="does not answer"):
        open_store("s3://bucket/runs/x?endpoint_override=127.0.0.1:9&scheme=http").put("a", b"1")


def test_the_first_request_gives_up_soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "testing")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "testing-secret")
    store = open_store("s3://bucket/runs/x?endpoint_override=127.0.0.1:9&scheme=http&region=eu-west-2")
    started = time.monotonic()
    with pytest.raises(StoreUnusable, match="does not answer"):
        store.check_bucket()
    assert time.monotonic() - started < 15


def test_what_the_environment_says_of_the_place_goes_with_the_store(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://store.example:9000")
    monkeypatch.setenv("AWS_REGION", "eu-west-3")
    monkeypatch.setenv("STORAGE_EMULATOR_HOST", "localhost:4443")
    s3, gcs = open_store("s3://bucket/x"), open_store("gs://bucket/x")
    named = open_store("s3://bucket/x?region=eu-west-1&endpoint_override=other.example")
    for name in ("AWS_ENDPOINT_URL", "AWS_REGION", "STORAGE_EMULATOR_HOST"):
        monkeypatch.delenv(name)
    assert dict(pickle.loads(pickle.dumps(s3)).options) == {
        "endpoint_override": "store.example:9000",
        "scheme": "http",
        "region": "eu-west-3",
    }
    assert dict(gcs.options) == {"endpoint_override": "localhost:4443", "scheme": "http", "anonymous": "true"}
    assert dict(named.options) == {"endpoint_override": "other.example", "region": "eu-west-1"}


@pytest.mark.parametrize(
    ("text", "url", "said", "remedy"),
    [
        ("google::cloud::Status(PERMISSION_DENIED: x http_status_code=403}})", "gs://b/x", "refuses access", "GOOGLE_"),
        ("google::cloud::Status(RESOURCE_EXHAUSTED: x http_status_code=429}})", "gs://b/x", "slow down", "again later"),
        ("google::cloud::Status(UNAVAILABLE: x CURL error [6]=Could", "gs://b/x", "does not answer", "network"),
        ("google::cloud::Status(INTERNAL: x http_status_code=500}})", "gs://b/x", "goes on failing", "again later"),
        ("Could not create a OAuth2 access token to auth", "gs://b/x", "no credentials are found", "gcloud auth"),
        ("AWS Error UNKNOWN (HTTP status 301) located in 'eu-west-9'", "s3://b/x", "eu-west-9", "AWS_REGION=eu-west-9"),
    ],
)
def test_errors_in_words(text: str, url: str, said: str, remedy: str) -> None:
    error = store_error(OSError(text), url)
    assert said in error.message
    assert remedy in error.remedy


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("s3://me:secret@bucket/runs", "Credentials"),
        ("s3://bucket/runs?secret_key=abc", "Credentials"),
        ("s3://bucket/runs?colour=red", "knows no 'colour'"),
        ("s3://bucket", "no folder in it"),
    ],
)
def test_urls_that_are_refused(url: str, said: str) -> None:
    with pytest.raises(ConfigError, match=said) as caught:
        open_store(url)
    assert "secret@" not in str(caught.value)
    assert "abc" not in str(caught.value)


def test_a_process_outlives_any_number_of_single_failures(s3: S3Server) -> None:
    store = open_store("s3://bucket/often")
    turns = itertools.count()
    s3.refuse = lambda request: "InternalError" if request.is_ours and next(turns) % 2 else ""
    for _ in range(120):
        store.put("key", b"data")
    assert sum(bool(request.fault) for request in s3.requests) > 100


def _no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stored_file, "FIRST_PAUSE_S", 0.0)


def test_a_range_shorter_than_the_text_of_a_passing_fault_is_read(
    s3: S3Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without being repeated by our own code: pyarrow takes such a fault for final."""
    _no_pauses(monkeypatch)
    store = open_store("s3://bucket/short")
    store.put("two", b"{}")
    store.put("large", bytes(range(256)) * 100)
    table = pa.table({"wnid": pa.array([], pa.string()), "reason": pa.array([], pa.string())})
    pq.write_table(table, tmp_path / "empty.parquet")
    store.put_file("empty.parquet", tmp_path / "empty.parquet")
    turns = itertools.count()
    s3.refuse = lambda request: "SlowDown" if request.method == "GET" and next(turns) % 2 == 0 else ""
    for _ in range(5):
        assert store.get("two") == b"{}"
        assert store.open("large").read_at(8, 256) == bytes(range(8))
        with pq.ParquetFile(store.open("empty.parquet"), pre_buffer=True) as file:
            assert file.read_row_group(0).equals(table) if file.num_row_groups else file.schema_arrow == table.schema
        assert pq.read_table(store.open("empty.parquet")).equals(table)
    assert sum(bool(request.fault) for request in s3.requests) > 20


def test_a_lasting_fault_of_a_short_range_is_said_as_it_is(s3: S3Server, monkeypatch: pytest.MonkeyPatch) -> None:
    _no_pauses(monkeypatch)
    monkeypatch.setattr(object_store, "ATTEMPTS", 2)
    store = open_store("s3://bucket/x?region=eu-north-2")  # a client of its own, with few attempts
    store.put("two", b"{}")
    file = store.open("two")
    s3.refuse = lambda _: "AccessDenied"
    with pytest.raises(StoreUnusable, match="refuses access"):
        file.read()
    s3.refuse = lambda request: "InternalError" if request.method == "GET" else ""
    with pytest.raises(StoreUnusable, match="goes on failing"):
        file.read()
    s3.client.put_object(Bucket=BUCKET, Key="x/large", Body=b"x" * 1000)
    with pytest.raises(StoreUnusable, match="goes on failing"):
        pq.ParquetFile(store.open("large"))


def test_an_object_that_is_removed_before_it_is_read_is_none(s3: S3Server, monkeypatch: pytest.MonkeyPatch) -> None:
    _no_pauses(monkeypatch)
    store = open_store("s3://bucket/x")
    store.put("two", b"{}")
    file = store.open("two")
    store.delete("two")
    with pytest.raises(FileNotFoundError):
        file.read()
