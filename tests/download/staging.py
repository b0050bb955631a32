"""Runs the download stage alone, on a table of hits made by hand."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pyarrow as pa

from imagenet_build.config.models import BuildConfig
from imagenet_build.contracts import Crew, RunContext, UnitResult
from imagenet_build.download.stage import DownloadStage
from imagenet_build.execution.lanes import run_lanes
from imagenet_build.search.canonical_url import canonical_key
from imagenet_build.storage import tables
from imagenet_build.storage.download_queue import DownloadQueue
from imagenet_build.storage.layout import RunLayout
from imagenet_build.storage.schemas import HITS, IMAGES, REJECTIONS

_TEXTS = {column.name: "" for column in HITS if pa.types.is_string(column.type)}
QUICK = {"min_delay_s": 0.0, "concurrency": 4}


@dataclass
class Download:
    """One run directory and its hits: (wnid, URL) in order."""

    root: Path
    hits: list[tuple[str, str]]
    config: dict[str, Any] = field(default_factory=dict)
    """Keys of `DownloadConfig` beside quick manners towards loopback."""
    advanced: int = 0

    @property
    def context(self) -> RunContext:
        settings = {"default_host": QUICK, "hosts": {}, "timeout_s": 10.0, **self.config}
        network = {"allow_addresses": ["127.0.0.0/8"]}
        config = {"download": settings, "network": network, "execution": {"workers": 1}}
        return RunContext(RunLayout(self.root), BuildConfig.model_validate(config))

    def run(self, crew: Crew | None = None) -> list[UnitResult]:
        """Plan, run and publish, as the pipeline does; `crew` fetches, if there is one."""
        run = self.context
        rows = (
            {**_TEXTS, "wnid": wnid, "url": url, "url_key": canonical_key(url), "position": 0, "rank": rank}
            for rank, (wnid, url) in enumerate(self.hits)
        )
        tables.write_rows(run.layout.hits, HITS, ({"width": None, "height": None, **row} for row in rows))
        results: list[UnitResult] = []

        def advance(items: int) -> None:
            self.advanced += items

        stage = DownloadStage()
        run_lanes(stage, list(stage.plan(run)), run, results.append, advance, crew)
        stage.finish(run)
        return results

    def queue(self) -> DownloadQueue:
        return DownloadQueue(self.context.layout.download_queue)

    def images(self) -> list[dict[str, Any]]:
        return list(tables.read(self.context.layout.images, IMAGES).to_pylist())

    def rejections(self) -> list[dict[str, Any]]:
        return list(tables.read(self.context.layout.rejections, REJECTIONS).to_pylist())

    def reasons(self) -> dict[str, str]:
        """URL -> reason of everything that was refused."""
        return {row["url"]: row["reason"] for row in self.rejections()}

    def is_complete(self) -> bool:
        """Kept + refused == seen, per synset and distinct URL."""
        seen = {(wnid, canonical_key(url)) for wnid, url in self.hits}
        rows = Counter((row["wnid"], row["url_key"]) for row in [*self.images(), *self.rejections()])
        return rows == Counter(seen)


def hits(wnids: Iterable[str], urls: Iterable[str]) -> list[tuple[str, str]]:
    """Every URL for every synset."""
    found = list(urls)
    return [(wnid, url) for wnid in wnids for url in found]
