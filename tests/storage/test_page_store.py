import signal
import subprocess
import sys
import time

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from imagenet_build.storage.page_store import KeptPage, PageStore
from imagenet_build.storage.schemas import HITS, SEARCH_REJECTIONS


@pytest.fixture
def store(tmp_path):
    made = PageStore(tmp_path / "search" / "openverse.sqlite")
    yield made
    made.close()


def hit(wnid: str, rank: int) -> dict:
    texts = dict.fromkeys([field.name for field in HITS if pa.types.is_string(field.type)], "x")
    return {**texts, "wnid": wnid, "position": 0, "rank": rank, "width": None, "height": 4}


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.integers(100, 599), st.binary(max_size=2000))
def test_a_page_comes_back_as_received(store, status, body):
    store.keep_page("http://engine/?q=dog&page=1", KeptPage(status, body))
    assert store.page("http://engine/?q=dog&page=1") == KeptPage(status, body)
    assert store.page_count() == 1


def test_a_page_that_was_never_answered_is_none(store):
    assert store.page("http://engine/?q=dog") is None
    assert store.page_count() == 0


def test_pages_are_kept_small(tmp_path, store):
    for number in range(20):
        store.keep_page(f"http://engine/?page={number}", KeptPage(200, b'{"results": []}' * 20_000))
    store.close()
    assert sum(path.stat().st_size for path in (tmp_path / "search").iterdir()) < 200_000


def test_hits_and_refused_items_of_a_synset_are_replaced_whole(store):
    refused = [dict.fromkeys(SEARCH_REJECTIONS.names, "x")]
    store.keep_hits("n2", pa.Table.from_pylist([hit("n2", 0), hit("n2", 1)], HITS), SEARCH_REJECTIONS.empty_table())
    store.keep_hits("n2", pa.Table.from_pylist([hit("n2", 5)], HITS), pa.Table.from_pylist(refused, SEARCH_REJECTIONS))
    store.keep_hits("n1", HITS.empty_table(), SEARCH_REJECTIONS.empty_table())
    hits, items = store.hits("n2")
    assert hits.to_pylist() == [hit("n2", 5)]
    assert items.to_pylist() == refused
    assert [table.num_rows for table in store.hits("n1")] == [0, 0]
    assert store.hits("n3") is None
    assert list(store.wnids()) == ["n1", "n2"]


def test_yields_are_those_of_a_range_of_synsets_as_last_kept(store):
    def keep(wnid: str, **yields: tuple[int, int]) -> None:
        kinds = {("eng", origin): brought for origin, brought in yields.items()}
        store.keep_hits(wnid, HITS.empty_table(), SEARCH_REJECTIONS.empty_table(), kinds)

    for wnid in ("n3", "n1", "n2"):
        keep(wnid, synonym=(2, 7), latin=(1, 1))
    keep("n1", synonym=(3, 9))
    first, second = ("n1", "eng", "synonym", 3, 9), ("n2", "eng", "latin", 1, 1)
    assert store.yields_of("", "n3") == [first, second, ("n2", "eng", "synonym", 2, 7)]
    assert store.yields_of("", "n2") == [first]
    assert [row[0] for row in store.yields_of("n2", "n9")] == ["n2", "n2", "n3", "n3"]


def test_a_pause_outlives_the_process(tmp_path, store):
    assert store.not_before() == 0.0
    until = time.time() + 600
    store.park(until - 10)
    store.park(until)
    again = PageStore(tmp_path / "search" / "openverse.sqlite", read_only=True)
    assert again.not_before() == until
    again.close()


KEEPS_AND_DIES = """
import os, signal, sys
from pathlib import Path
from imagenet_build.storage.page_store import KeptPage, PageStore
store = PageStore(Path(sys.argv[1]))
for number in range(500):
    store.keep_page(f"http://engine/?page={number}", KeptPage(200, os.urandom(20_000)))
os.kill(os.getpid(), signal.SIGKILL)
"""


def test_what_was_kept_survives_the_death_of_the_process(tmp_path):
    path = tmp_path / "engine.sqlite"
    died = subprocess.run([sys.executable, "-c", KEEPS_AND_DIES, str(path)], check=False)
    assert died.returncode == -signal.SIGKILL
    again = PageStore(path)
    assert again.page_count() == 500
    assert len(again.page("http://engine/?page=499").body) == 20_000
    again.close()


def test_hits_of_an_earlier_version_lack_only_what_it_did_not_know(store):
    earlier = pa.schema([column for column in HITS if column.name != "preview_url"])
    values = {column.name: 1 if pa.types.is_integer(column.type) else "x" for column in earlier}
    hits = pa.Table.from_pylist([values], earlier)
    store.keep_hits("n00000001", hits, pa.Table.from_pylist([], SEARCH_REJECTIONS))
    (row,) = store.hits("n00000001")[0].to_pylist()
    assert row == {**values, "preview_url": None}
