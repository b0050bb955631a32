"""The command `stats`: tables, JSON, the file in the run, and what it refuses."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from imagenet_build.records import wnid_of
from imagenet_build.stats.document import COUNTS, LIST, RUN, from_json, read_statistics
from tests.cli.commands import program, refused
from tests.fakes.image_server import ImageServer
from tests.fakes.pictures import photo
from tests.mini_wordnet.fixtures import mini, mini_config, mini_folder  # noqa: F401

QUICK = (
    *("--set", "network.allow_addresses=[127.0.0.0/8]", "--set", "download.default_host.min_delay_s=0"),
    *("--set", "download.default_host.concurrency=4", "--workers", "1"),
)


@pytest.fixture
def table(tmp_path, mini) -> Path:  # noqa: F811
    """Ten images a synset for all of the small WordNet, 2000 of the dog."""
    path = tmp_path / "counts.csv"
    counts = {offset: 10 for offset in mini.offsets} | {mini.find("dog.n.01"): 2000}  # noqa: C420
    path.write_text("wnid,images\n" + "".join(f"{wnid_of(offset)},{number}\n" for offset, number in counts.items()))
    return path


@pytest.fixture
def small(mini_folder) -> list[str]:  # noqa: F811
    return ["--set", f"taxonomy.wordnet_dir={mini_folder / 'wordnet'}", "--set", "taxonomy.any_version=true"]


def printed(output: str) -> dict[str, list[list[str]]]:
    """Title -> the cells of its lines, the header first."""
    found: dict[str, list[list[str]]] = {}
    for block in output.split("# ")[1:]:
        title, *lines = block.split("\n\n")[0].splitlines()
        found[title] = [line.split("\t") for line in lines]
    return found


def test_a_run_as_tables_and_as_a_file(built):
    _, run = built
    done = program("stats", run)
    assert done.exit_code == 0, done.output
    said = printed(done.stdout)
    found = read_statistics(run / "stats" / "stats.json")
    assert found.identity.kind == RUN
    assert ["kept images", f"{found.totals.kept:,}"] in said["run run"]
    assert [row[0] for row in said["Found by engine"]] == ["engine", *(row.name for row in found.found_by.engines)]
    assert said["Subtrees"][1][0] == "animal"
    assert "stats.json" in done.stdout
    assert not list((run / "stats").glob(".*"))


def test_json_is_what_is_written(built):
    _, run = built
    done = program("stats", run, "--json")
    assert from_json(done.stdout.encode()) == read_statistics(run / "stats" / "stats.json")


def test_the_run_is_still_whole(built):
    """The folder of statistics is nothing that `check` or the next `build` stumbles over."""
    world, run = built
    program("stats", run)
    done = program("check", run, "--json")
    assert (done.exit_code, json.loads(done.stdout)) == (0, [])
    assert world.build(run).returncode == 0


def test_a_list_of_urls(tmp_path):
    with ImageServer() as server:
        urls = [server.serve(f"/{number}.jpg", photo(number, 96, 80)) for number in range(5)]
        (tmp_path / "urls.txt").write_text("\n".join([*urls, server.url("/gone.jpg")]))
        program("fetch", tmp_path / "urls.txt", "--out", tmp_path / "run", *QUICK)
    done = program("stats", tmp_path / "run", "--json")
    assert done.exit_code == 0, done.output
    found = from_json(done.stdout.encode())
    assert found.identity.kind == LIST
    assert (found.totals.candidates, found.totals.refused) == (5, 1)
    assert (found.sizes.images, found.sizes.mean_width, found.colours.images) == (5, 96, 5)
    assert [(row.kept, row.refused) for row in found.hosts.top] == [(5, 1)]
    assert any("fetch" in absent.why for absent in found.absent)


def test_any_table(table, small, mini):  # noqa: F811
    done = program("stats", "--counts", table, "--root", "dog.n.01", "--root", "bird", *small)
    assert done.exit_code == 0, done.output
    said = printed(done.stdout)
    rows = {row[0]: row for row in said["Subtrees"]}
    assert list(rows)[1:3] == ["dog", "bird"]
    dogs = int(rows["dog"][2])
    assert rows["dog"][4:] == [f"{2000 + 10 * (dogs - 1):,}", f"{round((2000 + 10 * (dogs - 1)) / dogs):,}", "2"]
    assert ["synsets", f"{len(mini):,}"] in said["counts counts.csv"]


def test_a_table_as_json(table, small, mini):  # noqa: F811
    found = from_json(program("stats", "--counts", table, "--json", *small).stdout.encode())
    assert found.identity.kind == COUNTS
    assert found.totals.kept == 10 * (len(mini) - 1) + 2000
    assert found.images_per_synset.many == 1


def test_only_some_synsets(table, small, mini, tmp_path):  # noqa: F811
    listed = tmp_path / "wnids.txt"
    listed.write_text(f"{wnid_of(mini.find('dog.n.01'))} dog\n{wnid_of(mini.find('cat.n.01'))}\n")
    found = from_json(program("stats", "--counts", table, "--wnids", listed, "--json", *small).stdout.encode())
    assert (found.totals.synsets, found.totals.kept) == (2, 2010)


def test_it_needs_a_run_or_a_table(built, table, small):
    assert refused("stats")[0] == 2
    assert refused("stats", built[1], "--counts", table, *small)[0] == 2
    code, said = refused("stats", built[1], "--root", "dog.n.01")
    assert (code, "A run has its own configuration" in said) == (2, True)


def test_what_is_no_run(tmp_path):
    code, said = refused("stats", tmp_path)
    assert (code, "no run.json" in said) == (3, True)
    assert not (tmp_path / "stats").exists()


def test_an_unknown_root_is_said(table, small):
    code, said = refused("stats", "--counts", table, "--root", "unicorn.n.01", *small)
    assert (code, "unicorn" in said) == (2, True)


def test_a_list_that_has_nothing_of_the_table(table, small, tmp_path):
    (tmp_path / "none.txt").write_text("n99999999\n")
    code, said = refused("stats", "--counts", table, "--wnids", tmp_path / "none.txt", *small)
    assert (code, "none of the wnids" in said) == (3, True)


def test_help_shows_both_ways():
    said = program("stats", "--help").output
    assert "[RUN]" in said
    assert "--counts FILE" in said
    assert "Examples:" in said


@pytest.mark.parametrize("option", ["--html", "--stats"])
def test_a_file_of_a_report_is_on_this_machine(built, option: str) -> None:
    done = program("report", built[1], option, "s3://bucket/runs/x/file")
    assert done.exit_code == 2
    assert "a file on this machine is meant" in " ".join(done.output.split())
