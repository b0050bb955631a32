from __future__ import annotations

import pytest

from imagenet_build.errors import ConfigError, StoreUnusable
from imagenet_build.storage import object_store
from imagenet_build.storage.object_store import ObjectStore, open_store
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
