from __future__ import annotations

from pathlib import Path

import pytest

from imagenet_build.errors import ConfigError
from imagenet_build.storage.places import Place, on_this_machine
from imagenet_build.storage.work_directory import owner_of


def test_the_name_stays_with_the_directory(tmp_path: Path) -> None:
    assert owner_of(tmp_path / "one") == owner_of(tmp_path / "one")
    assert owner_of(tmp_path / "one") != owner_of(tmp_path / "two")


def test_a_directory_with_other_things_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "run.lock").touch()
    (tmp_path / "run.json").write_text("{}")
    with pytest.raises(ConfigError, match="holds files"):
        owner_of(tmp_path)
    assert sorted(item.name for item in tmp_path.iterdir()) == ["run.json", "run.lock"]


def test_a_unit_on_another_machine_makes_no_directory_of_the_writer(place: Place) -> None:
    assert on_this_machine(place).run.work != place.run.work
    written = on_this_machine(place) / "dedup" / "n00000001.parquet"
    written.write_whole(lambda out: out.write(b"part"))
    assert (place / "dedup" / "n00000001.parquet").read_bytes() == b"part"
    assert not place.run.work.exists()
    owner_of(place.run.work)
    assert on_this_machine(place) == place
