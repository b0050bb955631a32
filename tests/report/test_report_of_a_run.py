"""The report of a real, small run, through the command."""

from __future__ import annotations

import base64
import io
import re
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from PIL import Image

from imagenet_build.cli.main import Group
from imagenet_build.cli.report import report_command
from imagenet_build.config.load import load_config
from imagenet_build.report.gather import BRANCH_GRID, SAMPLE_GRID, gather_report
from imagenet_build.report.settings import settings_of
from imagenet_build.report.sheets import contact_sheet
from imagenet_build.stats.document import to_json
from imagenet_build.stats.gather import gather_run
from imagenet_build.stats.run_tables import manifest_wnids
from imagenet_build.storage.layout import RunLayout
from tests.report.pages import Page, judged
from tests.world import World


def report(*arguments: str | Path) -> Result:
    return CliRunner().invoke(Group("program", commands=[report_command]), ["report", *map(str, arguments)])


@pytest.fixture(scope="module")
def page(built: tuple[World, Path], tmp_path_factory: pytest.TempPathFactory) -> Page:
    target = tmp_path_factory.mktemp("page") / "deep" / "run.html"
    done = report(built[1], "--html", target)
    assert done.exit_code == 0, done.output
    assert str(target) in done.stdout
    return judged(target.read_text(encoding="utf-8"))


def test_the_page_says_what_was_built(page: Page) -> None:
    assert "An image dataset of animal and musical instrument" in page.text
    for title in ("The dataset at a glance", "Pictures at several depths", "Scale", "Hierarchy", "Sources", "Cleaning"):
        assert page.section(title)
    assert "openverse" in page.section("Sources")
    assert "Spanish" in page.section("Sources")
    assert "too many pixels" in page.section("What went wrong")
    assert "http error" in page.section("What went wrong")


def test_its_pictures_are_pictures(page: Page) -> None:
    images = [image["src"] or "" for image in page.all("img")]
    assert len(images) >= 6
    for source in images:
        with Image.open(io.BytesIO(base64.b64decode(source.partition(",")[2]))) as opened:
            opened.load()


def test_the_same_run_gives_the_same_page(built: tuple[World, Path], page: Page, tmp_path: Path) -> None:
    assert report(built[1], "--html", tmp_path / "again.html").exit_code == 0
    again = (tmp_path / "again.html").read_text(encoding="utf-8")
    command = re.compile(r"imagenet-build report [^<]+")
    assert command.sub("", again) == command.sub("", page.html)


def test_beside_another_run_and_beside_a_table(built: tuple[World, Path], tmp_path: Path) -> None:
    copy = tmp_path / "earlier"
    shutil.copytree(built[1], copy)
    assert report(built[1], "--html", tmp_path / "a.html", "--against", copy).exit_code == 0
    text = judged((tmp_path / "a.html").read_text()).section("Beside earlier")
    assert "100 % of those of run, 100 % of those of earlier" in text
    assert "Compare Figure 3" in text
    wnids = manifest_wnids(RunLayout(built[1]))
    table = tmp_path / "counts.csv"
    table.write_text("".join(f"{wnid},{place + 1}\n" for place, wnid in enumerate(wnids[:9])))
    assert report(built[1], "--html", tmp_path / "b.html", "--against", table).exit_code == 0
    assert "9 synsets stand in both" in judged((tmp_path / "b.html").read_text()).section("Beside counts")


def test_statistics_that_are_there_are_not_counted_again(built: tuple[World, Path], page: Page, tmp_path: Path) -> None:
    found = gather_run(built[1])
    (tmp_path / "stats.json").write_bytes(to_json(found))
    done = report(built[1], "--html", tmp_path / "a.html", "--stats", tmp_path / "stats.json")
    assert done.exit_code == 0, done.output
    assert judged((tmp_path / "a.html").read_text()).section("Scale") == page.section("Scale")
    other = replace(found, identity=replace(found.identity, config_hash="0" * 16))
    (tmp_path / "stats.json").write_bytes(to_json(other))
    refused = report(built[1], "--html", tmp_path / "b.html", "--stats", tmp_path / "stats.json")
    assert refused.exit_code == 3
    assert "built with another configuration" in " ".join(refused.stderr.split())


def test_what_is_no_run_is_refused(tmp_path: Path) -> None:
    assert report(tmp_path / "nothing").exit_code == 2
    (tmp_path / "folder").mkdir()
    refused = report(tmp_path / "folder")
    assert refused.exit_code == 3
    assert "is not a run" in " ".join(refused.stderr.split())
    assert list((tmp_path / "folder").iterdir()) == []


def test_a_sheet_takes_pictures_from_below_where_it_must(built: tuple[World, Path]) -> None:
    layout = RunLayout(built[1])
    kept = gather_report(built[1]).statistics.synsets
    most = max(kept, key=lambda row: row.images)
    few = min((row for row in kept if row.images), key=lambda row: row.images)
    own = contact_sheet(layout, [few.wnid], BRANCH_GRID, accepted=False)
    filled = contact_sheet(layout, [few.wnid, most.wnid], BRANCH_GRID, accepted=False)
    assert own is not None
    assert filled is not None
    assert own.shown == own.own == few.images < filled.shown
    assert contact_sheet(layout, ["n99999999"], BRANCH_GRID, accepted=False) is None
    with Image.open(io.BytesIO(filled.jpeg)) as opened:
        assert opened.size == (filled.width, filled.height) == (214, 214)


def test_a_shard_that_is_gone_leaves_the_tiny_pictures(built: tuple[World, Path], tmp_path: Path) -> None:
    copy = tmp_path / "run"
    shutil.copytree(built[1], copy)
    layout = RunLayout(copy)
    wnid = max(manifest_wnids(layout), key=lambda one: layout.manifest(one).stat().st_size)
    whole = contact_sheet(layout, [wnid], SAMPLE_GRID, accepted=False)
    shutil.rmtree(layout.shards)
    tiny = contact_sheet(layout, [wnid], SAMPLE_GRID, accepted=False)
    assert whole is not None
    assert tiny is not None
    assert tiny.shown == whole.shown
    assert len(tiny.jpeg) < len(whole.jpeg), "less detail"
    layout.manifest(wnid).write_bytes(b"PAR1 no")
    broken = report(copy, "--html", tmp_path / "x.html")
    assert broken.exit_code == 3
    assert str(layout.manifest(wnid)) in broken.stderr.replace("\n", "")
    assert not (tmp_path / "x.html").exists()


def test_settings_keep_to_themselves_what_is_private() -> None:
    sets = ['network.contact="me@example.org"', 'search.keys_file="/home/me/keys"', "download.min_side_px=99"]
    sets += ['taxonomy.wnids_file="/home/me/list.txt"', 'search.engines=[{"name": "openverse"}]']
    told = dict(settings_of(load_config(None, sets)))
    assert told["download.min_side_px"] == "99"
    assert told["taxonomy.wnids_file"] == '"list.txt"'
    assert told["search.engines"] == '[{"name": "openverse"}]'
    assert "me" not in "".join(told).split(".")
    assert not {"network.contact", "search.keys_file"} & told.keys()
