from __future__ import annotations

import json
import pickle

import pyarrow as pa
import pytest

from imagenet_build.errors import DataError
from imagenet_build.storage import tables
from imagenet_build.storage.layout import RunLayout
from imagenet_build.storage.places import Place, StoredRun, files_in
from imagenet_build.storage.publication import Publication
from imagenet_build.storage.synset_reader import rows_of
from tests.fakes.s3_server import S3Server

SCHEMA = pa.schema([("wnid", pa.string()), ("value", pa.int64())])


def _layout(place: Place, epoch: int = 0) -> RunLayout:
    """As another process sees the run."""
    run = place.run
    return RunLayout(Place(StoredRun(run.store, run.work, Publication(run.store, epoch))))


def _write(layout: RunLayout, name: str, value: int) -> None:
    rows = [{"wnid": f"n{number:08}", "value": value} for number in range(3)]
    tables.write_rows(getattr(layout, name), SCHEMA, rows)


def _values(layout: RunLayout, name: str) -> set[int]:
    return set(tables.read(getattr(layout, name), SCHEMA)["value"].to_pylist())


def _publication(layout: RunLayout) -> Publication:
    assert isinstance(layout.root, Place)
    return layout.root.run.publication


def test_a_stage_appears_all_at_once(place: Place) -> None:
    writer = _layout(place, epoch=1)
    for name in ("images", "rejections"):
        _write(writer, name, 1)
    assert _values(writer, "images") == {1}  # whoever writes reads its own
    assert not _layout(place).images.exists()
    with pytest.raises(DataError, match=r"images\.parquet is missing"):
        _values(_layout(place), "images")
    _publication(writer).commit("download")
    reader = _layout(place)
    assert (_values(reader, "images"), _values(reader, "rejections")) == ({1}, {1})

    _write(writer, "images", 2)
    assert _values(_layout(place), "images") == {1}
    _write(writer, "rejections", 2)
    _publication(writer).commit("download")
    assert (_values(reader, "images"), _values(reader, "rejections")) == ({1}, {1})  # one state to its end
    later = _layout(place)
    assert (_values(later, "images"), _values(later, "rejections")) == ({2}, {2})
    assert rows_of(later.images, SCHEMA, "n00000001").to_pylist() == [{"wnid": "n00000001", "value": 2}]


def test_what_is_valid_no_more_is_removed_at_the_end(place: Place, s3: S3Server) -> None:
    for value, epoch in ((1, 1), (2, 2)):
        writer = _layout(place, epoch)
        _write(writer, "images", value)
        _publication(writer).commit("download")
        _publication(writer).clean()
    _write(_layout(place, 3), "hits", 5)  # a writer that was killed
    writer = _layout(place, 4)
    _publication(writer).clean()
    assert [key for key in s3.stored() if key.endswith(".parquet")] == [
        key for key in s3.stored() if key.startswith("runs/x/images.0002-")
    ]
    assert _values(_layout(place), "images") == {2}


def test_units_of_other_processes_are_published_with_the_stage(place: Place) -> None:
    first = _layout(place, epoch=1)
    for wnid in ("n00000001", "n00000002"):
        unit = pickle.loads(pickle.dumps(first))
        tables.write_rows(unit.manifest(wnid), SCHEMA, [{"wnid": wnid, "value": 1}])
    assert [path.stem for path in files_in(first.manifests, "*.parquet")] == ["n00000001", "n00000002"]
    assert files_in(_layout(place).manifests, "*.parquet") == []
    _publication(first).commit("manifest", "manifest")
    assert [path.stem for path in files_in(_layout(place).manifests, "*.parquet")] == ["n00000001", "n00000002"]

    second = _layout(place, epoch=2)
    unit = pickle.loads(pickle.dumps(second))
    tables.write_rows(unit.manifest("n00000002"), SCHEMA, [{"wnid": "n00000002", "value": 2}])
    second.manifest("n00000001").unlink()
    _publication(second).commit("manifest", "manifest")
    _publication(second).clean()
    reader = _layout(place)
    assert [path.stem for path in files_in(reader.manifests, "*.parquet")] == ["n00000002"]
    assert tables.read(reader.manifest("n00000002"), SCHEMA)["value"].to_pylist() == [2]


def test_a_listing_of_many_manifests_is_no_listing_of_objects(place: Place, s3: S3Server) -> None:
    writer = _layout(place, epoch=1)
    for number in range(30):
        wnid = f"n{number:08}"
        tables.write_rows(writer.manifest(wnid), SCHEMA, [{"wnid": wnid, "value": number}])
    _publication(writer).commit("manifest", "manifest")
    reader = _layout(place)
    before = len(s3.requests)
    assert len(files_in(reader.manifests, "*.parquet")) == 30
    asked = [request for request in s3.requests[before:] if request.method == "GET"]
    assert [request.key for request in asked if "list-type" in request.query] == []
    assert len(asked) <= 2  # published.json, and the record (which this process may know)


def test_the_record_names_key_size_and_digest(place: Place, s3: S3Server) -> None:
    import hashlib

    writer = _layout(place, epoch=1)
    _write(writer, "images", 1)
    _publication(writer).commit("download")
    said = json.loads(s3.data("runs/x/published.json"))
    record = json.loads(s3.data(f"runs/x/{said['stages']['download']}"))
    key, size, digest = record["files"]["images.parquet"]
    data = s3.data(f"runs/x/{key}")
    assert (len(data), hashlib.sha256(data).hexdigest()[:16]) == (size, digest)
