"""Sizes, licences, hosts and colours of images, in any order and in any pieces."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest

from imagenet_build.stats.pictures import TOP_HOSTS, ColourTally, PictureTally, host_table
from imagenet_build.stats.sections import NamedCount


def images(count: int, seed: int = 0) -> pa.Table:
    rng = np.random.default_rng(seed)
    return pa.table(
        {
            "url_key": [f"//host{number % 3}.example:8080/{number}.jpg" for number in range(count)],
            "pixel_sha256": [f"{rng.integers(0, 2**60):064x}"[::-1] for _ in range(count)],
            "size": pa.array(rng.integers(1000, 9000, count)),
            "format": rng.choice(["JPEG", "PNG"], count).tolist(),
            "width": pa.array(rng.integers(64, 3000, count), pa.int32()),
            "height": pa.array(rng.integers(64, 3000, count), pa.int32()),
            "license": rng.choice(["by", "cc0", "unknown"], count).tolist(),
        }
    )


def test_sizes_are_those_of_numpy():
    table = images(999)
    tally = PictureTally()
    tally.add(table)
    sizes = tally.sizes()
    width, height = table["width"].to_numpy(), table["height"].to_numpy()
    assert sizes is not None
    assert (sizes.mean_width, sizes.mean_height) == pytest.approx((width.mean(), height.mean()))
    assert sizes.shorter_side.median == np.sort(np.minimum(width, height))[499]
    assert sum(of.count for of in sizes.shorter_sides) == sizes.images == 999
    assert sizes.mean_bytes == pytest.approx(table["size"].to_numpy().mean())
    assert sum(of.kept for of in sizes.formats) == 999


def test_order_and_pieces_do_not_matter():
    table = images(500)
    whole, parts = PictureTally(), PictureTally()
    whole.add(table)
    for start in (400, 0, 150):
        parts.add(table.slice(start, {400: 100, 0: 150, 150: 250}[start]))
    assert parts.sizes() == whole.sizes()
    assert parts.licenses(judged=False) == whole.licenses(judged=False)
    assert parts.hosts == whole.hosts
    assert parts.distinct_pictures() == whole.distinct_pictures() == 500


def test_the_same_picture_counts_once():
    tally = PictureTally()
    tally.add(images(20, seed=1))
    tally.add(images(20, seed=1))
    assert (tally.images, tally.distinct_pictures()) == (40, 20)


def test_licences_and_hosts():
    table = images(90)
    accepted = np.arange(90) < 30
    tally = PictureTally()
    tally.add(table, accepted)
    codes = table["license"].to_pylist()
    expected = {code: (codes.count(code), codes[:30].count(code)) for code in set(codes)}
    assert {row.name: (row.kept, row.accepted) for row in tally.licenses(judged=True)} == expected
    assert tally.hosts == {f"host{number}.example:8080": 30 for number in range(3)}


def test_images_without_bytes_have_no_size():
    table = images(2).drop_columns(["license"])
    nothing = {"pixel_sha256": pa.string(), "size": pa.int64(), "format": pa.string()}
    for name, kind in (nothing | {"width": pa.int32(), "height": pa.int32()}).items():
        table = table.set_column(table.column_names.index(name), name, pa.nulls(2, kind))
    tally = PictureTally()
    tally.add(table)
    assert (tally.images, tally.stored, tally.sizes(), tally.distinct_pictures()) == (2, 0, None, 0)
    assert tally.hosts.total() == 2


def test_what_is_said_of_nothing():
    tally = PictureTally()
    tally.add(images(3).slice(0, 0))
    assert (tally.sizes(), tally.licenses(judged=True)) == (None, ())


def test_hosts_beyond_the_first_are_added_up():
    kept = {f"h{number:02d}": 100 - number for number in range(TOP_HOSTS + 5)}
    found = host_table(kept, {"h00": 7, "h24": 2, "gone": 3})
    assert found.hosts == TOP_HOSTS + 6
    assert [(row.host, row.kept, row.refused) for row in found.top[:2]] == [("h00", 100, 7), ("h01", 99, 0)]
    assert (found.rest.kept, found.rest.refused) == (sum(100 - n for n in range(20, 25)), 5)


def test_colours_are_those_of_floats():
    tiny = np.random.default_rng(2).integers(0, 256, (70, 32, 32, 3), np.uint8)
    tally = ColourTally()
    tally.add(tiny[:9])
    tally.add(tiny[9:])
    found = tally.result()
    pixels = tiny.reshape(-1, 3) / 255
    assert found is not None
    assert found.images == 70
    assert found.mean == pytest.approx(pixels.mean(axis=0), abs=1e-12)
    assert found.std == pytest.approx(pixels.std(axis=0), abs=1e-12)


def test_colours_are_the_same_in_any_order():
    tiny = np.random.default_rng(3).integers(0, 256, (64, 32, 32, 3), np.uint8)
    one, other = ColourTally(), ColourTally()
    one.add(tiny)
    for picture in tiny[np.random.default_rng(4).permutation(64)]:
        other.add(picture[None])
    assert one.result() == other.result()


def test_bright_pictures_do_not_overflow():
    tally = ColourTally()
    for _ in range(2):
        tally.add(np.full((40_000, 2, 2, 3), 255, np.uint8))
    found = tally.result()
    assert found is not None
    assert (found.mean, found.std) == ((1.0, 1.0, 1.0), (0.0, 0.0, 0.0))


def test_no_pictures_have_no_colours():
    tally = ColourTally()
    tally.add(np.zeros((0, 32, 32, 3), np.uint8))
    assert tally.result() is None


def test_a_licence_that_nobody_accepted():
    tally = PictureTally()
    tally.add(images(1, seed=5), np.zeros(1, bool))
    assert tally.licenses(judged=True) == (NamedCount(images(1, seed=5)["license"][0].as_py(), 1, 0),)
