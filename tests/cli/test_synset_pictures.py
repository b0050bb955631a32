"""`synsets --format`: a subtree as a drawing."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from imagenet_build.cli.main import Group
from imagenet_build.cli.taxonomy import synsets
from tests.charts.markup import read, texts, with_class
from tests.charts.test_trees import parsed
from tests.mini_wordnet.fixtures import mini_config, mini_folder  # noqa: F401
from tests.verify_run.fake_run import DRUM, VIOLIN, make_run

Run = Callable[..., Result]


@pytest.fixture
def run(mini_folder: Path) -> Run:  # noqa: F811
    program = Group("program", commands=[synsets])

    def with_mini_wordnet(*arguments: str | Path) -> Result:
        sets = ["--set", f"taxonomy.wordnet_dir={mini_folder / 'wordnet'}", "--set", "taxonomy.any_version=true"]
        return CliRunner().invoke(program, ["synsets", *map(str, arguments), *sets])

    return with_mini_wordnet


def test_a_tree_as_svg_names_every_synset(run: Run) -> None:
    done = run("domestic_animal", "--format", "svg")
    assert done.exit_code == 0, done.output
    root = read(done.stdout)
    assert {"domestic animal", "dog", "whippet", "Italian greyhound"} <= set(texts(root))
    assert "synsets." in done.stderr
    assert len(with_class(root, "dot")) == len(texts(root))
    assert done.stdout == run("domestic_animal", "--format", "svg").stdout


def test_a_graph_has_an_edge_for_each_parent_that_is_shown(run: Run) -> None:
    nodes, edges = parsed(run("animal.n.01", "--format", "dot").stdout)
    word = {label: key for key, label in nodes.items()}
    assert (word["canine"], word["dog"]) in edges
    assert (word["domestic animal"], word["dog"]) in edges
    assert {key for edge in edges for key in edge} <= set(nodes)


def test_a_treemap_by_synsets_and_by_a_table(run: Run, tmp_path: Path) -> None:
    by_synsets = read(run("greyhound", "--format", "treemap").stdout)
    assert "3" in texts(by_synsets)
    wnid = run("whippet", "--json").stdout.partition('"wnid": "')[2][:9]
    table = tmp_path / "counts.csv"
    table.write_text(f"wnid,images\n{wnid},1234\n")
    by_images = read(run("greyhound", "--format", "treemap", "--by", table).stdout)
    assert "1,234" in texts(by_images)
    assert "images" in (by_images.get("aria-label") or "")


def test_a_treemap_by_a_run_without_these_synsets_is_refused(run: Run, tmp_path: Path) -> None:
    make_run(tmp_path / "run", {VIOLIN: 4, DRUM: 2})
    done = run("greyhound", "--format", "treemap", "--by", tmp_path / "run")
    assert done.exit_code == 3
    assert "None of these synsets has an image there." in done.stderr


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--format", "svg", "--json"], "goes with none of the other ways"),
        (["--format", "dot", "--left-out"], "goes with none of the other ways"),
        (["--format", "svg", "--by", "."], "only --format treemap has any"),
    ],
)
def test_what_does_not_go_together(run: Run, arguments: list[str], said: str) -> None:
    done = run("greyhound", *arguments)
    assert done.exit_code == 2
    assert said in " ".join(done.stderr.split())


def test_nothing_to_draw_prints_nothing(run: Run) -> None:
    done = run("musician", "--format", "svg")
    assert (done.exit_code, done.stdout) == (1, "")
