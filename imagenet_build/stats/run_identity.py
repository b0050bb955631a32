"""EDGE: which run it is, and what it was built from."""

from __future__ import annotations

import hashlib
import json
import platform
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa

from imagenet_build import __version__
from imagenet_build.config.models import BuildConfig
from imagenet_build.stats.document import LIST, RUN, Identity, InputFile
from imagenet_build.storage.layout import RunLayout
from imagenet_build.storage.places import run_name
from imagenet_build.storage.run_record import config_hash
from imagenet_build.taxonomy.digests import omw_digest, wordnet_digest

_NOTHING = hashlib.sha256().hexdigest()


def counted_by() -> str:
    """The versions that decide about the numbers.

    >>> counted_by().startswith("imagenet_build ")
    True
    """
    libraries = f"Python {platform.python_version()}, numpy {np.__version__}, pyarrow {pa.__version__}"
    return f"imagenet_build {__version__}, {libraries}"


def run_identity(layout: RunLayout, config: BuildConfig, *, is_list: bool) -> Identity:
    """A run's name, versions and inputs.

    Inputs are hashed as they lie on this machine now; one that is gone, or was made on another machine, has no hash.
    """
    record = json.loads(layout.run_record.read_text(encoding="utf-8"))
    return Identity(
        kind=LIST if is_list else RUN,
        name=run_name(layout.root),
        program=str(record.get("program", "")),
        counted_by=counted_by(),
        config_hash=config_hash(config),
        inputs=() if is_list else tuple(_inputs(config)),
    )


def _inputs(config: BuildConfig) -> Iterator[InputFile]:
    yield InputFile("WordNet, data.noun", wordnet_digest(config.taxonomy))
    if config.queries.languages:
        omw = omw_digest(config.taxonomy, config.queries.languages)
        yield InputFile("Open Multilingual Wordnet", "" if omw == _NOTHING else omw)
    taxonomy = config.taxonomy
    for path in (
        taxonomy.wnids_file,
        taxonomy.allowed_person_wnids_file,
        *taxonomy.exclude_wnids_files,
        config.queries.concepts_file,
        *config.dedup.exclude,
    ):
        if path is not None:
            yield InputFile(path.name, file_sha256(path))


def file_sha256(path: Path) -> str:
    """Hex digest of a file; empty where there is none, or a folder."""
    total = hashlib.sha256()
    try:
        with path.open("rb") as file:
            while piece := file.read(1 << 20):
                total.update(piece)
    except OSError:
        return ""
    return total.hexdigest()
