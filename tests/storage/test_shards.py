import errno
import hashlib
import os
import subprocess
import tarfile
import tempfile
from pathlib import Path
from types import SimpleNamespace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from imagenet_build.errors import DataError
from imagenet_build.records import ShardRef
from imagenet_build.storage import shards
from imagenet_build.storage.shards import ShardWriter, member_header, new_lane, read_member, seal_lanes

BIG = 1 << 40


def body(number: int, size: int = 700) -> bytes:
    return (b"%d," % number * size)[:size]


def sha(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def os_with(**functions: object) -> SimpleNamespace:
    """The module `os` with functions of our own, for one module alone: pipes use `os.write` too."""
    return SimpleNamespace(**{**vars(os), **functions})


def writer(
    folder: Path, good: dict[str, int] | None = None, *, shard_bytes: int = BIG, lane: str = "w0"
) -> ShardWriter:
    made = ShardWriter(folder, lane, shard_bytes=shard_bytes)
    made.open(good or {})
    return made


def ends(refs: list[ShardRef]) -> dict[str, int]:
    """The journal's view: where the last member's data ends in each shard."""
    found: dict[str, int] = {}
    for ref in refs:
        found[ref.shard] = max(found.get(ref.shard, 0), ref.offset + ref.size)
    return found


def test_what_is_appended_is_read_back_at_its_offset(tmp_path):
    made = writer(tmp_path)
    bodies = [body(n, size) for n, size in enumerate((1, 511, 512, 513, 100_000))]
    refs = [made.append(sha(data), "jpg", data) for data in bodies]
    assert [read_member(tmp_path, ref) for ref in refs] == bodies  # before the shard is closed, too
    made.close()
    assert [read_member(tmp_path, ref) for ref in refs] == bodies
    assert {ref.shard for ref in refs} == {"w0/00000.tar"}


def test_python_and_gnu_tar_read_a_shard(tmp_path):
    made = writer(tmp_path)
    bodies = [body(n, 1000 * n + 1) for n in range(4)]
    for data in bodies:
        made.append(sha(data), "png", data)
    made.close()
    path = tmp_path / "w0/00000.tar"
    with tarfile.open(path) as tar:
        names = tar.getnames()
        assert [tar.extractfile(name).read() for name in names] == bodies
    assert names == [f"{sha(data)}.png" for data in bodies]
    listed = subprocess.run(["tar", "--list", "--file", path], capture_output=True, text=True, check=True)
    assert (listed.stdout.split(), listed.stderr) == (names, "")
    taken = subprocess.run(
        ["tar", "--extract", "--to-stdout", "--file", path, names[2]], capture_output=True, check=True
    )
    assert taken.stdout == bodies[2]


def test_a_shard_that_was_never_closed_is_read_too(tmp_path):
    """`kill -9`: no end-of-archive blocks."""
    made = writer(tmp_path)
    refs = [made.append(sha(body(n)), "jpg", body(n)) for n in range(3)]
    with tarfile.open(tmp_path / "w0/00000.tar") as tar:
        assert len(tar.getnames()) == 3
    again = writer(tmp_path, ends(refs))
    again.close()
    made.close()


def test_a_new_shard_begins_before_the_limit_is_passed(tmp_path):
    made = writer(tmp_path, shard_bytes=5000)
    refs = [made.append(sha(body(n)), "jpg", body(n)) for n in range(7)]  # 1536 bytes each with header and padding
    made.close()
    assert [ref.shard[-5] for ref in refs] == ["0", "0", "0", "1", "1", "1", "2"]
    for number in range(3):
        path = tmp_path / f"w0/0000{number}.tar"
        assert path.stat().st_size <= 5000 + 1024
        with tarfile.open(path) as tar:
            assert tar.getnames()
    assert [read_member(tmp_path, ref) for ref in refs] == [body(n) for n in range(7)]


def test_a_picture_larger_than_a_shard_gets_one_of_its_own(tmp_path):
    made = writer(tmp_path, shard_bytes=2000)
    refs = [made.append(sha(body(n, size)), "jpg", body(n, size)) for n, size in enumerate((9000, 10, 9000))]
    made.close()
    assert [ref.shard for ref in refs] == [f"w0/0000{n}.tar" for n in range(3)]
    assert read_member(tmp_path, refs[2]) == body(2, 9000)


@pytest.mark.parametrize("tail", [b"torn header", bytes(300), body(9, 5000)])
def test_a_torn_tail_is_cut_at_reopening(tmp_path, tail):
    made = writer(tmp_path)
    refs = [made.append(sha(body(n)), "jpg", body(n)) for n in range(2)]
    made.close()
    path = tmp_path / "w0/00000.tar"
    with path.open("ab") as file:
        file.write(tail)
    again = writer(tmp_path, ends(refs))
    refs.append(again.append(sha(body(2)), "jpg", body(2)))
    again.close()
    assert [read_member(tmp_path, ref) for ref in refs] == [body(n) for n in range(3)]
    with tarfile.open(path) as tar:
        assert tar.getnames() == [f"{sha(body(n))}.jpg" for n in range(3)]


def test_lost_padding_is_given_back(tmp_path):
    made = writer(tmp_path)
    refs = [made.append(sha(body(0)), "jpg", body(0))]
    made.close()
    path = tmp_path / "w0/00000.tar"
    os.truncate(path, refs[0].offset + refs[0].size)
    again = writer(tmp_path, ends(refs))
    refs.append(again.append(sha(body(1)), "jpg", body(1)))
    again.close()
    with tarfile.open(path) as tar:
        assert len(tar.getnames()) == 2
    assert read_member(tmp_path, refs[1]) == body(1)


def test_an_unjournalled_shard_is_begun_anew(tmp_path):
    made = writer(tmp_path, shard_bytes=2000)
    refs = [made.append(sha(body(n)), "jpg", body(n)) for n in range(2)]
    made.close()
    again = writer(tmp_path, ends(refs[:1]), shard_bytes=2000)  # the journal lost the second
    ref = again.append(sha(body(5)), "jpg", body(5))
    again.close()
    assert ref.shard == "w0/00001.tar"
    with tarfile.open(tmp_path / ref.shard) as tar:
        assert tar.getnames() == [f"{sha(body(5))}.jpg"]


def test_lanes_keep_apart(tmp_path):
    one = writer(tmp_path)
    refs = [one.append(sha(body(n)), "jpg", body(n)) for n in range(2)]
    other = writer(tmp_path, ends(refs), lane="w1")
    ref = other.append(sha(body(7)), "jpg", body(7))
    one.close()
    other.close()
    assert (ref.shard, ref.offset) == ("w1/00000.tar", 512)
    assert read_member(tmp_path, refs[1]) == body(1)


def test_a_full_disk_leaves_what_was_journalled_and_cuts_the_torn_member(tmp_path, monkeypatch):
    made = writer(tmp_path)
    refs = [made.append(sha(body(n)), "jpg", body(n)) for n in range(3)]
    size = (tmp_path / "w0/00000.tar").stat().st_size
    calls = []

    def full(handle: int, parts: list[memoryview]) -> int:
        calls.append(parts)
        if len(calls) > 1:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return os.write(handle, b"".join(parts)[:600])  # some of it still fits

    with monkeypatch.context() as patched:
        patched.setattr(shards, "os", os_with(writev=full))
        with pytest.raises(OSError, match="No space"):
            made.append(sha(body(3)), "jpg", body(3))
    assert len(calls) == 2
    assert (tmp_path / "w0/00000.tar").stat().st_size == size
    refs.append(made.append(sha(body(4)), "jpg", body(4)))  # room again: the same writer goes on
    made.close()
    assert [read_member(tmp_path, ref) for ref in refs] == [body(n) for n in (0, 1, 2, 4)]
    with tarfile.open(tmp_path / "w0/00000.tar") as tar:
        assert len(tar.getnames()) == 4


@pytest.mark.parametrize("step", [100, 512, 700])
def test_short_writes_are_continued(tmp_path, monkeypatch, step):
    monkeypatch.setattr(shards, "os", os_with(writev=lambda handle, parts: os.write(handle, b"".join(parts)[:step])))
    made = writer(tmp_path)
    ref = made.append(sha(body(0)), "jpg", body(0))
    made.close()
    assert read_member(tmp_path, ref) == body(0)


def test_bytes_are_forced_to_the_disk_when_asked_and_at_the_end(tmp_path, monkeypatch):
    synced = []
    monkeypatch.setattr(shards, "os", os_with(fsync=synced.append))
    made = ShardWriter(tmp_path, "w0", shard_bytes=BIG)
    made.open({})
    made.append(sha(body(0)), "jpg", body(0))
    assert len(synced) == 0
    made.sync()
    assert len(synced) == 1
    made.close()
    assert len(synced) == 2
    made.sync()
    assert len(synced) == 2


@pytest.mark.parametrize("damage", ["gone", "cut"])
def test_a_lost_or_cut_shard_is_a_data_error(tmp_path, damage):
    made = writer(tmp_path)
    ref = made.append(sha(body(0)), "jpg", body(0))
    made.close()
    path = tmp_path / ref.shard
    path.unlink() if damage == "gone" else os.truncate(path, ref.offset + ref.size - 1)
    with pytest.raises(DataError, match=r"00000\.tar"):
        read_member(tmp_path, ref)


@settings(max_examples=40, deadline=None)
@given(
    st.lists(st.lists(st.integers(1, 3000), max_size=6), min_size=1, max_size=5),
    st.integers(600, 8000),
    st.data(),
)
def test_whatever_is_killed_when_the_journal_holds(sessions, shard_bytes, data):
    """Sessions end without `close` and with unjournalled tails: what the journal names is there, and only that."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        journal: list[tuple[ShardRef, bytes]] = []
        number = 0
        for sizes in sessions:
            made = writer(folder, ends([ref for ref, _ in journal]), shard_bytes=shard_bytes)
            appended = []
            for size in sizes:
                number += 1
                appended.append((made.append(sha(body(number, size)), "jpg", body(number, size)), body(number, size)))
            if data.draw(st.booleans()):
                made.close()
            journal += appended[: data.draw(st.integers(0, len(appended)))]
        writer(folder, ends([ref for ref, _ in journal]), shard_bytes=shard_bytes).close()
        assert all(read_member(folder, ref) == expected for ref, expected in journal)
        for shard in ends([ref for ref, _ in journal]):
            with tarfile.open(folder / shard) as tar:
                assert tar.getnames() == [f"{sha(data)}.jpg" for ref, data in journal if ref.shard == shard]


@given(st.text("0123456789abcdef.jpg", min_size=1, max_size=100), st.integers(0, (1 << 33) - 1))
def test_a_header_is_what_the_standard_library_writes(name, size):
    info = tarfile.TarInfo(name)
    info.size, info.mode = size, 0o644
    assert member_header(name, size) == info.tobuf(tarfile.USTAR_FORMAT)


def test_lanes_are_made_once(tmp_path):
    assert [new_lane(tmp_path) for _ in range(3)] == ["w1", "w2", "w3"]
    with pytest.raises(FileNotFoundError):
        new_lane(tmp_path / "elsewhere")


def test_shards_of_processes_that_are_no_more_are_ended_where_the_journal_ends(tmp_path):
    left = writer(tmp_path, lane="w1")
    places = [left.append(sha(body(number)), "jpg", body(number)) for number in range(3)]
    unknown = writer(tmp_path, lane="w2")
    unknown.append(sha(body(7)), "jpg", body(7))
    whole = writer(tmp_path, lane="w3")
    last = whole.append(sha(body(8)), "jpg", body(8))
    whole.close()
    mine = writer(tmp_path, lane="w0")
    mine.append(sha(body(9)), "jpg", body(9))
    before = {path: path.read_bytes() for path in tmp_path.glob("w[03]/*.tar")}
    good = {places[1].shard: places[1].offset + places[1].size, last.shard: last.offset + last.size}
    for _ in range(2):
        seal_lanes(tmp_path, good, "w0")
        with tarfile.open(tmp_path / "w1/00000.tar") as tar:
            assert [member.name for member in tar] == [f"{sha(body(number))}.jpg" for number in range(2)]
        assert read_member(tmp_path, places[1]) == body(1)
        assert not (tmp_path / "w2/00000.tar").exists()
        assert {path: path.read_bytes() for path in before} == before
