"""README.md and the engines' own are checked against the program: commands, keys, tables; snippets are run."""

from __future__ import annotations

import ast
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
import yaml
from PIL import Image

from imagenet_build.cli.app import main
from imagenet_build.config.load import load_config
from imagenet_build.config.models import BuildConfig, EngineConfig, HostRule
from imagenet_build.download.inspect_bytes import EXTENSIONS, inspect_bytes
from imagenet_build.manifest.assemble import candidate_id
from imagenet_build.manifest.check import CODES
from imagenet_build.records import ImageFacts, RejectReason
from imagenet_build.search.engine import EngineDefaults, EngineInfo
from imagenet_build.search.engines.gone import GONE
from imagenet_build.search.engines.openverse import Openverse
from imagenet_build.search.registry import engine_infos, make_engine
from imagenet_build.storage import tables
from imagenet_build.storage.layout import RunLayout
from imagenet_build.storage.schemas import BYTES_PLACE, MANIFEST
from imagenet_build.storage.shards import ShardWriter
from tests.config.keys import rules
from tests.fakes import pictures

ROOT = Path(__file__).parent.parent
FENCED = re.compile(r"^```(\w*)\n(.*?)^```$", flags=re.MULTILINE | re.DOTALL)
ENGINES_README = "imagenet_build/search/engines/README.md"
TEXTS = {name: (ROOT / name).read_text(encoding="utf-8") for name in ("README.md", ENGINES_README)}
TEXT, ENGINES = TEXTS.values()
BLOCKS = [block for text in TEXTS.values() for block in FENCED.findall(text)]
PROSE = {name: FENCED.sub("", text) for name, text in TEXTS.items()}
SPANS = [span for prose in PROSE.values() for span in re.findall(r"`([^`\n]+)`", prose)]
KEY = re.compile(rf"(?:{'|'.join(BuildConfig.model_fields)})(?:\.[a-z_][a-z0-9_]*)+")
FILES = (".parquet", ".sqlite", ".yaml", ".py")
DOG, CAT = "n02084071", "n02121620"


def section(title: str, text: str = TEXT) -> str:
    """What stands under a heading, up to the next one of any level."""
    found = re.search(rf"^#+ {re.escape(title)}\n(.*?)(?=^#|\Z)", text, flags=re.MULTILINE | re.DOTALL)
    assert found, f"there is no section {title!r}"
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
    context = click.Context(group)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        assert command is not None
        if isinstance(command, click.Group):
            yield from commands(command, f"{above}{name} ")
        if not isinstance(command, click.Group) or command.invoke_without_command:
            yield f"{above}{name}", command


def parsed(line: str) -> click.Context:
    """What click makes of a line. Nothing is run."""
    command: click.Command = main
    context = click.Context(main, info_name="imagenet-build")
    words = shlex.split(line)[1:]
    while isinstance(command, click.Group):
        if command.invoke_without_command and (not words or words[0] not in command.commands):
            break
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
    (tmp_path / "data/runs/demo/precision").mkdir(parents=True)
    (tmp_path / "data/runs/demo/precision/sample.parquet").touch()
    (tmp_path / "data/runs/mine").mkdir()
    for name in ("urls.txt", "laion.parquet", "votes.csv", "votes.parquet", "answers.csv"):
        (tmp_path / name).touch()
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
    table = section("Commands").strip().split("\n\n")[0]
    listed = [(names_in(cells[0])[0], names_in(cells[2])[0]) for cells in rows(table)]
    assert sorted(name for name, _ in listed) == sorted(name for name, _ in commands())
    for name, example in listed:
        assert example.startswith(f"imagenet-build {name}"), example


def test_linked_paths_exist():
    documented = {info.docs_url for info in engine_infos()}
    for name, prose in PROSE.items():
        links = [link for link in re.findall(r"\]\(([^)]+)\)", prose) if link not in documented]
        assert links
        for link in links:
            assert not re.match(r"[a-z]+:", link), f"{link} is no relative path"
            assert ((ROOT / name).parent / link.partition("#")[0]).exists(), link


def test_named_files_of_the_project_exist():
    folders = ("configs", "imagenet_build", "scripts", "tests", "data/reference")
    words = [word for span in SPANS for word in span.split() if word.startswith(tuple(f"{name}/" for name in folders))]
    for word in words:
        if "<" not in word:
            assert (ROOT / word.partition("::")[0]).exists(), word


def config_keys() -> list[str]:
    """Every configuration key that is named, in prose, tables and command lines."""
    named = [span for span in SPANS if KEY.fullmatch(span) and not span.endswith(FILES)]
    return sorted({*named, *re.findall(r"--set ([\w.]+)=", "".join(TEXTS.values()))})


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


def test_yaml_blocks_are_configurations():
    blocks = [body for language, body in BLOCKS if language == "yaml"]
    assert blocks
    for body in blocks:
        for engine in BuildConfig.model_validate(yaml.safe_load(body)).search.engines:
            make_engine(engine)


def known_engines() -> list[tuple[str, EngineInfo]]:
    """(cell that names it, its facts), in the order of the registry."""
    known = [(f"`{info.name}`", info) for info in engine_infos()]
    return [known[0], ("`openverse` with an account", Openverse(with_token=True).info), *known[1:]]


def limits_of(cell: str, info: EngineInfo) -> list[str]:
    """A row of the table of limits, without the slices."""
    quotas = ((info.quota_per_day, "day"), (info.quota_per_month, "month"))
    return [
        cell,
        f"[{info.title}]({info.docs_url})" if info.docs_url else info.title,
        " ".join(f"`{key}`" for key in info.keys),
        f"{info.page_size}",
        "no limit" if info.depth is None else f"{info.depth:,}",
        f"{info.min_delay_s:g} s" + (f", {info.concurrency} at once" if info.concurrency > 1 else ""),
        ", ".join(f"{quota:,} a {window}" for quota, window in quotas if quota is not None),
    ]


def words_about(info: EngineInfo) -> list[str]:
    """A row of the table of languages, licences and terms."""
    terms = [info.notice, f"**Forbidden:** {info.prohibition}" if info.prohibition else ""]
    return [f"`{info.name}`", info.languages, info.licenses, " ".join(filter(None, terms))]


def test_limits_of_engines_are_those_of_the_program():
    said = rows(section("Keys, pace and depth", ENGINES))
    assert [cells[:-1] for cells in said] == [limits_of(cell, info) for cell, info in known_engines()]
    sliced = {cells[0].strip("`") for cells in said if cells[-1] and cells[0].endswith("`")}
    live = [make_engine(EngineConfig(name=info.name)) for info in engine_infos() if info.is_live]
    assert sliced == {engine.info.name for engine in live if type(engine).divide is not EngineDefaults.divide}


def test_words_about_engines_are_those_of_the_program():
    assert rows(section("Languages, licences, terms", ENGINES)) == [words_about(info) for info in engine_infos()]


def test_each_engine_stands_in_one_row_of_the_readme():
    said = [name for cells in rows(section("Engines")) for name in names_in(cells[0])]
    assert sorted(said) == sorted(info.name for info in engine_infos())


def test_engines_that_are_gone_are_named():
    said = section("Engines that are gone", ENGINES)
    assert all(f"`{name}`" in said for name in GONE)


def test_functions_that_are_said_to_show_a_behaviour_are_there():
    known = {info.name for info in engine_infos()}
    named: set[str] = set()
    functions: dict[str, set[str]] = {}
    for engines, behaviour, shown_by in rows(section("What each adapter survives", ENGINES)):
        named |= set(names_in(engines))
        assert behaviour
        assert names_in(shown_by), behaviour
        for place in names_in(shown_by):
            path, _, function = place.partition("::")
            if path not in functions:
                tree = ast.parse((ROOT / path).read_text(encoding="utf-8"))
                kinds = (ast.FunctionDef, ast.AsyncFunctionDef)
                functions[path] = {node.name for node in tree.body if isinstance(node, kinds)}
            assert function.startswith("test_"), place
            assert function in functions[path], place
    assert named == known


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
    assert said[said.index("final_url") : said.index("fetched_at") + 1] == [column.name for column in BYTES_PLACE]


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
