"""A long search on fake servers: six engines, five languages, a tenth of all answers spoilt; then twenty times kill -9.

Three runs over the same queries: without faults, with faults, and with faults and kills. Says whether all three found
the same, whether pace and concurrency were kept (by the servers' own logs), whether memory stays flat, and whether any
answered page was asked for again. Ends with 1 if not.

    python scripts/bench/soak.py [--synsets 500] [--kills 20]        (the whole takes less than ten minutes)
    python scripts/bench/soak.py --synsets 50 --kills 5              (a quick look)
    python scripts/bench/soak.py --pace-ms 0                         (as fast as servers and program can)
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import random
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import numpy as np
import psutil
import yaml
from aiohttp import web

sys.path.insert(0, str(Path(__file__).parents[2]))

from imagenet_build import pipeline
from imagenet_build.config.load import load_config
from imagenet_build.contracts import RunContext
from imagenet_build.execution.local import LocalExecutor
from imagenet_build.search.registry import engine_infos
from imagenet_build.search.stage import SearchStage
from imagenet_build.storage import tables
from imagenet_build.storage.layout import RunLayout
from imagenet_build.storage.page_store import PageStore
from imagenet_build.storage.run_record import writing
from imagenet_build.storage.run_state import RunState
from imagenet_build.storage.schemas import HITS, QUERIES, SYNSETS
from tests.fakes.brave_server import BraveServer
from tests.fakes.commons_server import CommonsServer
from tests.fakes.flickr_server import FlickrServer
from tests.fakes.gbif_server import GbifServer
from tests.fakes.inaturalist_server import INaturalistServer, photo
from tests.fakes.keyed_server import KEY
from tests.fakes.openverse_server import OpenverseServer
from tests.fakes.request_log import Call, RequestLog
from tests.fakes.server import FakeServer, Reply

LANGUAGES = ("eng", "spa", "ita", "nld", "cmn")
TIMEOUT_S = 1.0
PACE_MS = 20.0
"""Between the starts of two requests to one engine; their own paces would make this a matter of days."""
SLACK_S = 0.1
"""How late one request may reach a server's log on a busy machine, and the next one not."""
GROWTH_MB = 15.0
"""What memory may grow by between the second and the last quarter of a run."""
SECRET_PARAMS = frozenset({"api_key"})
Page = tuple[str, tuple[tuple[str, str], ...]]
"""What was asked: path and parameters, keys left out."""

_HTML = b"<!doctype html><title>Hotel WLAN</title>Please sign in."
_WRONG = (b"[]", b"{}", b"null", b'{"results": null}', b'"later"', b'{"results": [{"id"', b"")
SPOILT_BODIES = frozenset({_HTML, *_WRONG})
KINDS = ("429 with Retry-After", "429", "5xx", "cut", "HTML", "timeout", "wrong JSON")


class Troubled(FakeServer):
    """A fake server that spoils a share of its answers, by turns in every way, and finds its pictures by index."""

    share = 0.0
    rng = random.Random(1)

    def trouble(self, share: float, seed: int) -> None:
        """Spoil this share from now on; the log and the counts begin anew."""
        self.share, self.rng = share, random.Random(seed)
        self.log.clear()
        self.spoilt: dict[int, str] = {}
        """Number of the call -> how it was spoilt."""

    def narrow(self, request: web.Request) -> None:
        """Hold only what this request can match: searching all of it would take longer than all the rest."""
        raise NotImplementedError

    async def fault(self, request: web.Request) -> web.StreamResponse | None:
        call = self.log.calls[-1]  # nothing was awaited since it began
        if self.rng.random() >= self.share:
            self.narrow(request)
            return None
        turn = len(self.spoilt)
        kind = self.spoilt[call.number] = KINDS[turn % len(KINDS)]
        if kind == "timeout":
            await asyncio.sleep(TIMEOUT_S + 0.1)
            return await self.send(request, Reply.text("too late", 504))
        return await self.send(request, _spoilt(kind, turn // len(KINDS)))


def _spoilt(kind: str, turn: int) -> Reply:
    if kind == "429 with Retry-After":
        return Reply.text("slow down", 429, {"Retry-After": str(turn % 2)})
    if kind == "429":
        return Reply.text("slow down", 429)
    if kind == "5xx":
        return Reply.text("<h1>error</h1>", (500, 502, 503, 504, 520)[turn % 5], kind="html")
    if kind == "cut":
        return Reply(200, b'{"results": [', "application/json", mode="cut")
    if kind == "HTML":
        return Reply(200, _HTML, "text/html")
    return Reply(200, _WRONG[turn % len(_WRONG)], "application/json")


def first_word(text: str) -> str:
    return text.casefold().split()[0]


class Openverse(Troubled, OpenverseServer):
    def narrow(self, request: web.Request) -> None:
        self.pictures = self.held.get(first_word(request.query["q"]), [])


class Commons(Troubled, CommonsServer):
    def narrow(self, request: web.Request) -> None:
        self.pictures = self.held.get(first_word(request.query["gsrsearch"]), [])


class Flickr(Troubled, FlickrServer):
    def narrow(self, request: web.Request) -> None:
        self.pictures = self.held.get(first_word(request.query["text"]), [])


class Brave(Troubled, BraveServer):
    def narrow(self, request: web.Request) -> None:
        self.pictures = self.held.get(first_word(request.query["q"]), [])


class INaturalist(Troubled, INaturalistServer):
    def narrow(self, request: web.Request) -> None:
        name = request.query.get("q", "").casefold()
        taxon = self.held.get(name) or self.held.get(request.query.get("taxon_id", ""))
        self.taxa, self.observations = ([taxon["taxon"]], taxon["observations"]) if taxon else ([], [])


class Gbif(Troubled, GbifServer):
    def narrow(self, request: web.Request) -> None:
        self.records = self.held.get(request.query.get("taxonKey", ""), [])


# the world


@dataclass
class Words:
    """The queries of one synset."""

    wnid: str
    number: int
    is_organism: bool
    by_language: dict[str, str]
    parent: str = ""
    latin: str = ""

    def queries(self) -> Iterator[tuple[str, str, str]]:
        """(text, language, origin), best first."""
        yield self.by_language["eng"], "eng", "synonym"
        if self.parent:
            yield f"{self.by_language['eng']} {self.parent}", "eng", "parent_word"
        for language in LANGUAGES[1:]:
            yield self.by_language[language], language, "translation"
        if self.latin:
            yield self.latin, "eng", "latin"


def word(number: int, syllables: Sequence[str]) -> str:
    """A word of its own for every number."""
    text = ""
    for _ in range(3):
        text += syllables[number % len(syllables)]
        number //= len(syllables)
    return text


_SYLLABLES = {
    "eng": ("ber", "dog", "han", "lor", "mit", "nap", "rus", "tam", "wel", "yor"),
    "spa": ("ba", "cho", "do", "gue", "llo", "mi", "na", "que", "rra", "so"),
    "ita": ("bi", "cce", "gna", "li", "mo", "pe", "ri", "sci", "tu", "zzo"),
    "nld": ("aar", "boe", "dij", "gro", "hui", "kee", "lui", "mee", "sch", "vuu"),
}


def make_words(count: int, rng: random.Random) -> list[Words]:
    made = []
    for number in range(count):
        texts = {language: f"{language[0]}{word(number, syllables)}" for language, syllables in _SYLLABLES.items()}
        texts["cmn"] = chr(0x4E00 + number) + "物"
        is_organism = number % 2 == 0
        latin = (
            f"{word(number, _SYLLABLES['spa']).title()}us {word(number, _SYLLABLES['ita'])}is" if is_organism else ""
        )
        parent = f"kind{number % 7}" if rng.random() < 0.2 else ""
        made.append(Words(f"n{10_000_000 + number:08d}", number, is_organism, texts, parent, latin))
    return made


def start_servers(words: Sequence[Words], rng: random.Random, stack: ExitStack) -> dict[str, Troubled]:
    """Servers that hold pictures for all of it, none for some queries and some pages for others."""
    servers: dict[str, Troubled] = {
        "openverse": Openverse(),
        "wikimedia": Commons(),
        "flickr": Flickr(),
        "brave": Brave(),
        "inaturalist": INaturalist(),
        "gbif": Gbif({}),
    }
    held: dict[str, dict[str, Any]] = {name: defaultdict(list) for name in servers}
    number = 0
    for one in words:
        for language, text in one.by_language.items():
            for name in ("openverse", "wikimedia", "flickr", "brave"):
                for copy in range(_count(rng)):
                    number += 1
                    parent = one.parent if language == "eng" and copy % 3 == 0 else ""
                    picture = {"title": f"{text} {parent} {number}".replace("  ", " "), "width": 900, "height": 600}
                    if name == "wikimedia":
                        picture["title"] = f"{picture['title']}.jpg"
                    if name == "flickr":
                        picture["number"] = number
                    else:
                        picture["url"] = f"https://{name}.example.org/{number}.jpg"
                    held[name][first_word(text)].append(picture)
        if one.latin and rng.random() < 0.9:
            ident = 1000 + one.number
            observations = []
            for _ in range(_count(rng)):
                number += 1
                observations.append({"id": number, "taxon_id": ident, "photos": [photo(number)]})
            taxon = {"taxon": {"id": ident, "name": one.latin}, "observations": observations}
            held["inaturalist"][one.latin.casefold()] = held["inaturalist"][str(ident)] = taxon
            servers["gbif"].names[one.latin] = {"usageKey": ident}  # type: ignore[attr-defined]
            for _ in range(_count(rng)):
                number += 1
                media = [{"type": "StillImage", "identifier": f"https://gbif.example.org/{number}.jpg"}]
                held["gbif"][str(ident)].append({"key": number, "taxonKey": ident, "media": media})
    for name, server in servers.items():
        server.held = dict(held[name])  # type: ignore[attr-defined]
        stack.enter_context(server)
    return servers


def _count(rng: random.Random) -> int:
    """Pictures of one query: a page of 20 is enough for most."""
    return rng.choice((0, 3, 8, 12, 15, 18, 20, 25, 38, 45))


def write_run(folder: Path, words: Sequence[Words], servers: Mapping[str, FakeServer], delay_s: float) -> Path:
    """A run whose first two stages are done."""
    config = {
        "search": {
            "engines": [{"name": n, "base_url": s.base_url, "min_delay_s": delay_s} for n, s in servers.items()],
            "candidates_per_synset": 60,
            "attempts": 8,
            "timeout_s": TIMEOUT_S,
        },
        "network": {"allow_addresses": ["127.0.0.1"], "contact": "operator@example.org"},
    }
    path = folder.with_suffix(".yaml")
    path.write_text(yaml.safe_dump(config))
    with writing(folder, load_config(path, ())) as layout:
        tables.write_rows(
            layout.queries,
            QUERIES,
            (
                {"wnid": w.wnid, "text": text, "language": language, "origin": origin, "position": n, "ambiguity": 1}
                for w in words
                for n, (text, language, origin) in enumerate(w.queries())
            ),
        )
        tables.write_rows(
            layout.synsets,
            SYNSETS,
            (
                {
                    **{
                        "wnid": w.wnid,
                        "name": f"{w.by_language['eng']}.n.01",
                        "lemmas": [w.by_language["eng"]],
                        "gloss": "",
                    },
                    **{"hypernyms": [], "depth": 0, "is_organism": w.is_organism, "root": w.wnid},
                }
                for w in words
            ),
        )
    return path


# the program under test, in a process of its own


class Silent:
    """A progress that only says what went wrong."""

    def stage_started(self, name: str, total: int, done_before: int) -> None:
        pass

    def advance(self, items: int) -> None:
        pass

    def stage_ended(self, name: str, outcome: pipeline.StageOutcome) -> None:  # noqa: ARG002 (pipeline.Progress)
        print(json.dumps({"ran": outcome.ran, "counts": outcome.counts, "problems": outcome.problems}))

    def note(self, text: str) -> None:
        pass


def search(config_file: Path, out: Path) -> None:
    """The search stage, as `build` runs it."""
    config = load_config(config_file, ())
    with writing(out, config) as layout:
        state = RunState(layout.state)
        try:
            pipeline._run_stage(SearchStage(), "start", RunContext(layout, config), state, LocalExecutor(1), Silent())
        finally:
            state.close()


def start_search(config: Path, out: Path) -> subprocess.Popen[str]:
    command = [sys.executable, __file__, "--worker", str(config), str(out)]
    keys = {"FLICKR_API_KEY": KEY, "BRAVE_API_KEY": KEY}
    return subprocess.Popen(
        command, stdout=subprocess.PIPE, text=True, start_new_session=True, env={**os.environ, **keys}
    )


# what came of it


@dataclass
class Result:
    """One run."""

    seconds: float = 0.0
    hits: set[tuple[str, ...]] = field(default_factory=set)
    problems: list[str] = field(default_factory=list)
    sessions: int = 0
    kills: int = 0
    asked_again: list[tuple[str, Page]] = field(default_factory=list)
    """Answered pages, kept before a kill, that a later session asked for."""
    memory: list[tuple[int, float]] = field(default_factory=list)
    """(requests so far, resident MB)."""


def run_to_the_end(
    folder: Path,
    words: Sequence[Words],
    servers: Mapping[str, Troubled],
    *,
    share: float,
    delay_s: float,
    kills: int = 0,
    expected_requests: int = 0,
    seed: int = 1,
) -> Result:
    for number, server in enumerate(servers.values()):
        server.trouble(share, 100 * seed + number)
    config = write_run(folder, words, servers, delay_s)
    result = Result()
    rng = random.Random(seed)
    started = time.monotonic()
    while True:
        kept = {name: kept_pages(RunLayout(folder).pages(name)) for name in servers}
        before = {name: len(server.log.calls) for name, server in servers.items()}
        process = start_search(config, folder)
        result.sessions += 1
        stop_at = None
        if result.kills < kills:
            stop_at = total(servers) + rng.randint(1, max(2, expected_requests // kills))
        was_killed = watch(process, servers, stop_at, result)
        for name, server in servers.items():
            later = [page_of(call) for call in server.log.calls[before[name] :]]
            result.asked_again += [(name, page) for page in later if page in kept[name]]
        if was_killed:
            result.kills += 1
            continue
        assert process.stdout is not None
        said = json.loads(process.stdout.read())
        if process.returncode or not said["problems"] or result.sessions > kills + 5:
            result.problems = [*said["problems"], *([f"exit {process.returncode}"] if process.returncode else [])]
            break
    result.seconds = time.monotonic() - started
    rows = tables.read(RunLayout(folder).hits, HITS).to_pylist()
    result.hits = {(row["wnid"], row["engine"], row["query"], row["language"], row["url_key"]) for row in rows}
    return result


def watch(process: subprocess.Popen[str], servers: Mapping[str, Troubled], stop_at: int | None, result: Result) -> bool:
    """Sample memory until the process ends, or kill it after so many requests; gives whether it was killed."""
    looked = psutil.Process(process.pid)
    sampled_at = 0.0
    while process.poll() is None:
        if stop_at is not None and total(servers) >= stop_at:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            return True
        if time.monotonic() - sampled_at > 0.5:
            sampled_at = time.monotonic()
            try:
                result.memory.append((total(servers), looked.memory_info().rss / 1e6))
            except psutil.NoSuchProcess:
                break
        time.sleep(0.005)
    process.wait()
    return False


def total(servers: Mapping[str, Troubled]) -> int:
    return sum(len(server.log.calls) for server in servers.values())


def kept_pages(path: Path) -> set[Page]:
    """Pages with a readable answer: a spoilt one may, and must, be asked for again."""
    if not path.exists():
        return set()
    database = sqlite3.connect(path)
    requests = [request for (request,) in database.execute("SELECT request FROM pages")]
    database.close()
    store = PageStore(path, read_only=True)
    try:
        answered = ((request, store.page(request)) for request in requests)
        return {page_of_url(request) for request, page in answered if page and page.body not in SPOILT_BODIES}
    finally:
        store.close()


def page_of(call: Call) -> Page:
    return call.path, tuple(sorted((key, value) for key, value in call.query.items() if key not in SECRET_PARAMS))


def page_of_url(url: str) -> Page:
    parts = urlsplit(url)
    return parts.path, tuple(sorted(dict(parse_qsl(parts.query, keep_blank_values=True)).items()))


def pace_lag_s(log: RequestLog, delay_s: float) -> float:
    """By how much the pace was ever broken: the worst of all spans of calls, against the time they should take."""
    latest = -float("inf")
    worst = 0.0
    for place, call in enumerate(log.calls):
        due = call.start_s - place * delay_s
        latest = max(latest, due)
        worst = max(worst, latest - due)
    return worst


def most_at_once(server: Troubled) -> int:
    """Most calls under way by the client's reckoning: it gives a late answer up when its time is over."""
    log = RequestLog([*server.log.calls])
    for call in log.calls:
        if server.spoilt.get(call.number) == "timeout":
            call.end_s = min(call.end_s or float("inf"), call.start_s + TIMEOUT_S)
    return log.most_at_once()


def growth_mb(memory: Sequence[tuple[int, float]]) -> tuple[float, float]:
    """(growth from the second to the last quarter in MB, slope in kB per 1000 requests) while requests were sent."""
    most = memory[-1][0]
    during = [(count, mb) for count, mb in memory if most * 0.25 <= count < most]
    if len(during) < 8:
        return 0.0, 0.0
    counts, sizes = np.array(during, dtype=float).T
    second, last = sizes[counts < most * 0.5], sizes[counts >= most * 0.75]
    slope = float(np.polyfit(counts, sizes, 1)[0]) * 1e6
    return float(last.mean() - second.mean()) if len(second) and len(last) else 0.0, slope


def report(
    name: str, result: Result, servers: Mapping[str, Troubled], delay_s: float, expected: set[tuple[str, ...]] | None
) -> list[str]:
    """Print what happened; gives what is wrong."""
    wrong = [f"{name}: {problem}" for problem in result.problems]
    spoilt = Counter(kind for server in servers.values() for kind in server.spoilt.values())
    requests = total(servers)
    print(
        f"{name}: {result.seconds:.0f} s, {requests} requests, {sum(spoilt.values())} spoilt"
        f" ({sum(spoilt.values()) / requests:.1%}), {result.sessions} sessions, {len(result.hits)} distinct hits"
    )
    if spoilt:
        print("  " + ", ".join(f"{count} x {kind}" for kind, count in sorted(spoilt.items())))
    infos = {info.name: info for info in engine_infos()}
    for engine, server in servers.items():
        lag, at_once = pace_lag_s(server.log, delay_s), most_at_once(server)
        repeated = Counter(page_of(call) for call in server.log.calls if call.number not in server.spoilt)
        twice = sum(count - 1 for count in repeated.values())
        print(
            f"  {engine}: {len(server.log.calls)} requests, at most {at_once} at once"
            f" (allowed {infos[engine].concurrency}),"
            f" ahead of its pace by {1000 * lag:.0f} ms at most, {twice} good answers given twice"
        )
        if at_once > infos[engine].concurrency:
            wrong.append(f"{name}: {engine} had {at_once} requests at once")
        if lag > SLACK_S:
            wrong.append(f"{name}: {engine} was asked {1000 * lag:.0f} ms ahead of its pace")
        if twice > result.kills * infos[engine].concurrency:
            wrong.append(f"{name}: {engine} gave {twice} good answers twice")
    if expected is not None:
        missing, more = len(expected - result.hits), len(result.hits - expected)
        print(f"  against the faultless run: {missing} hits missing, {more} hits more")
        if missing or more:
            by_engine = Counter(hit[1] for hit in expected ^ result.hits)
            wrong.append(f"{name}: hits differ from the faultless run's: {dict(by_engine)}")
    if not result.kills:
        growth, slope = growth_mb(result.memory)
        print(
            f"  memory: {max(mb for _, mb in result.memory):.0f} MB at most, {growth:+.1f} MB from the second to the"
            f" last quarter, {slope:+.0f} kB per 1000 requests"
        )
        if growth > GROWTH_MB:
            wrong.append(f"{name}: memory grew by {growth:.1f} MB")
    else:
        print(f"  {result.kills} x kill -9: {len(result.asked_again)} answered pages were asked for again")
    wrong += [f"{name}: {engine} was asked again for {page}" for engine, page in result.asked_again[:3]]
    return wrong


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--synsets", type=int, default=500)
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--faults", type=float, default=0.1, help="share of spoilt answers")
    parser.add_argument("--pace-ms", type=float, default=PACE_MS, help="between two requests to one engine")
    parser.add_argument("--killed-synsets", type=int, help="synsets of the run that is killed [a quarter of all]")
    parser.add_argument("--worker", nargs=2, metavar=("CONFIG", "RUN"), type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.worker:
        search(*options.worker)
        return
    delay_s = options.pace_ms / 1000
    rng = random.Random(20091)
    words = make_words(options.synsets, rng)
    some = words[: options.killed_synsets or max(10, options.synsets // 4)]
    wrong: list[str] = []
    with tempfile.TemporaryDirectory() as name, ExitStack() as stack:
        folder = Path(name)
        servers = start_servers(words, rng, stack)
        print(f"{len(words)} synsets, {sum(1 for w in words for _ in w.queries())} queries, {len(servers)} engines")
        whole = run_to_the_end(folder / "whole", words, servers, share=0.0, delay_s=delay_s)
        wrong += report("faultless", whole, servers, delay_s, None)
        part = [w.wnid for w in some]
        requests = total(servers)
        troubled = run_to_the_end(folder / "troubled", words, servers, share=options.faults, delay_s=delay_s, seed=2)
        wrong += report("with faults", troubled, servers, delay_s, whole.hits)
        killed = run_to_the_end(
            folder / "killed",
            some,
            servers,
            share=options.faults,
            delay_s=delay_s,
            kills=options.kills,
            expected_requests=requests * len(some) // len(words),
            seed=3,
        )
        wrong += report("killed", killed, servers, delay_s, {hit for hit in whole.hits if hit[0] in set(part)})
        if killed.kills < options.kills:
            wrong.append(f"killed: only {killed.kills} kills")
    for line in wrong:
        print(f"WRONG {line}")
    sys.exit(1 if wrong else 0)


if __name__ == "__main__":
    main()
