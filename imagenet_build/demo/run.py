"""The whole job on real pictures: index them, serve them on loopback, build through the same `build` that users run."""

from __future__ import annotations

import contextlib
import json
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from imagenet_build.collection.index import build_index
from imagenet_build.collection.serve import CollectionServer
from imagenet_build.config.load import load_config
from imagenet_build.config.models import BuildConfig, TaxonomyConfig
from imagenet_build.contracts import RunContext
from imagenet_build.demo.facts import DemoFacts, facts_of
from imagenet_build.demo.pictures import Say, fetch_stamps
from imagenet_build.demo.shipped import shipped_file
from imagenet_build.pipeline import BuildOutcome, Progress, build
from imagenet_build.report.gather import gather_report
from imagenet_build.report.page import report_page
from imagenet_build.storage.layout import RunLayout
from imagenet_build.storage.run_record import read_config
from imagenet_build.storage.tables import write_whole
from imagenet_build.taxonomy.install import install_wordnet
from imagenet_build.taxonomy.places import data_dir
from imagenet_build.taxonomy.sources import omw_files, wordnets

PAGE_NAME = "report.html"
LANGUAGES = ("eng", "cmn", "spa", "nld", "ita")
"""Of the captions that are indexed: those that the demo asks in."""
_STAMPS = (
    "The pictures are Tux Paint stamps (Debian's package tuxpaint-stamps-default; see its copyright file): cut-outs "
    "with transparency, seen on white. Some are there twice, re-encoded and smaller, so that there are duplicates to"
    " find."
)


@dataclass(frozen=True, slots=True)
class DemoOutcome:
    """What the demo did."""

    build: BuildOutcome
    facts: DemoFacts
    engine_requests: int
    """Searches that were really sent to the Openverse-shaped server, in this run of the demo."""
    pictures_served: int
    page: Path
    index: Path


def run_demo(out: Path, progress: Progress, say: Say, *, photos: Path | None = None) -> DemoOutcome:
    """Run or resume the demo.

    Args:
        out: the run directory.
        progress: is told what the build does.
        say: is told what the demo itself does.
        photos: a folder or table of captioned pictures; None: Debian's stamps, fetched once.
    Raises:
        SourceError: the pictures cannot be fetched, or the port of an earlier run is taken.
        BuildError: what `build` raises.
    """
    if next((found for found, _ in wordnets(TaxonomyConfig()) if not found.problem), None) is None:
        install_wordnet(data_dir() / "wordnet", say)
    cache = data_dir() / "demo"
    pictures = photos or fetch_stamps(cache, say)
    index = cache / f"{'photos' if photos else 'stamps'}.sqlite"
    if photos or not index.exists():  # the stamps never change
        report = build_index([pictures], index, languages=LANGUAGES)
        captions = sum(report.captions.values())
        say(f"indexed {report.pictures} pictures with {captions} captions in {len(report.captions)} languages")
    with _server(index, out) as server:
        say(f"serving them on {server.url} (an Openverse-shaped API; only this machine sees it)")
        config = demo_config(server.url, index)
        outcome = build(config, out, progress)
        counts = server.counts
    run = RunContext(RunLayout(out), config)
    facts = facts_of(run)
    page = out / PAGE_NAME
    say("writing its report")
    material = gather_report(out, command=shlex.join(["imagenet-build", "report", str(out)]), notes=_notes(out, photos))
    write_whole(page, lambda out_file: out_file.writelines(part.encode() for part in report_page(material)))
    return DemoOutcome(outcome, facts, counts.requests["search"], sum(counts.pictures.values()), page, index)


def demo_config(server_url: str, index: Path) -> BuildConfig:
    """configs/demo.yaml with the addresses of this run; the small wordnet of the demo where no OMW is installed."""
    sets = [
        f"search.engines.openverse.base_url={json.dumps(server_url)}",
        f"search.engines.collection.index={json.dumps(str(index.resolve()))}",
        f"search.engines.collection.pictures_url={json.dumps(server_url + '/pictures/')}",
    ]
    path = shipped_file("configs/demo.yaml")
    config = load_config(path, sets)
    if not omw_files(config.taxonomy)[1]:
        small = shipped_file("data/reference/demo_omw")
        config = load_config(path, [*sets, f"taxonomy.omw_dir={json.dumps(str(small))}"])
    return config


@contextlib.contextmanager
def _server(index: Path, out: Path) -> Iterator[CollectionServer]:
    """The server, at the port of the earlier run if there was one: its URLs are those of the kept rows."""
    port = 0
    if RunLayout(out).run_record.exists():
        engines = read_config(RunLayout(out)).search.engines
        port = next((urlsplit(engine.base_url).port or 0 for engine in engines if engine.base_url), 0)
    with CollectionServer(index, port=port) as server:
        yield server


def _notes(out: Path, photos: Path | None) -> list[str]:
    """What a newcomer should know who opens the demo's report."""
    run = shlex.quote(str(out))
    own = "The pictures are your own." if photos else _STAMPS
    return [
        "This is the demo of imagenet_build. It takes synsets of WordNet, the concepts of which ImageNet was made, and "
        "turns each into search queries in five languages. It asks image search services for them, fetches the "
        "pictures that they point to, refuses what is broken or too small, folds duplicates together, and writes one "
        "table per synset: every picture with its source, its licence and the queries that found it. People then vote "
        "on what is right. A real build does the same with live services; here they are a server on this machine. "
        f"{own}",
        f"Look at the pictures and their sources with `imagenet-build serve {run}`, vote on them with `imagenet-build "
        f"verify serve {run}`, and write this page again with `imagenet-build report {run}`.",
    ]
