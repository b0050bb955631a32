"""synsets.parquet -> queries.parquet: the texts that engines are asked for each synset."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Any

from imagenet_build.contracts import Exchange, RunContext, UnitResult, WorkUnit
from imagenet_build.queries.expand import Expander
from imagenet_build.records import ENGLISH, Query, Synset
from imagenet_build.storage import tables
from imagenet_build.storage.schemas import QUERIES, SYNSETS
from imagenet_build.taxonomy.concepts import load_concepts
from imagenet_build.taxonomy.digests import concepts_digest, omw_digest, wordnet_digest
from imagenet_build.taxonomy.sources import load_omw, load_wordnet


class QueriesStage:
    """One unit: the queries of ten thousand synsets take seconds."""

    name = "queries"

    def plan(self, run: RunContext) -> Iterator[WorkUnit]:
        """One unit; its fingerprint covers the synsets, the wordnets of the wanted languages, concepts and rules."""
        config = run.config.queries
        parts = [
            tables.digest(tables.read(run.layout.synsets, SYNSETS)),
            json.dumps(config.model_dump(mode="json", exclude={"concepts_file"}), sort_keys=True),
            wordnet_digest(run.config.taxonomy),
            omw_digest(run.config.taxonomy, config.languages),
        ]
        if config.concepts_file is not None:
            parts.append(concepts_digest(config.concepts_file))
        yield WorkUnit(self.name, "queries", hashlib.sha256("/".join(parts).encode()).hexdigest()[:32])

    def run_unit(self, unit: WorkUnit, run: RunContext) -> UnitResult:
        """Write all queries, synset by synset."""
        config = run.config
        omw = load_omw(config.taxonomy, config.queries.languages)
        concepts = load_concepts(config.queries.concepts_file)
        expander = Expander(load_wordnet(config.taxonomy), omw, config.queries, concepts)
        synsets = (_synset(row) for row in tables.read(run.layout.synsets, SYNSETS).to_pylist())
        counts: Counter[str] = Counter()
        tables.write_rows(run.layout.queries, QUERIES, _counted(expander.expand_all(synsets), counts))
        found = {*omw.languages, *concepts.languages}
        missing = [name for name in config.queries.languages if name != ENGLISH and name not in found]
        return UnitResult(unit, dict(counts), note=missing_languages(missing, found))

    def finish(self, run: RunContext, _: Exchange | None = None, /) -> None:
        """Nothing more: the unit writes the table."""


def missing_languages(missing: list[str], found: Iterable[str]) -> str:
    """What to tell the user about wanted languages that no wordnet has; empty if there is nothing to tell."""
    if not missing:
        return ""
    if not list(found):
        return (
            "queries: English only. The Open Multilingual Wordnet is not installed; `imagenet-build data install` tries"
            " to fetch it, taxonomy.omw_dir names a folder that has it."
        )
    return f"queries: no wordnet found for {', '.join(missing)}; these languages are left out."


def _synset(row: dict[str, Any]) -> Synset:
    return Synset(**{**row, "lemmas": tuple(row["lemmas"]), "hypernyms": tuple(row["hypernyms"])})


def _counted(queries: Iterable[Query], counts: Counter[str]) -> Iterator[dict[str, Any]]:
    """Rows for the table, counted by language on the way."""
    for query in queries:
        counts["queries"] += 1
        counts[query.language] += 1
        yield {
            "wnid": query.wnid,
            "text": query.text,
            "language": query.language,
            "origin": query.origin.value,
            "position": query.position,
            "ambiguity": query.ambiguity,
        }
