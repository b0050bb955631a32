import os
import random
import tracemalloc
from pathlib import Path

import pytest

from imagenet_build.storage.disk_sort import disk_sorted


def rows(count: int, most_bytes: int = 400) -> list[tuple[object, ...]]:
    """First values that are often equal; all kinds of values behind them."""
    chance = random.Random(1)
    return [
        (
            chance.randbytes(chance.choice([0, 1, 8])),
            number,
            chance.randbytes(chance.randrange(most_bytes)),
            None,
            0.5,
            "ü",
        )
        for number in range(count)
    ]


def open_files() -> int:
    return sum(1 for _ in Path("/proc/self/fd").iterdir())


@pytest.mark.parametrize("count", [0, 1, 3000])
@pytest.mark.parametrize("stretch_bytes", [1, 50_000, 10_000_000])
def test_any_number_of_stretches_gives_the_order_of_sorted(tmp_path, count, stretch_bytes):
    given = rows(count)
    found = list(disk_sorted(iter(given), tmp_path, stretch_bytes=stretch_bytes))
    assert found == sorted(given, key=lambda row: row[0])  # stable: equal ones as they came


def test_rows_larger_than_what_is_read_at_a_time(tmp_path):
    given = rows(60, most_bytes=100_000)
    found = list(disk_sorted(given, tmp_path, stretch_bytes=300_000, merged_bytes=1))
    assert found == sorted(given, key=lambda row: row[0])


def test_nothing_is_left_behind_not_even_by_who_stops_early(tmp_path):
    sorting = disk_sorted(rows(3000), tmp_path, stretch_bytes=50_000)
    open_before = open_files()
    next(sorting)
    assert open_files() == open_before + 1
    assert list(tmp_path.iterdir()) == []  # a killed process could not tidy up
    sorting.close()
    assert open_files() == open_before


def test_memory_does_not_grow_with_the_rows(tmp_path):
    def many(count: int):
        return ((os.urandom(8), bytes(3000)) for _ in range(count))

    peaks = []
    for count in (2000, 8000):
        tracemalloc.start()
        assert sum(1 for _ in disk_sorted(many(count), tmp_path, stretch_bytes=600_000, merged_bytes=600_000)) == count
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[0] < 3_000_000  # of 6 MB
    assert peaks[1] < 1.3 * peaks[0]


def test_a_folder_that_cannot_be_written_is_no_hindrance(tmp_path):
    given = rows(1000)
    assert len(list(disk_sorted(given, tmp_path / "missing", stretch_bytes=50_000))) == 1000
