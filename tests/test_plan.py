"""`plan` against the requests then really sent: three subtrees, three engines, indexes with many pictures.

What queries find on this machine's fake indexes is our own choice, so a plan can only be right about them if they find
what it takes queries to find, or if it is told what a finished run has measured. Both are tested: indexes drawn by the
assumptions of `search/assumed_yields.py`, query by query; and indexes unlike them, with yields measured on one subtree
and used for the others. What is on trial is everything between: how many queries, who is asked what, pages, depth,
slices, overlap, and where a synset has enough.
"""

from __future__ import annotations

import json
import random
import sqlite3
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pyarrow.parquet as pq
import pytest
import yaml

from imagenet_build.collection.index import build_index
from imagenet_build.config.load import load_config
from imagenet_build.queries.expand import Expander
from imagenet_build.records import Origin
from imagenet_build.search.assumed_yields import assumed
from imagenet_build.search.engine import SynsetFacts
from imagenet_build.search.estimate import EngineEstimate, EngineLoad, Measured, add_to_all, estimate_engine
from imagenet_build.search.registry import make_engine
from imagenet_build.storage.run_state import RunState
from imagenet_build.taxonomy.select import select
from imagenet_build.taxonomy.sources import load_omw, load_wordnet
from tests.fakes.commons_server import CommonsServer
from tests.fakes.openverse_server import OpenverseServer
from tests.mini_wordnet.make import offsets_of, write_wordnet
from tests.mini_wordnet.nouns import NOUNS, Entry
from tests.program_here import run_here

SUBTREES = {"lamp": 24, "shrub": 32, "toy": 28}
"""Root -> synsets without hyponyms below it."""
LICENSES = ("by", "by-sa", "by-nc", "by-nd", "by-nc-sa", "by-nc-nd", "cc0", "pdm")
SIZES, RATIOS, EXTENSIONS = ("large", "medium", "small"), ("wide", "tall", "square"), ("jpg", "png", "gif")
NEAR = 0.2
"""What a plan may be off by."""
_SYLLABLES = ("ba", "de", "fi", "go", "lu", "ma", "ne", "pi", "ro", "su")


def word(number: int, ending: str) -> str:
    """A word of its own for every number, the same in no two languages."""
    return "".join(_SYLLABLES[int(digit)] for digit in f"{number:03d}") + ending


def make_nouns() -> tuple[list[Entry], dict[str, dict[str, list[str]]]]:
    """(nouns, language -> key -> lemmas): the mini WordNet, and three subtrees of three levels below its artifacts."""
    rng = random.Random(3)
    nouns = list(NOUNS)
    translations: dict[str, dict[str, list[str]]] = {"ita": {}, "spa": {}}
    number = 0
    for root, leaves in SUBTREES.items():
        nouns.append((root, "an artifact that these tests made up", "artifact", {}))
        kinds = [f"{root}{word(place, 'kind')}" for place in range(4)]
        nouns += [(kind, f"a sort of {root}", root, {}) for kind in kinds]
        for leaf in range(leaves):
            number += 1
            lemmas = [word(number, ending) for ending in ("tor", "lin")[: rng.randint(1, 2)]]
            kind = kinds[leaf % len(kinds)]
            gloss = f"a {kind} of its own" if leaf % 2 else "one of its own"
            nouns.append((" ".join(lemmas), gloss, kind, {}))
            for language, ending in (("ita", "elli"), ("spa", "ez")):
                if rng.random() < 0.6:
                    translations[language][lemmas[0]] = [word(number, ending)]
    return nouns, translations


def write_corpora(folder: Path) -> None:
    nouns, translations = make_nouns()
    write_wordnet(folder / "wordnet", nouns)
    offsets = offsets_of(nouns)
    for language, lemmas in translations.items():
        rows = [f"{offsets[key]:08d}-n\t{language}:lemma\t{text}\n" for key, texts in lemmas.items() for text in texts]
        file = folder / "omw" / language / f"wn-data-{language}.tab"
        file.parent.mkdir(parents=True)
        file.write_text(f"# {language}\t{language}\ttests\tCC0\n{''.join(rows)}")


class OpenverseIndex(OpenverseServer):
    """Holds pictures per query text: `held`."""

    held: Mapping[str, Sequence[dict[str, Any]]]

    async def fault(self, request):
        self.pictures = list(self.held.get(request.query.get("q", ""), ()))
        return await super().fault(request)


class CommonsIndex(CommonsServer):
    held: Mapping[str, Sequence[dict[str, Any]]]

    async def fault(self, request):
        text = request.query.get("gsrsearch", "").removesuffix(" filetype:bitmap")
        self.pictures = list(self.held.get(text, ()))
        return await super().fault(request)


@dataclass
class Index:
    """What the engines hold, drawn query by query from the mean that `scale` times the assumptions say."""

    folder: Path
    scale: Mapping[str, float]
    openverse: OpenverseIndex
    commons: CommonsIndex

    def config(self, root: str) -> Path:
        data = {
            "taxonomy": {
                "wordnet_dir": "corpora/wordnet",
                "omw_dir": "corpora/omw",
                "any_version": True,
                "roots": [f"{root}.n.01"],
            },
            "queries": {"languages": ["ita", "spa"]},
            "search": {
                "engines": [
                    {"name": "openverse", "base_url": self.openverse.base_url, "min_delay_s": 0},
                    {"name": "wikimedia", "base_url": self.commons.base_url, "min_delay_s": 0},
                    {"name": "collection", "index": "index.sqlite"},
                ]
            },
            "network": {"allow_addresses": ["127.0.0.1"], "contact": "operator@example.org"},
            "download": {"enabled": False},
            "execution": {"workers": 1},
            "verify": {"method": "majority"},  # its votes are known without seconds of simulated voting
        }
        path = self.folder / f"{root}.yaml"
        path.write_text(yaml.safe_dump(data))
        return path

    def fill(self) -> None:
        """Draw what every query of every subtree finds, and serve it."""
        write_corpora(self.folder / "corpora")
        rng = random.Random(11)
        held: dict[str, dict[str, list[dict[str, Any]]]] = {"openverse": {}, "wikimedia": {}}
        captions: list[dict[str, str]] = []
        (self.folder / "captioned").mkdir()
        number = 0
        for root in SUBTREES:
            for queries in queries_of(self.config(root)):
                for engine, texts in held.items():
                    pool: list[int] = []
                    for query in queries:
                        guess = assumed(engine, query.origin, query.language)
                        found: dict[int, None] = {}
                        for _ in range(round(rng.expovariate(1 / (guess.hits * self.scale[engine])))):
                            if pool and rng.random() >= guess.new:
                                found[rng.choice(pool)] = None  # one that an earlier query has found too
                            else:
                                number += 1
                                found[number] = None
                        texts[query.text] = [picture(engine, query.text, n) for n in found]
                        pool += found
                for query in queries:
                    mean = assumed("collection", query.origin, query.language).hits * self.scale["collection"]
                    for _ in range(round(rng.expovariate(1 / mean))):
                        captions.append({"title": query.text, "language": query.language})
        self.openverse.held, self.commons.held = held["openverse"], held["wikimedia"]
        (self.folder / "captioned" / "captions.jsonl").write_text(
            "".join(
                json.dumps({"url": f"https://photos.example.org/{n}.jpg", **caption}) + "\n"
                for n, caption in enumerate(captions)
            )
        )
        build_index([self.folder / "captioned" / "captions.jsonl"], self.folder / "index.sqlite")


def picture(engine: str, text: str, number: int) -> dict[str, Any]:
    """One picture as a query finds it; its address says its number, its filters follow from it."""
    if engine == "wikimedia":
        return {"title": f"{number}.jpg", "text": text}
    rng = random.Random(number)
    return {
        "title": f"{text} {number}",
        "url": f"https://photos.example.org/{number}.jpg",
        "license": rng.choice(LICENSES),
        "size": rng.choice(SIZES),
        "aspect_ratio": rng.choice(RATIOS),
        "extension": rng.choice(EXTENSIONS),
    }


def queries_of(config_file: Path) -> Iterator[list[Any]]:
    """The queries of each synset of a configuration."""
    config = load_config(config_file, ())
    wordnet = load_wordnet(config.taxonomy)
    expander = Expander(wordnet, load_omw(config.taxonomy, config.queries.languages), config.queries)
    for synset in select(wordnet, config.taxonomy).synsets:
        yield expander.expand(synset)


@dataclass
class Compared:
    """One subtree, planned and searched."""

    planned: dict[str, float]
    """Engine -> requests expected."""
    bounds: dict[str, tuple[float, float]]
    sent: dict[str, int]
    config: Path
    out: Path


@contextmanager
def index_in(folder: Path, **scale: float) -> Iterator[Index]:
    with OpenverseIndex() as openverse, CommonsIndex() as commons:
        made = Index(folder, scale, openverse, commons)
        made.fill()
        yield made


def plan_and_search(index: Index, roots: Iterable[str] = tuple(SUBTREES)) -> dict[str, Compared]:
    """Subtrees planned by the command, then searched by the command; the servers count."""
    compared = {}
    for root in roots:
        config, out = index.config(root), index.folder / root
        planned = run_here("plan", str(config), "--json")
        assert planned.returncode == 0, planned.stderr
        engines = {engine["name"]: engine["requests"] for engine in json.loads(planned.stdout)["engines"]}
        assert index.openverse.log.count() == index.commons.log.count() == 0  # a plan sends nothing
        built = run_here("build", str(config), "--out", str(out), "--until", "search")
        assert built.returncode == 0, built.stderr
        sent = requests_of(out)
        assert sent["openverse"] == index.openverse.log.count()
        assert sent["wikimedia"] == index.commons.log.count()
        for server in (index.openverse, index.commons):
            server.log.clear()
        compared[root] = Compared(
            {name: requests["expected"] for name, requests in engines.items()},
            {name: (requests["low"], requests["high"]) for name, requests in engines.items()},
            sent,
            config,
            out,
        )
    return compared


def requests_of(out: Path) -> dict[str, int]:
    state = RunState(out / "state.sqlite", read_only=True)
    sent: Counter[str] = Counter()
    for key, unit in state.units("search").items():
        sent[key.partition("/")[2]] += unit.counts["requests"]
    state.close()
    return dict(sent)


def measure(compared: Compared) -> dict[tuple[str, Origin, str], Measured]:
    """Yields of a finished run: from the pages it kept and the hits it published."""
    queries = pq.read_table(compared.out / "queries.parquet").to_pylist()
    hits = pq.read_table(compared.out / "hits.parquet").to_pylist()
    asked: dict[tuple[str, Origin, str], list[int]] = defaultdict(lambda: [0, 0, 0])
    for engine, requests in requests_by_text(compared).items():
        seen: dict[str, set[str]] = defaultdict(set)
        brought: dict[tuple[str, int], set[str]] = defaultdict(set)
        for row in hits:
            if row["engine"] == engine:
                brought[row["wnid"], row["position"]].add(row["url_key"])
        for query in queries:
            if requests.get(query["text"], 0):
                found = brought[query["wnid"], query["position"]]
                entry = asked[engine, Origin(query["origin"]), query["language"]]
                entry[0] += 1
                entry[1] += requests[query["text"]]
                entry[2] += len(found - seen[query["wnid"]])
                seen[query["wnid"]] |= found
    return {kind: Measured(*numbers) for kind, numbers in asked.items()}


def pooled(runs: Sequence[Mapping[tuple[str, Origin, str], Measured]]) -> dict[tuple[str, Origin, str], Measured]:
    """Yields of several runs together."""
    total: dict[tuple[str, Origin, str], Measured] = {}
    for one in runs:
        for kind, found in one.items():
            before = total.get(kind, Measured(0, 0, 0))
            total[kind] = Measured(
                before.queries + found.queries, before.requests + found.requests, before.new + found.new
            )
    return total


def requests_by_text(compared: Compared) -> dict[str, Counter[str]]:
    """Engine -> query text -> pages kept."""
    names = {"openverse": "q", "wikimedia": "gsrsearch", "collection": "q"}
    found = {}
    for engine, name in names.items():
        database = sqlite3.connect(compared.out / "search" / f"{engine}.sqlite")
        keys = [key for (key,) in database.execute("SELECT request FROM pages")]
        database.close()
        texts = (parse_qs(urlsplit(key).query)[name][0].removesuffix(" filetype:bitmap") for key in keys)
        found[engine] = Counter(texts)
        assert found[engine].total() == compared.sent[engine]
    return found


def estimates(config_file: Path, measured: Mapping[tuple[str, Origin, str], Measured]) -> list[EngineEstimate]:
    """What `plan` computes, with yields that were measured."""
    config = load_config(config_file, ())
    loads = [EngineLoad(make_engine(entry), 0.0) for entry in config.search.engines]
    for queries in queries_of(config_file):
        add_to_all(loads, queries, SynsetFacts(queries[0].wnid, is_organism=False))
    return [estimate_engine(load, config.search, measured) for load in loads]


def assert_near_with_yields_of_the_others(subtrees: Mapping[str, Compared]) -> None:
    """A run must not be predicted from itself: each subtree is planned with what the others have measured.

    All engines together: what one of them holds for some dozens of synsets scatters by more than its mean is off.
    """
    for root, compared in subtrees.items():
        measured = pooled([measure(other) for name, other in subtrees.items() if name != root])
        expected = sum(estimate.requests.expected for estimate in estimates(compared.config, measured))
        assert expected == pytest.approx(sum(compared.sent.values()), rel=NEAR), root


def test_a_plan_is_near_the_requests_then_sent(tmp_path):
    with index_in(tmp_path, openverse=1.0, wikimedia=1.0, collection=1.0) as index:
        subtrees = plan_and_search(index)
    for root, compared in subtrees.items():
        assert sum(compared.sent.values()) > 300
        assert sum(compared.planned.values()) == pytest.approx(sum(compared.sent.values()), rel=NEAR), root
        for engine in ("openverse", "wikimedia", "collection"):
            assert compared.planned[engine] == pytest.approx(compared.sent[engine], rel=NEAR), (root, engine)
            low, high = compared.bounds[engine]
            assert round(low) <= compared.sent[engine] <= round(high)  # as it is printed: requests are whole
    assert_near_with_yields_of_the_others(subtrees)


def test_an_index_unlike_the_assumptions_needs_measured_yields(tmp_path):
    with index_in(tmp_path, openverse=0.25, wikimedia=2.0, collection=0.5) as index:
        subtrees = plan_and_search(index, ("lamp", "toy"))
    for compared in subtrees.values():  # so the test above can fail
        for engine in ("openverse", "wikimedia"):
            assert compared.planned[engine] != pytest.approx(compared.sent[engine], rel=NEAR)
    assert_near_with_yields_of_the_others(subtrees)
