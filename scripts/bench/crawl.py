"""What the crawler itself costs: answered pages a second through the Openverse adapter, with the pace switched off.

The real path: HttpClient, adapter, PageSource, EngineCrawler, and a PageStore on disk that keeps every page. A server
in a process of its own gives pages from memory, no two of them alike. Beside it, in the same run, an aiohttp client
that only reads the same bodies.

    python scripts/bench/crawl.py [--synsets 100] [--repeats 3] [--profile FILE]
"""

from __future__ import annotations

import argparse
import asyncio
import cProfile
import hashlib
import json
import multiprocessing
import random
import socket
import tempfile
import threading
import time
import uuid
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

import aiohttp

from imagenet_build.config.models import EngineConfig, SearchConfig
from imagenet_build.network.addresses import AddressPolicy
from imagenet_build.network.client import HttpClient
from imagenet_build.network.politeness import Pace
from imagenet_build.records import Origin, Query
from imagenet_build.search.crawl import EngineCrawler
from imagenet_build.search.engines.openverse import DEPTH, PAGE_SIZE, Openverse
from imagenet_build.search.keys import Keys
from imagenet_build.search.lane import as_tables
from imagenet_build.search.pages import PageSource
from imagenet_build.search.transport import transport_for
from imagenet_build.storage.page_store import PageStore

QUERIES = 5
"""Of each synset."""
PAGES = DEPTH // PAGE_SIZE
"""Of each query: as many as the service shows."""
AT_ONCE = 8
"""Requests under way in the second of the clients that only read."""
WORDS = ["beagle", "hound", "puppy", "meadow", "river", "collar", "morning", "light", "old", "park", "winter", "leash"]
HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--synsets", type=int, default=100)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--profile", type=Path, help="write what cProfile saw of one crawl (it makes it slower)")
    options = parser.parse_args()
    ours, theirs = multiprocessing.Pipe()
    server = multiprocessing.get_context("spawn").Process(target=serve, args=(theirs, options.synsets), daemon=True)
    server.start()
    base_url, mean_bytes = ours.recv()
    pages = options.synsets * QUERIES * PAGES
    print(f"{pages} pages of {PAGE_SIZE} results, {mean_bytes / 1000:.1f} kB each; best of {options.repeats}")
    if options.profile:
        profile = cProfile.Profile()
        profile.runcall(asyncio.run, crawl(base_url, options.synsets))
        profile.dump_stats(options.profile)
        return
    ways: dict[str, Callable[[], Awaitable[int]]] = {
        "crawler": lambda: crawl(base_url, options.synsets),
        "crawler, hits stored too": lambda: crawl(base_url, options.synsets, store_hits=True),
        "aiohttp only reading, one at a time": lambda: only_read(base_url, options.synsets, 1),
        f"aiohttp only reading, {AT_ONCE} at a time": lambda: only_read(base_url, options.synsets, AT_ONCE),
    }
    best: dict[str, tuple[float, float]] = {}
    for _ in range(options.repeats):  # taking turns: the machine's other work hits all alike
        for name, way in ways.items():
            seconds, cpu_s = measured(way, pages)
            best[name] = max(best.get(name, (0.0, 0.0)), (pages / seconds, -1000 * cpu_s / pages))
    for name, (rate, cpu) in best.items():
        ratio = best["crawler"][0] / rate
        print(f"{name:<38}{rate:7.0f} pages/s {-cpu:7.3f} CPU s per 1000 pages   crawler / this: {ratio:.2f}")
    server.terminate()


def measured(way: Callable[[], Awaitable[int]], pages: int) -> tuple[float, float]:
    """Seconds and CPU seconds (this process, all threads)."""

    async def run() -> int:
        return await way()

    started, cpu = time.perf_counter(), time.process_time()
    got = asyncio.run(run())
    assert got == pages, f"{got} pages answered, {pages} expected"
    return time.perf_counter() - started, time.process_time() - cpu


async def crawl(base_url: str, synsets: int, *, store_hits: bool = False) -> int:
    """Search every synset into a new page store; how many pages it kept."""
    engine = Openverse(base_url)
    search = SearchConfig(candidates_per_synset=10**6, max_hits_per_query=10**6)
    config = EngineConfig(name="openverse", base_url=base_url, min_delay_s=0)
    with tempfile.TemporaryDirectory() as folder:
        async with AsyncExitStack() as stack:
            client = await stack.enter_async_context(
                HttpClient(contact="operator@example.org", policy=AddressPolicy(["127.0.0.1"]))
            )
            store = PageStore(Path(folder) / "openverse.sqlite")
            stack.callback(store.close)
            transport = transport_for(engine, config, search, client, Keys({}), stack)
            source = PageSource(engine, transport, store, Pace(0.0), search, random.Random(1))
            crawler = EngineCrawler(engine, source, search)
            for synset in range(synsets):
                outcome = await crawler.search(queries_of(synset))
                assert len(outcome.hits) == QUERIES * DEPTH
                assert not outcome.refused
                if store_hits:
                    store.keep_hits(wnid(synset), *as_tables(wnid(synset), "openverse", outcome))
            return store.page_count()


async def only_read(base_url: str, synsets: int, at_once: int) -> int:
    """Read every body and nothing else; how many."""
    engine = Openverse(base_url)
    left = [
        engine.request(query, {"page": page}).full_url()
        for synset in range(synsets)
        for query in queries_of(synset)
        for page in range(1, PAGES + 1)
    ]
    done = 0
    async with aiohttp.ClientSession(auto_decompress=True) as session:

        async def worker() -> None:
            nonlocal done
            while left:
                async with session.get(left.pop()) as answer:
                    done += bool(await answer.read())

        await asyncio.gather(*(worker() for _ in range(at_once)))
    return done


def wnid(synset: int) -> str:
    return f"n{synset:08d}"


def queries_of(synset: int) -> list[Query]:
    return [Query(wnid(synset), f"dog {synset} {place}", "eng", Origin.SYNONYM, place) for place in range(QUERIES)]


# the server


def serve(pipe: Connection, synsets: int) -> None:
    """Answer GET requests by their target, a thread for each connection: nothing but a look-up and a write."""
    answers = {}
    rng = random.Random(0)
    for synset in range(synsets):
        for query in queries_of(synset):
            for page in range(1, PAGES + 1):
                body = json.dumps(page_of(query.text, page, rng), ensure_ascii=False, separators=(",", ":")).encode()
                target = "/v1/images/?" + urlencode({"q": query.text, "page": page, "page_size": PAGE_SIZE})
                answers[target.encode()] = HEAD % len(body) + body
    listener = socket.create_server(("127.0.0.1", 0), backlog=128)
    pipe.send((f"http://127.0.0.1:{listener.getsockname()[1]}", sum(map(len, answers.values())) / len(answers)))
    while True:
        connection, _ = listener.accept()
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        threading.Thread(target=serve_connection, args=(connection, answers), daemon=True).start()


def serve_connection(connection: socket.socket, answers: dict[bytes, bytes]) -> None:
    waiting = b""
    with connection:
        while received := connection.recv(65536):
            waiting += received
            while b"\r\n\r\n" in waiting:
                request, _, waiting = waiting.partition(b"\r\n\r\n")
                connection.sendall(answers[request.split(b" ", 2)[1]])


def page_of(text: str, page: int, rng: random.Random) -> dict[str, Any]:
    """A page in the service's documented form (https://api.openverse.org/v1/), its content invented."""
    return {
        "result_count": DEPTH - 1,  # all of it can be seen: no slices
        "page_count": PAGES,
        "page_size": PAGE_SIZE,
        "page": page,
        "results": [picture(text, rng) for _ in range(PAGE_SIZE)],
        "warnings": [],
    }


def picture(text: str, rng: random.Random) -> dict[str, Any]:
    """One result: most are Flickr's, the others of Commons and museums."""
    number = rng.randrange(10**8, 10**9)
    title = " ".join([text, *rng.sample(WORDS, 3), str(number)])
    code, version = rng.choice([("by", "2.0"), ("by-sa", "2.0"), ("by-nc-nd", "2.0"), ("by-sa", "4.0"), ("cc0", "1.0")])
    license_url = f"https://creativecommons.org/licenses/{code}/{version}/"
    if code == "cc0":
        license_url = "https://creativecommons.org/publicdomain/zero/1.0/"
    source = rng.choices(["flickr", "wikimedia", "museum"], [70, 20, 10])[0]
    person = f"{rng.choice(WORDS).title()} {rng.choice(WORDS).title()}"
    if source == "flickr":
        url = f"https://live.staticflickr.com/{rng.randrange(1000, 65536)}/5{number}_{rng.randrange(16**10):010x}_b.jpg"
        landing = f"https://www.flickr.com/photos/{number % 99999}@N00/5{number}"
    elif source == "wikimedia":
        name = f"{title.capitalize().replace(' ', '_')}_({number}).jpg"
        digest = hashlib.md5(name.encode(), usedforsecurity=False).hexdigest()
        url = f"https://upload.wikimedia.org/wikipedia/commons/{digest[0]}/{digest[:2]}/{quote(name)}"
        landing = f"https://commons.wikimedia.org/w/index.php?curid={number}"
    else:
        url = f"https://images.museum.example.org/iiif/2/{number}/full/843,/0/default.jpg?v={number % 97}&w=843"
        landing = f"https://museum.example.org/art/{number}/{title.replace(' ', '-')}"
    identity = str(uuid.UUID(int=rng.getrandbits(128)))
    api = f"https://api.openverse.org/v1/images/{identity}/"
    tags = [{"name": f"{rng.choice(WORDS)} {rng.choice(WORDS)}", "accuracy": None} for _ in range(4)]
    return {
        "id": identity,
        "title": title,
        "indexed_on": "2024-03-11T08:15:30.123456Z",
        "foreign_landing_url": landing,
        "url": url,
        "creator": person,
        "creator_url": f"https://www.flickr.com/photos/{number % 99999}@N00",
        "license": code,
        "license_version": version,
        "license_url": license_url,
        "provider": source,
        "source": source,
        "category": None,
        "filesize": None,
        "filetype": None,
        "tags": [{**tag, "unstable__provider": source} for tag in tags],
        "attribution": f'"{title}" by {person} is licensed under CC {code.upper()} {version}. To view a copy of this '
        f"license, visit {license_url}.",
        "fields_matched": ["tags.name", "title"],
        "mature": False,
        "height": rng.randrange(400, 3000),
        "width": rng.randrange(400, 3000),
        "thumbnail": f"{api}thumb/",
        "detail_url": api,
        "related_url": f"{api}related/",
        "unstable__sensitivity": [],
    }


if __name__ == "__main__":
    main()
