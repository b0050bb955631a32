"""README.md is checked against the program: commands, options, keys, tables, paths, and its snippets are run."""

from __future__ import annotations

import hashlib
import io
import json
import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click
import pandas as pd
import pytest
from PIL import Image

from imagenet_build.cli.app import main
from imagenet_build.config.load import load_config
from imagenet_build.config.models import BuildConfig, EngineConfig, HostRule
from imagenet_build.download.inspect_bytes import EXTENSIONS, inspect_bytes
from imagenet_build.manifest.assemble import candidate_id
from imagenet_build.manifest.check import CODES
from imagenet_build.records import ImageFacts, RejectReason
from imagenet_build.storage import tables
from imagenet_build.storage.layout import RunLayout
from imagenet_build.storage.schemas import BYTES_PLACE, MANIFEST
from imagenet_build.storage.shards import ShardWriter
from tests.config.keys import rules
from tests.fakes import pictures

ROOT = Path(__file__).parent.parent
TEXT = (ROOT / "README.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```(\w*)\n(.*?)^```$", TEXT, flags=re.MULTILINE | re.DOTALL)
PROSE = re.sub(r"^```.*?^```$", "", TEXT, flags=re.MULTILINE | re.DOTALL)
SPANS = re.findall(r"`([^`\n]+)`", PROSE)
KEY = re.compile(rf"(?:{'|'.join(BuildConfig.model_fields)})(?:\.[a-z_][a-z0-9_]*)+")
FILES = (".parquet", ".sqlite", ".yaml", ".py")
DOG, CAT = "n02084071", "n02121620"


def section(title: str) -> str:
    """The text under a heading, up to the next one of any level."""
    found = re.search(rf"^#+ {re.escape(title)}\n(.*?)(?=^#|\Z)", TEXT, flags=re.MULTILINE | re.DOTALL)
    assert found, f"README has no section {title!r}"
    return found[1]


def rows(text: str) -> list[list[str]]:
    """The cells of the tables in a text, without their headers."""
    lines = [line for line in text.splitlines() if line.startswith("|")]
    body = [line for place, line in enumerate(lines) if place not in {0, 1}]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in body]


def names_in(cell: str) -> list[str]:
    return re.findall(r"`([^`]+)`", cell)


def shell_lines() -> list[str]:
    """Every command of the shell blocks, continued lines joined."""
    text = "\n".join(body for language, body in BLOCKS if language == "bash").replace("\\\n", " ")
    return [" ".join(line.split()) for line in text.splitlines() if line.strip()]


def command_lines() -> list[str]:
    """Every `imagenet-build` line with arguments: in shell blocks, in the command table, in the prose."""
    spans = [span for span in SPANS if re.match(r"imagenet-build [a-z]", span)]
    return [line for line in shell_lines() if line.startswith("imagenet-build ")] + spans


def commands(group: click.Group = main, above: str = "") -> Iterator[tuple[str, click.Command]]:
    for name, command in group.commands.items():
        if isinstance(command, click.Group):
            yield from commands(command, f"{above}{name} ")
        else:
            yield f"{above}{name}", command


def parsed(line: str) -> click.Context:
    """What click makes of a line. Nothing is run."""
    command: click.Command = main
    context = click.Context(main, info_name="imagenet-build")
    words = shlex.split(line)[1:]
    while isinstance(command, click.Group):
        name = words.pop(0)
        found = command.get_command(context, name)
        assert found is not None, f"no command {name!r} in: {line}"
        command = found
    return command.make_context(command.name, words)


@pytest.fixture
def work(tmp_path, monkeypatch) -> Path:
    """A folder to stand in, with what the examples take for granted."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "my_pictures").mkdir()
    return tmp_path


@pytest.mark.parametrize("line", command_lines())
def test_command_line_parses(line, work):
    context = parsed(line)
    sets = context.params.get("sets", ())
    load_config(None, sets)
    config_file = context.params.get("config_file")
    assert config_file is None or (ROOT / config_file).is_file()


def test_a_wrong_command_line_would_not_parse(work):
    with pytest.raises(click.UsageError):
        parsed("imagenet-build build configs/bird.yaml --untill queries")
    with pytest.raises(click.UsageError):
        parsed("imagenet-build build configs/bird.yaml --until serach")
    with pytest.raises(AssertionError):
        parsed("imagenet-build biuld configs/bird.yaml")


def test_other_lines_name_scripts_that_exist():
    others = [line for line in shell_lines() if not line.startswith("imagenet-build ")]
    assert others
    for line in others:
        assert (ROOT / line.split()[0]).is_file(), line


def test_every_command_is_in_the_table():
    listed = {names_in(cells[0])[0]: names_in(cells[2])[0] for cells in rows(section("Commands"))[: len([*commands()])]}
    assert sorted(listed) == sorted(name for name, _ in commands())
    for name, example in listed.items():
        assert example.startswith(f"imagenet-build {name}"), example


def test_linked_paths_exist():
    links = re.findall(r"\]\(([^)]+)\)", PROSE)
    assert links
    for link in links:
        assert not re.match(r"[a-z]+:", link), f"{link} is no relative path"
        assert (ROOT / link.partition("#")[0]).exists(), link


def test_named_files_of_the_project_exist():
    folders = ("configs", "imagenet_build", "scripts", "tests", "data/reference")
    words = [word for span in SPANS for word in span.split() if word.startswith(tuple(f"{name}/" for name in folders))]
    for word in words:
        if "<" not in word:
            assert (ROOT / word).exists(), word


def config_keys() -> list[str]:
    """Every configuration key that is named, in prose, tables and command lines."""
    named = [span for span in SPANS if KEY.fullmatch(span) and not span.endswith(FILES)]
    return sorted({*named, *re.findall(r"--set ([\w.]+)=", TEXT)})


@pytest.mark.parametrize("key", config_keys())
def test_config_key_exists(key):
    parts = key.split(".")
    if key.startswith("search.engines.") and len(parts) == 4:
        assert parts[3] in EngineConfig.model_fields
    elif key.startswith("download.hosts."):
        assert parts[-1] in HostRule.model_fields
    else:
        assert key in dict(rules())


def test_keys_stand_in_the_row_of_their_rule():
    table = rows(section("Resume and determinism"))
    every = {key: rule for key, rule in rules() if "*" not in key}
    wanted = {"free": set(), "grow": set()}
    for key, rule in every.items():
        above = key.rpartition(".")[0]
        if rule in wanted and every.get(above) != rule:
            wanted[rule].add(key)
    listed = {rule: set(names_in(cells[1])) for rule, cells in zip(("free", "grow"), table, strict=False)}
    assert listed == wanted


def test_every_reason_of_refusal_is_explained():
    said = {
        name: cells[1] == "yes" for cells in rows(section("Why something was refused")) for name in names_in(cells[0])
    }
    assert said == {reason.value: reason.transient for reason in RejectReason}


def test_every_finding_code_is_explained():
    said = [name for cells in rows(section("What `check` finds")) for name in names_in(cells[0])]
    assert sorted(said) == sorted(CODES)


def test_every_manifest_column_is_explained():
    said = [name for cells in rows(section("Columns")) for name in names_in(cells[0])]
    assert sorted(said) == sorted(MANIFEST.names)
    assert said[said.index("sha256") : said.index("fetched_at") + 1] == [column.name for column in BYTES_PLACE]


def test_every_file_of_a_run_is_explained():
    said = [name for cells in rows(section("What a run directory holds")) for name in names_in(cells[0])]
    layout = RunLayout(Path("run"))
    places = {name: getattr(layout, name) for name in vars(RunLayout) if isinstance(vars(RunLayout)[name], property)}
    places |= {"pages": layout.pages("<engine>"), "manifest": layout.manifest("<wnid>")}
    for name, path in places.items():
        place = path.relative_to("run").as_posix()
        assert place in said or any(mentioned.startswith(f"{place}/") for mentioned in said), name
    assert f"{layout.duplicates_part(DOG).parent.name}/" in said


@dataclass
class Stored:
    """A picture in the tiny run."""

    wnid: str
    key: str
    data: bytes
    facts: ImageFacts
    kept: bool


def make_run(run: RunLayout) -> list[Stored]:
    """Two synsets with three pictures, one of them a duplicate: real shards and manifests, written by the program."""
    stored = []
    shards = ShardWriter(run.shards, "w0", shard_bytes=10**9)
    shards.open({})
    manifests: dict[str, list[dict[str, Any]]] = {DOG: [], CAT: []}
    for wnid, name, seed, kept in ((DOG, "a", 1, True), (DOG, "b", 2, False), (CAT, "c", 3, True)):
        data = pictures.photo(seed, 200 + seed, 150)
        facts = inspect_bytes(data, formats=tuple(EXTENSIONS), min_side_px=1, max_pixels=10**6)
        assert isinstance(facts, ImageFacts)
        place = shards.append(facts.sha256, EXTENSIONS[facts.format], data)
        key = f"//photos.example.org/{name}.jpg"
        best = candidate_id(wnid, "//photos.example.org/a.jpg" if name == "b" else key)
        found = {"engine": "openverse", "query": "dog", "language": "eng", "origin": "synonym", "rank": 0}
        known = {
            **{field: getattr(facts, field) for field in facts.__dataclass_fields__},
            **{"shard": place.shard, "offset": place.offset, "size": place.size, "fetched_at": 0},
            **{"candidate_id": candidate_id(wnid, key), "wnid": wnid, "kept": kept, "group_id": best, "conflicts": []},
            **{"duplicate_of": None if kept else best, "duplicate_reason": None if kept else "near", "leak": None},
            **{"url": f"https:{key}", "url_key": key, "license": "by", "engines": ["openverse"], "queries": [found]},
        }
        manifests[wnid].append({column: known.get(column, "") for column in MANIFEST.names})
        stored.append(Stored(wnid, key, data, facts, kept))
    shards.close()
    for wnid, lines in manifests.items():
        tables.write_rows(run.manifest(wnid), MANIFEST, lines, {"imagenet_build.counts": json.dumps({})})
    return stored


def test_snippets_run_on_a_manifest(work, capsys):
    stored = make_run(RunLayout(work / "data/runs/demo"))
    snippets = [body for language, body in BLOCKS if language == "python"]
    assert len(snippets) == 3
    names: dict[str, Any] = {}
    for snippet in snippets:
        exec(compile(snippet, "README.md", "exec"), names)  # the snippets build on each other, as a reader's session

    dog = stored[0]
    assert isinstance(names["one"], pd.DataFrame)
    assert names["one"]["kept"].tolist() == [True, False]
    assert len(names["everything"]) == 3
    assert names["licenses"].fetchall() == [("by", 2)]
    assert names["found_by"].fetchall() == [("eng", "synonym", 3)]
    assert names["data"] == dog.data
    assert names["picture"].size == Image.open(io.BytesIO(dog.data)).size
    digests = [hashlib.sha256(picture.data).hexdigest() for picture in stored]
    assert [name.partition(".")[0] for name in names["names"]] == digests
    assert names["tiny"].tobytes() == dog.facts.tiny
    assert candidate_id(DOG, dog.key) in capsys.readouterr().out
