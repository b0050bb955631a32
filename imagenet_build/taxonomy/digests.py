"""EDGE: digests of the wordnets that a build reads, so that a stage knows when its input has changed."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from pathlib import Path

from imagenet_build.config.models import TaxonomyConfig
from imagenet_build.records import ENGLISH
from imagenet_build.taxonomy.concepts import format_concepts, read_concepts
from imagenet_build.taxonomy.places import read_file
from imagenet_build.taxonomy.sources import omw_files, wordnets


def wordnet_digest(config: TaxonomyConfig) -> str:
    """Digest of the data.noun that `load_wordnet` would take; empty where it would take none (it says why)."""
    for found, data in wordnets(config):
        if not found.problem or (config.any_version and found.version != "incomplete"):
            return hashlib.sha256(data).hexdigest()
    return ""


def omw_digest(config: TaxonomyConfig, languages: Iterable[str]) -> str:
    """Digest of the tab files of these languages; equal files in another place have an equal digest."""
    wanted = {language for language in languages if language != ENGLISH}
    total = hashlib.sha256()
    for tab in omw_files(config)[1]:
        if tab.language in wanted:
            total.update(f"{tab.project}/{tab.file}".encode())
            total.update(read_file(tab.folder, tab.file))
    return total.hexdigest()


def concepts_digest(path: Path | None) -> str:
    """Digest of a concepts file's rows; empty where none is configured."""
    return "" if path is None else hashlib.sha256(format_concepts(read_concepts(path)).encode()).hexdigest()
