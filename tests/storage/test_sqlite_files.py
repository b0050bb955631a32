import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from imagenet_build.errors import DataError
from imagenet_build.storage.download_queue import DownloadQueue
from imagenet_build.storage.page_store import KeptPage, PageStore
from imagenet_build.storage.queue_view import QueueView
from imagenet_build.storage.run_state import RunState
from imagenet_build.storage.sqlite_files import open_database


def queue(path: Path, *, read_only: bool = False) -> QueueView:
    return QueueView(path) if read_only else DownloadQueue(path)


STORES = {"state.sqlite": RunState, "download.sqlite": queue, "pages.sqlite": PageStore}


@pytest.mark.parametrize("read_only", [False, True])
@pytest.mark.parametrize("name", STORES)
def test_a_damaged_database_is_a_data_error_with_a_remedy(tmp_path, name, read_only):
    path = tmp_path / name
    path.write_bytes(b"this was a database once. " * 100)
    with pytest.raises(DataError, match=name) as caught:
        STORES[name](path, read_only=read_only)
    assert caught.value.remedy
    assert path.read_bytes().startswith(b"this was")  # evidence is not overwritten


def test_a_database_that_is_not_there_cannot_be_looked_at(tmp_path):
    with pytest.raises(DataError, match=r"missing\.sqlite"):
        open_database(tmp_path / "missing.sqlite", "", read_only=True)
    assert not (tmp_path / "missing.sqlite").exists()


@pytest.mark.parametrize("name", STORES)
def test_the_folder_is_made_and_reopening_keeps_everything(tmp_path, name):
    path = tmp_path / "deep" / name
    STORES[name](path).close()
    STORES[name](path).close()
    STORES[name](path, read_only=True).close()
    assert path.exists()


def test_a_reader_sees_what_a_writer_committed_while_it_goes_on(tmp_path):
    path = tmp_path / "state.sqlite"
    writer = RunState(path)
    reader = RunState(path, read_only=True)
    writer.record_unit("search", "a", "f", {"hits": 1}, "")
    assert reader.units("search")["a"].counts == {"hits": 1}
    writer.record_unit("search", "b", "f", {"hits": 2}, "")
    assert set(reader.units("search")) == {"a", "b"}
    reader.close()
    writer.close()


def test_what_returned_survives_kill_9(tmp_path):
    path = tmp_path / "pages.sqlite"
    code = (
        "import os, signal, sys; from pathlib import Path; "
        "from imagenet_build.storage.page_store import KeptPage, PageStore; "
        "store = PageStore(Path(sys.argv[1])); store.keep_page('http://e/?q=1', KeptPage(200, b'answer')); "
        "os.kill(os.getpid(), signal.SIGKILL)"
    )
    done = subprocess.run([sys.executable, "-c", code, os.fspath(path)], timeout=60, check=False)
    assert done.returncode == -signal.SIGKILL
    store = PageStore(path)
    assert store.page("http://e/?q=1") == KeptPage(200, b"answer")
    store.close()
