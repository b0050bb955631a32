from __future__ import annotations

import io
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from imagenet_build.errors import DataError
from imagenet_build.storage.layout import RunLayout
from imagenet_build.storage.schemas import CONFLICTS
from imagenet_build.web.explorer.bounded_cache import BoundedCache
from imagenet_build.web.explorer.column_reader import synset_columns
from imagenet_build.web.explorer.picture_bins import EDGES, LABELS, bins_of
from imagenet_build.web.explorer.picture_table import PictureTables, read_pictures
from imagenet_build.web.explorer.query_yields import query_yields
from imagenet_build.web.explorer.run_view import RunView
from imagenet_build.web.explorer.snapshot import fullest_below
from imagenet_build.web.explorer.tiny_sheets import SIDE_PX, read_tiny, sheet
from imagenet_build.web.explorer.treemap import treemap_cells


def test_yields_count_hits_addresses_pictures_and_those_found_by_one_query_alone() -> None:
    queries = [
        {"text": "dog", "language": "eng", "origin": "synonym", "position": 0, "ambiguity": 7},
        {"text": "perro", "language": "spa", "origin": "translation", "position": 1, "ambiguity": 1},
        {"text": "can", "language": "spa", "origin": "translation", "position": 2, "ambiguity": 1},
    ]
    hits = [
        ("dog", "eng", "openverse", "a"),
        ("dog", "eng", "wikimedia", "a"),
        ("dog", "eng", "openverse", "b"),
        ("perro", "spa", "openverse", "b"),
        ("perro", "spa", "openverse", "c"),
        ("older", "eng", "openverse", "d"),
    ]
    rows = [dict(zip(("query", "language", "engine", "url_key"), hit, strict=True), origin="synonym") for hit in hits]
    made = query_yields(queries, rows, {"a", "b", "d"})
    numbers = {row["text"]: (row["hits"], row["distinct"], row["kept"], row["alone"]) for row in made}
    assert numbers == {"dog": (3, 2, 2, 1), "perro": (2, 2, 1, 0), "can": (0, 0, 0, 0), "older": (1, 1, 1, 1)}
    assert [row["text"] for row in made] == ["dog", "perro", "can", "older"]
    assert made[0]["engines"] == {"openverse": 2, "wikimedia": 1}


def test_bins_begin_at_their_edges() -> None:
    assert bins_of(np.array(EDGES)).tolist() == list(range(1, len(LABELS)))
    assert bins_of(np.array(EDGES) - 1).tolist() == list(range(len(LABELS) - 1))


def test_a_cache_keeps_what_was_asked_for_lately() -> None:
    cache = BoundedCache[str, str](5, len)
    made: Counter[str] = Counter()

    def get(key: str) -> str:
        def make() -> str:
            made[key] += 1
            return key

        return cache.get(key, make)

    for key in ("aa", "bb", "aa", "cc", "aa", "bb"):
        assert get(key) == key
    assert made == {"aa": 1, "bb": 2, "cc": 1}
    assert cache.weight <= 5
    assert get("much too long") == "much too long"
    assert cache.held("aa") is None


def test_the_rows_of_one_synset_are_those_of_its_manifest(large: RunLayout) -> None:
    wnids = sorted(path.stem for path in large.manifests.iterdir())
    seen = 0
    for wnid in wnids:
        table = synset_columns(large.hits, wnid, ["url_key", "query"])
        manifest = synset_columns(large.manifest(wnid), wnid, ["url_key"])
        assert table is not None
        assert manifest is not None
        assert set(table["url_key"].to_pylist()) <= set(manifest["url_key"].to_pylist())
        seen += len(table)
    whole = synset_columns(large.hits, "n99999999", ["query"])
    assert (seen > 1000, len(whole) if whole is not None else None) == (True, 0)
    assert synset_columns(large.leaks, wnids[0], ["listed"]) is None


def test_damaged_tables_say_which(large: RunLayout, tmp_path: Path) -> None:
    damaged = tmp_path / "hits.parquet"
    damaged.write_bytes(large.hits.read_bytes()[:-100])
    with pytest.raises(DataError, match=r"hits\.parquet cannot be read"):
        synset_columns(damaged, "n00000001", ["query"])
    with pytest.raises(DataError, match="other columns"):
        synset_columns(large.hits, sorted(large.manifests.iterdir())[0].stem, ["listed", *CONFLICTS.names[:0]])


def test_every_row_of_a_manifest_is_shown_or_folded(large: RunLayout) -> None:
    for path in large.manifests.iterdir():
        table = read_pictures(large, path.stem, "")
        kept = table.shown["all"].tolist()
        folded = [row for rows in table.folded.values() for row in rows]
        assert sorted([*kept, *folded]) == list(range(table.rows.num_rows))
        judged = [len(table.shown[name]) for name in ("accepted", "rejected", "undecided", "unasked")]
        assert sum(judged) == len(kept)
        assert set(table.folded) == set(table.shown["duplicates"].tolist())


def test_a_manifest_that_is_written_again_is_read_again(large: RunLayout, tmp_path: Path) -> None:
    root = RunLayout(tmp_path)
    wnid = sorted(large.manifests.iterdir())[0].stem
    root.manifests.mkdir()
    tables = PictureTables(root)
    assert tables.of(wnid) is None
    root.manifest(wnid).write_bytes(large.manifest(wnid).read_bytes())
    first = tables.of(wnid)
    assert first is not None
    assert tables.of(wnid) is tables.held(wnid) is first
    other = sorted(large.manifests.iterdir())[1]
    root.manifest(wnid).write_bytes(other.read_bytes())
    again = tables.of(wnid)
    assert again is not None
    assert again.mark != first.mark


def test_a_manifest_cannot_point_out_of_the_run(large: RunLayout) -> None:
    table = read_pictures(large, sorted(large.manifests.iterdir())[0].stem, "")
    place = table.rows.schema.names.index("shard")
    for outside in ("../../etc/passwd", "/etc/passwd"):
        rows = table.rows.set_column(place, "shard", [[outside] * table.rows.num_rows])
        with pytest.raises(DataError, match="outside the run"):
            type(table)(table.wnid, rows, {}, {}, {}, {}, "").ref(0)


def test_tiny_pictures_of_some_rows_stand_in_one_sheet(large: RunLayout) -> None:
    path = max(large.manifests.iterdir(), key=lambda path: path.stat().st_size)
    found = read_tiny(path, [3, 0, 11, 10**6])
    assert sorted(found) == [0, 3, 11]
    flat = {row: bytes([row * 20] * SIDE_PX * SIDE_PX * 3) for row in range(9)}
    with Image.open(io.BytesIO(sheet([flat.get(row) for row in range(10)]))) as made:
        assert made.size == (8 * SIDE_PX, 2 * SIDE_PX)
        seen = [made.getpixel((place % 8 * SIDE_PX + 16, place // 8 * SIDE_PX + 16)) for place in range(10)]
    levels = [int(np.mean(np.array(one))) for one in seen]
    assert levels == pytest.approx([*(row * 20 for row in range(9)), 200], abs=3)


@pytest.fixture(scope="module")
def view(large: RunLayout) -> Any:
    made = RunView(large)
    made.open()
    made.settled()
    yield made
    made.close()


def test_the_rectangles_of_a_treemap_lie_in_each_other_and_have_their_areas(view: RunView) -> None:
    said = treemap_cells(view.snapshot, None, "pictures", 1000, 600)
    cells = said["cells"]
    assert said["total"] == view.snapshot.own["kept"].sum()
    top = [cell for cell in cells if cell["level"] == 1]
    assert sum(cell["width"] * cell["height"] for cell in top) == pytest.approx(600_000, rel=0.01)
    for cell in top:
        assert cell["width"] * cell["height"] / 600_000 == pytest.approx(cell["value"] / said["total"], abs=0.002)
    around: list[dict[str, Any]] = []
    for cell in cells:
        del around[cell["level"] - 1 :]
        if around:
            outer = around[-1]
            assert outer["is_divided"]
            assert cell["x"] >= outer["x"]
            assert cell["y"] >= outer["y"]
            assert cell["x"] + cell["width"] <= outer["x"] + outer["width"] + 0.2
            assert cell["y"] + cell["height"] <= outer["y"] + outer["height"] + 0.2
        around.append(cell)
    assert max(cell["level"] for cell in cells) > 1
    wnids = [cell["wnid"] for cell in cells]
    assert len(wnids) == len(set(wnids))


def test_a_treemap_by_synsets_counts_them(view: RunView) -> None:
    said = treemap_cells(view.snapshot, None, "synsets", 1000, 600)
    assert said["total"] == len(view.snapshot.concepts.tree)


def test_a_cover_comes_from_where_pictures_are(view: RunView) -> None:
    now = view.snapshot
    for number in range(len(now.concepts.tree)):
        assert now.own["kept"][fullest_below(now, number)] > 0 or now.below["kept"][number] == 0


def test_the_counts_of_the_view_are_those_of_the_manifests(view: RunView, large: RunLayout) -> None:
    kept = sum(len(read_pictures(large, path.stem, "").shown["all"]) for path in large.manifests.iterdir())
    assert view.snapshot.totals["kept"] == kept
    assert sum(view.snapshot.totals["histogram"]) == view.snapshot.totals["synsets"] == 60
