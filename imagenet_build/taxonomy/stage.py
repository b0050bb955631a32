"""WordNet -> synsets.parquet, left_out.parquet: which synsets are built, and which are left out and why."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict
from operator import attrgetter
from pathlib import Path

from imagenet_build.contracts import Exchange, RunContext, UnitResult, WorkUnit
from imagenet_build.errors import ConfigError
from imagenet_build.storage import tables
from imagenet_build.storage.schemas import LEFT_OUT, SYNSETS
from imagenet_build.taxonomy.digests import wordnet_digest
from imagenet_build.taxonomy.select import select
from imagenet_build.taxonomy.sources import load_wordnet


class TaxonomyStage:
    """One unit: choosing the synsets of the whole build takes about a second."""

    name = "taxonomy"

    def plan(self, run: RunContext) -> Iterator[WorkUnit]:
        """One unit; its fingerprint covers WordNet's files, the configuration and every list that it names."""
        config = run.config.taxonomy
        lists = [config.wnids_file, config.allowed_person_wnids_file, *config.exclude_wnids_files]
        settings = config.model_dump(mode="json", exclude={"wordnet_dir", "omw_dir"})
        parts = [wordnet_digest(config), json.dumps(settings, sort_keys=True), *(_digest(path) for path in lists)]
        yield WorkUnit(self.name, "synsets", hashlib.sha256("/".join(parts).encode()).hexdigest()[:32])

    def run_unit(self, unit: WorkUnit, run: RunContext) -> UnitResult:
        """Select the synsets.

        Raises:
            WordNetUnusable: no WordNet 3.0.
            UnknownSynset, ConfigError: the configuration asks for something that does not exist, or for nothing.
        """
        selection = select(load_wordnet(run.config.taxonomy), run.config.taxonomy)
        if not selection.synsets:
            raise ConfigError(
                f"No synset is left to build: all {len(selection.left_out)} are left out.",
                remedy="`imagenet-build synsets ROOT --left-out` says why.",
            )
        values = attrgetter(*SYNSETS.names)
        rows = (dict(zip(SYNSETS.names, values(synset), strict=True)) for synset in selection.synsets)
        tables.write_rows(run.layout.synsets, SYNSETS, rows)
        left_out = ({**asdict(gone), "reason": gone.reason.value} for gone in selection.left_out)
        tables.write_rows(run.layout.left_out, LEFT_OUT, left_out)
        reasons = Counter(gone.reason.value for gone in selection.left_out)
        said = ", ".join(f"{count} {reason}" for reason, count in reasons.most_common())
        note = (
            f"taxonomy: {len(selection.left_out)} synsets are left out ({said}); left_out.parquet lists them"
            if said
            else ""
        )
        return UnitResult(unit, {"synsets": len(selection.synsets), "left_out": len(selection.left_out)}, note=note)

    def finish(self, run: RunContext, _: Exchange | None = None, /) -> None:
        """Nothing more: the unit writes both tables."""


def _digest(path: Path | None) -> str:
    """Digest of a list of wnids; an unreadable one is reported by `select`, which reads it."""
    try:
        return hashlib.sha256(path.read_bytes()).hexdigest() if path else ""
    except OSError:
        return "unreadable"
