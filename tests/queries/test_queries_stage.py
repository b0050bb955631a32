"""The queries stage: when its table is made anew, and what stands in it with a concepts file."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

import pytest

from imagenet_build.config.models import BuildConfig
from imagenet_build.contracts import RunContext
from imagenet_build.queries.stage import QueriesStage
from imagenet_build.storage import tables
from imagenet_build.storage.layout import RunLayout
from imagenet_build.storage.schemas import QUERIES, SYNSETS
from imagenet_build.taxonomy.concepts import ConceptRow, format_concepts
from imagenet_build.taxonomy.select import describe


@pytest.fixture
def run_with(tmp_path, mini, mini_config):
    offset = mini.find("whippet")
    layout = RunLayout(tmp_path / "run")
    tables.write_rows(layout.synsets, SYNSETS, [asdict(describe(mini, offset, root=offset, living=()))])

    def made(concepts: Path | None) -> RunContext:
        queries = {"languages": ["ita", "deu"], "concepts_file": concepts}
        return RunContext(
            layout, BuildConfig.model_validate({"taxonomy": mini_config.model_dump(), "queries": queries})
        )

    return made


def fingerprint(run: RunContext) -> str:
    (unit,) = QueriesStage().plan(run)
    return unit.fingerprint


def test_what_a_concepts_file_says_counts_and_not_where_it_lies(run_with, mini, tmp_path):
    wnid = f"n{mini.find('whippet'):08d}"
    rows = [ConceptRow(wnid, "Q38726", "zxx", ""), ConceptRow(wnid, "Q38726", "deu", "Whippet")]
    one, same, other = (tmp_path / name for name in ("one.tsv", "same.tsv", "other.tsv"))
    one.write_text(format_concepts(rows))
    same.write_text(format_concepts(rows))
    other.write_text(format_concepts(rows[:1]))
    assert fingerprint(run_with(one)) == fingerprint(run_with(same))
    assert len({fingerprint(run_with(file)) for file in (None, one, other)}) == 3


def test_names_and_ids_are_in_the_table(run_with, mini, tmp_path):
    wnid = f"n{mini.find('whippet'):08d}"
    file = tmp_path / "concepts.tsv"
    file.write_text(
        format_concepts([ConceptRow(wnid, "Q38726", "zxx", ""), ConceptRow(wnid, "Q38726", "deu", "Whippet")])
    )
    run = run_with(file)
    (unit,) = QueriesStage().plan(run)
    done = QueriesStage().run_unit(unit, run)
    rows = tables.read(run.layout.queries, QUERIES).to_pylist()
    assert [(row["language"], row["origin"], row["text"]) for row in rows[-2:]] == [
        ("zxx", "concept", "Q38726"),
        ("deu", "label", "Whippet"),
    ]
    assert done.note == ""  # German has a name, if no wordnet
    (unit,) = QueriesStage().plan(run_with(None))
    assert "deu" in QueriesStage().run_unit(unit, run_with(None)).note
