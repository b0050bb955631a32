"""What the demo says at its end, computed from the run's own tables."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from imagenet_build.contracts import RunContext
from imagenet_build.records import ENGLISH
from imagenet_build.storage import tables
from imagenet_build.storage.places import files_in
from imagenet_build.storage.run_status import refusals
from imagenet_build.storage.schemas import DUPLICATES, HITS, IMAGES, QUERIES


@dataclass(frozen=True, slots=True)
class DemoFacts:
    """Numbers of one run."""

    synsets: int
    left_out: int
    queries: dict[str, int]
    """By language and origin."""
    hits: dict[str, int]
    """By engine."""
    urls: int
    """Distinct image addresses."""
    images: int
    """Distinct files kept."""
    refused: dict[str, int]
    """By reason."""
    duplicates: dict[str, int]
    """By reason."""
    manifests: int
    non_empty: int
    """Manifests with at least one picture."""
    only_translated: int
    """Distinct pictures that no English query of any synset found."""
    candidates_only_translated: int
    """(synset, picture) pairs that none of the synset's English queries found."""


def facts_of(run: RunContext) -> DemoFacts:
    """Count a run that has reached the manifest stage. Raises DataError if it has not."""
    layout = run.layout
    queries = tables.read(layout.queries, QUERIES, columns=["language", "origin"]).to_pylist()
    hits = tables.read(layout.hits, HITS, columns=["wnid", "engine", "language", "url_key"]).to_pylist()
    images = tables.read(layout.images, IMAGES, columns=["url_key", "sha256"]).to_pylist()
    digest_of = {row["url_key"]: row["sha256"] for row in images}
    found = [(hit["wnid"], digest_of[hit["url_key"]], hit["language"]) for hit in hits if hit["url_key"] in digest_of]
    english = {(wnid, digest) for wnid, digest, language in found if language == ENGLISH}
    english_anywhere = {digest for _, digest in english}
    refused: Counter[str] = Counter()
    for reasons in refusals(layout).values():
        refused.update(reasons)
    duplicates = Counter(tables.read(layout.duplicates, DUPLICATES, columns=["reason"])["reason"].to_pylist())
    manifests = files_in(layout.manifests, "*.parquet")
    return DemoFacts(
        synsets=tables.row_count(layout.synsets),
        left_out=tables.row_count(layout.left_out),
        queries=dict(Counter(f"{row['language']} {row['origin'].replace('_', ' ')}" for row in queries)),
        hits=dict(Counter(hit["engine"] for hit in hits)),
        urls=len({hit["url_key"] for hit in hits}),
        images=len(set(digest_of.values())),
        refused=dict(refused),
        duplicates=dict(duplicates),
        manifests=len(manifests),
        non_empty=sum(tables.row_count(path) > 0 for path in manifests),
        only_translated=len(set(digest_of.values()) - english_anywhere),
        candidates_only_translated=len({(wnid, digest) for wnid, digest, _ in found} - english),
    )
