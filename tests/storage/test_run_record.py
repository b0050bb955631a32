import contextlib
import json
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from imagenet_build.config.models import BuildConfig, DownloadConfig
from imagenet_build.errors import ConfigChanged, DataError, RunInUse
from imagenet_build.storage.layout import RunLayout
from imagenet_build.storage.run_record import config_hash, read_config, writing

CONFIG = BuildConfig()
HOLD = """
import sys
from pathlib import Path
from imagenet_build.config.models import BuildConfig
from imagenet_build.storage.run_record import writing
with writing(Path(sys.argv[1]), BuildConfig()):
    print("held", flush=True)
    sys.stdin.read()
"""


@contextlib.contextmanager
def held_by_another_process(root: Path):
    command = [sys.executable, "-c", HOLD, str(root)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as other:
        assert other.stdout.readline() == "held\n"
        try:
            yield other
        finally:
            other.kill()


def test_a_new_run_remembers_its_configuration(tmp_path):
    root = tmp_path / "runs" / "mine"
    with writing(root, CONFIG) as layout:
        assert layout == RunLayout(root)
    record = json.loads(layout.run_record.read_text())
    assert record["config_hash"] == config_hash(CONFIG)
    assert read_config(layout) == CONFIG
    assert BuildConfig.model_validate(yaml.safe_load(layout.config_copy.read_text())) == CONFIG


def test_one_process_at_a_time_writes_a_run(tmp_path):
    root = tmp_path / "run"
    with held_by_another_process(root) as other:
        with pytest.raises(RunInUse, match="Another process") as caught, writing(root, CONFIG):
            pass
        assert caught.value.remedy
        other.kill()  # the lock goes with the process, however it ends
        other.wait()
    with writing(root, CONFIG):
        pass


def test_a_run_can_be_written_again_after_an_error(tmp_path):
    with pytest.raises(ZeroDivisionError), writing(tmp_path / "run", CONFIG):
        raise ZeroDivisionError
    with writing(tmp_path / "run", CONFIG):
        pass


def test_a_change_that_makes_old_rows_wrong_is_refused_with_the_difference(tmp_path):
    with writing(tmp_path / "run", CONFIG) as layout:
        pass
    before = layout.run_record.read_bytes()
    other = BuildConfig(download=DownloadConfig(min_side_px=100))
    with pytest.raises(ConfigChanged, match=r"download\.min_side_px: 64 -> 100") as caught, writing(layout.root, other):
        pass
    assert caught.value.remedy
    assert layout.run_record.read_bytes() == before


def test_a_change_that_only_adds_work_is_taken_and_remembered(tmp_path):
    with writing(tmp_path / "run", CONFIG) as layout:
        pass
    more = BuildConfig.model_validate({"queries": {"languages": ["cmn", "spa", "nld", "ita", "fra"]}})
    with writing(layout.root, more):
        pass
    assert read_config(layout) == more
    with pytest.raises(ConfigChanged, match="fra taken away"), writing(layout.root, CONFIG):
        pass


def test_a_change_of_manners_is_taken(tmp_path):
    with writing(tmp_path / "run", CONFIG) as layout:
        pass
    slower = BuildConfig.model_validate(
        {"download": {"timeout_s": 99, "hosts": {}}, "network": {"contact": "me@e.org"}}
    )
    with writing(layout.root, slower):
        pass
    assert read_config(layout) == slower
    assert config_hash(slower) == config_hash(CONFIG)


def test_a_foreign_folder_is_refused_and_left_alone(tmp_path):
    (tmp_path / "thesis.tex").write_text("ten years")
    with pytest.raises(DataError, match="not a run") as caught, writing(tmp_path, CONFIG):
        pass
    assert caught.value.remedy
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.tex"]


def test_an_empty_folder_is_taken(tmp_path):
    with writing(tmp_path, CONFIG) as layout:
        assert layout.run_record.exists()


def test_a_run_that_was_killed_at_its_very_beginning_is_taken(tmp_path):
    """`kill -9` between writing run.json aside and renaming it."""
    (tmp_path / "run.lock").touch()
    (tmp_path / ".run.json.4711.part").write_text('{"format"')
    with writing(tmp_path, CONFIG) as layout:
        assert read_config(layout) == CONFIG


def test_what_killed_writers_left_half_written_is_cleared_away(tmp_path):
    with writing(tmp_path, CONFIG) as layout:
        pass
    layout.manifests.mkdir()
    layout.manifest("n00000001").write_bytes(b"a table")
    half = [tmp_path / ".images.parquet.4711.part", layout.manifests / ".n00000002.parquet.4711.part"]
    for path in half:
        path.write_bytes(b"half a table")
    with writing(tmp_path, CONFIG):
        pass
    assert not any(path.exists() for path in half)
    assert layout.manifest("n00000001").exists()


@pytest.mark.parametrize(
    "text", ["{", "", "[]", '"run"', "{}", '{"format": 99}', '{"format": 1}', '{"format": 1, "config": 3}']
)
def test_a_record_that_cannot_be_read_is_a_data_error(tmp_path, text):
    layout = RunLayout(tmp_path)
    layout.run_record.write_text(text)
    with pytest.raises(DataError, match=str(tmp_path)):
        read_config(layout)
    with pytest.raises(DataError), writing(tmp_path, CONFIG):
        pass
    assert layout.run_record.read_text() == text


def test_what_is_no_run_is_a_data_error_with_a_remedy(tmp_path):
    with pytest.raises(DataError, match=r"no run\.json") as caught:
        read_config(RunLayout(tmp_path))
    assert caught.value.remedy
