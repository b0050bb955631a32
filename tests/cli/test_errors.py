"""Bad input, as a user meets it: one clear paragraph with the remedy, the right exit code, nothing lost."""

from __future__ import annotations

import os
import shutil
import socket
from pathlib import Path

import pytest

from imagenet_build.collection.serve import CollectionServer
from tests.mini_wordnet.make import build as build_mini_wordnet
from tests.program_here import run_here
from tests.world import World, run


def assert_said(done: object, code: int, *parts: str) -> None:
    assert done.returncode == code, done.stderr
    assert "Traceback" not in done.stderr
    for part in parts:
        assert part in done.stderr, done.stderr
    assert done.stderr.count("error:") == 1


def test_unknown_root(world: World, tmp_path: Path) -> None:
    done = world.build(tmp_path / "run", "--set", "taxonomy.roots=[whipet.n.01]")
    assert_said(done, 2, "whipet", "Did you mean whippet?")


def test_ambiguous_word_lists_the_senses(world: World, tmp_path: Path) -> None:
    done = world.build_here(tmp_path / "run", "--set", "taxonomy.roots=[crane]")
    assert_said(done, 2, "crane.n.01", "crane.n.02", "a machine with a long arm")


def test_missing_wordnet(world: World, tmp_path: Path) -> None:
    done = world.build_here(tmp_path / "run", "--set", f"taxonomy.wordnet_dir={tmp_path / 'nowhere'}")
    assert_said(done, 3, "no data.noun", "imagenet-build data install")


def test_wrong_wordnet_version(world: World, tmp_path: Path) -> None:
    done = world.build_here(tmp_path / "run", "--set", "taxonomy.any_version=false")
    assert_said(done, 3, "cannot be used", "imagenet-build data install")


def test_cyclic_wordnet(world: World, tmp_path: Path) -> None:
    folder = tmp_path / "cyclic"
    build_mini_wordnet(folder)
    file = folder / "wordnet" / "data.noun"
    text = file.read_bytes()
    offset_of = {line.split()[4]: line[:8] for line in text.splitlines() if line[:8].isdigit() and b" n " in line}
    whole = next(line for line in text.splitlines() if line.startswith(offset_of[b"whole"]))
    circular = whole.replace(b"@ " + offset_of[b"object"], b"@ " + offset_of[b"dog"])
    file.write_bytes(text.replace(whole, circular))
    done = world.build_here(tmp_path / "run", "--set", f"taxonomy.wordnet_dir={folder / 'wordnet'}")
    assert_said(done, 3, "hypernyms go in a circle", "imagenet-build data install")


def test_unknown_key_names_the_nearest(world: World, tmp_path: Path) -> None:
    done = world.build_here(tmp_path / "run", "--set", "download.min_side_pixels=3")
    assert_said(done, 2, "unknown key download.min_side_pixels", "min_side_px")


def test_a_missing_list_of_excluded_pictures_is_said_before_anything_is_done(world: World, tmp_path: Path) -> None:
    done = world.build_here(tmp_path / "run", "--set", f"dedup.exclude=[{tmp_path / 'nowhere'}]")
    assert_said(done, 2, "dedup.exclude", "is not there")
    assert not (tmp_path / "run").exists()


def test_unknown_engine_names_the_known(world: World, tmp_path: Path) -> None:
    done = world.build_here(tmp_path / "run", "--set", "search.engines=[{name: openvers}]")
    assert_said(done, 2, "openverse")


def test_live_engine_without_contact(world: World, tmp_path: Path) -> None:
    done = world.build_here(tmp_path / "run", "--set", "search.engines=[{name: wikimedia}]")
    assert_said(done, 2, "wikimedia", "IMAGENET_BUILD_CONTACT")


def test_out_is_a_file(world: World, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("mine")
    done = world.build_here(tmp_path / "file" / "run")
    assert_said(done, 3, "cannot be written")
    assert (tmp_path / "file").read_text() == "mine"


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_out_is_not_writable(world: World, tmp_path: Path) -> None:
    locked = tmp_path / "locked"
    locked.mkdir(mode=0o500)
    assert_said(world.build_here(locked / "run"), 3, "cannot be written")


def test_out_is_a_folder_of_the_user(world: World, tmp_path: Path) -> None:
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos" / "me.jpg").write_bytes(b"mine")
    assert_said(world.build_here(tmp_path / "photos"), 3, "not a run", "--out")
    assert sorted(path.name for path in (tmp_path / "photos").iterdir()) == ["me.jpg"]


def test_no_run(world: World, tmp_path: Path) -> None:
    for command in ("status", "check", "retry"):
        more = ("--class", "transient") if command == "retry" else ()
        assert_said(run_here(command, str(tmp_path), *more), 3, "not a run")


def test_nothing_to_build(world: World, tmp_path: Path) -> None:
    assert_said(run_here("build", "--out", str(tmp_path / "x")), 2, "Nothing to build")
    assert_said(run_here("build", "--root", "dog.n.01"), 2, "--out")


def test_missing_index(world: World, tmp_path: Path) -> None:
    shutil.move(str(world.folder / "index.sqlite"), str(tmp_path / "moved.sqlite"))
    done = world.build_here(tmp_path / "run")
    assert done.returncode in (2, 3)
    assert "index.sqlite" in done.stderr
    assert "Traceback" not in done.stderr


def test_port_in_use(world: World) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        index = str(world.folder / "index.sqlite")
        done = run(world.command("collection", "serve", index, "--port", str(port)))
        assert_said(done, 3, str(port), "--port")


def test_a_server_that_was_stopped_frees_its_port(world: World) -> None:
    with CollectionServer(world.folder / "index.sqlite") as first:
        port = first.port
    with CollectionServer(world.folder / "index.sqlite", port=port) as second:
        assert second.port == port


def test_a_full_disk_loses_nothing(world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The disk refuses in the middle of the download; once there is room again, the same call goes on."""
    import errno

    from imagenet_build.config.load import load_config
    from imagenet_build.errors import DiskUnusable
    from imagenet_build.pipeline import build
    from imagenet_build.storage import shards
    from tests.world import assert_same_rows, manifest_rows

    class Silent:
        def stage_started(self, *_: object) -> None: ...
        def advance(self, *_: object) -> None: ...
        def stage_ended(self, *_: object) -> None: ...
        def note(self, *_: object) -> None: ...

    config = load_config(world.config)
    written = 0
    real_write = os.writev

    def write(handle: int, parts: list[memoryview]) -> int:
        nonlocal written
        written += 1
        if written == 30:
            os.write(handle, b"".join(parts)[:700])  # a torn member, as a full disk leaves it
            raise OSError(errno.ENOSPC, "No space left on device")
        return real_write(handle, parts)

    monkeypatch.setattr(shards.os, "writev", write)
    with pytest.raises(DiskUnusable, match="full"):
        build(config, tmp_path / "run", Silent())
    monkeypatch.undo()
    build(config, tmp_path / "run", Silent())
    build(config, tmp_path / "fresh", Silent())
    assert_same_rows(manifest_rows(tmp_path / "run"), manifest_rows(tmp_path / "fresh"))
    assert run_here("check", str(tmp_path / "run")).returncode == 0


def test_a_damaged_state_file_is_said_in_words(world: World, tmp_path: Path) -> None:
    out = tmp_path / "run"
    assert world.build_here(out).returncode == 0
    state = out / "download.sqlite"
    data = bytearray(state.read_bytes())
    data[4096:] = bytes(len(data) - 4096)  # the header is whole, the pages behind it are not
    state.write_bytes(data)
    for name in ("download.sqlite-wal", "download.sqlite-shm"):
        (out / name).unlink(missing_ok=True)
    assert_said(world.build(out), 3, "damaged", "--out")
