"""The demo's own parts; the whole demo where captioned pictures and WordNet are at hand."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from PIL import Image

from imagenet_build.contracts import RunContext
from imagenet_build.demo.facts import facts_of
from imagenet_build.demo.pictures import make_copies
from imagenet_build.demo.shipped import shipped_file
from imagenet_build.storage.layout import RunLayout
from imagenet_build.storage.run_record import read_config
from tests.fakes import pictures
from tests.report.pages import judged
from tests.world import World

SHARED = Path(os.environ.get("IMAGENET_BUILD_SHARED") or Path(__file__).parents[2].parent / "shared")


def test_copies_are_smaller_jpegs_on_white_with_the_captions(tmp_path: Path) -> None:
    originals = tmp_path / "originals"
    (originals / "animals").mkdir(parents=True)
    for number in range(60):
        (originals / "animals" / f"{number}.png").write_bytes(pictures.rgba_png(number))
        (originals / "animals" / f"{number}.txt").write_text(f"Animal {number}.")
    count = make_copies(originals, tmp_path / "copies")
    made = sorted((tmp_path / "copies").rglob("*.jpg"))
    assert 0 < count == len(made) < 20
    for copy in made:
        assert copy.with_suffix(".txt").read_text() == f"Animal {copy.stem}."
        with Image.open(copy) as small, Image.open(originals / "animals" / f"{copy.stem}.png") as large:
            assert small.size == (large.width * 3 // 4, large.height * 3 // 4)


def test_facts_of_a_run(built: tuple[World, Path]) -> None:
    _, out = built
    run = RunContext(RunLayout(out), read_config(RunLayout(out)))
    facts = facts_of(run)
    assert facts.refused == {
        **{"truncated": 1, "http_error": 1, "html": 1},
        **{"too_many_pixels": 1, "one_pixel": 1},
    }
    assert facts.non_empty <= facts.manifests <= facts.synsets
    assert 0 < facts.only_translated <= facts.candidates_only_translated
    assert sum(facts.duplicates.values()) > 0


def test_shipped_files_are_there() -> None:
    for name in (
        "configs/demo.yaml",
        "configs/default.yaml",
        "data/reference/demo_wnids.txt",
        "data/reference/demo_omw",
    ):
        assert shipped_file(name).exists()


def one_language(corpora: Path, folder: Path) -> Path:
    """WordNet, and the Spanish wordnet alone: four languages make ten thousand queries, which takes half a minute."""
    (folder / "corpora").mkdir(parents=True)
    shutil.copy(corpora / "wordnet.zip", folder / "corpora")
    with zipfile.ZipFile(corpora / "omw-2.0.zip") as omw:
        omw.extractall(folder / "corpora", [name for name in omw.namelist() if name.endswith("wn-data-spa.tab")])
    return folder


def test_the_demo_on_photographs_of_ones_own(tmp_path: Path) -> None:
    if not (SHARED / "photos.jsonl").is_file():
        pytest.skip("needs captioned photographs and WordNet in IMAGENET_BUILD_SHARED or ../shared")
    corpora = one_language(SHARED / "nltk_data" / "corpora", tmp_path / "nltk_data")
    environment = {**os.environ, "NLTK_DATA": str(corpora), "IMAGENET_BUILD_DATA": str(tmp_path / "data")}
    command = [sys.executable, "-m", "imagenet_build", "demo", "--json", "--out", str(tmp_path / "run")]
    command += ["--photos", str(SHARED / "photos.jsonl")]
    first = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=200, check=False)
    assert first.returncode == 0, first.stderr
    numbers = json.loads(first.stdout)
    assert numbers["images"] > 20
    assert numbers["engine_requests"] > 1000
    page = judged(Path(numbers["page"]).read_text(encoding="utf-8"))
    assert "This is the demo of imagenet_build." in page.text
    assert page.section("Pictures at several depths")
    second = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=100, check=False)
    assert second.returncode == 0, second.stderr
    assert json.loads(second.stdout) == {**numbers, "engine_requests": 0}
