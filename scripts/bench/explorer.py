"""The explorer on a large run: 5,247 synsets, 1,000,000 manifest rows, ten people who look around at once.

Makes a run with generated rows (all columns of the manifests, hits, queries, conflicts and verdicts) and one shard of
pictures, starts `serve` on it, and lets ten people walk through the tree, the search, synsets' pages, pictures and the
treemap over HTTP as the page does. Prints the time of each kind of request and the memory of the server, and ends with
1 if p95 of any kind is 200 ms or more, or the server took 500 MB or more.

    python scripts/bench/explorer.py [--rows 1000000] [--synsets 5247] [--people 10] [--steps 30] [--think 3.0]
"""

from __future__ import annotations

import argparse
import asyncio
import random
import sys
import tempfile
import time
from collections import defaultdict
from pathlib import Path

import aiohttp
import numpy as np
import psutil

sys.path.insert(0, str(Path(__file__).parents[2]))
from tests.web.explore_process import ExploreProcess
from tests.web.large_run import make_large_run

MOST_P95_MS = 200.0
MOST_MB = 500.0
WORDS = ("dog", "stone", "ka", "grey", "to", "鸟", "perro", "n0000", "small grey thing", "nothing at all")


class Person:
    """Somebody with a browser."""

    def __init__(self, number: int, url: str, spent: dict[str, list[float]]) -> None:
        self._rng = random.Random(number)
        self._url = url
        self._spent = spent

    async def walk(self, steps: int, think_s: float) -> None:
        connector = aiohttp.TCPConnector(limit=6)  # as browsers do
        async with aiohttp.ClientSession(connector=connector) as self._session:
            (await self._json("run", "/api/run"))
            rows = (await self._json("tree", "/api/tree?of="))["rows"][""]
            top = rows
            for _ in range(steps):
                await asyncio.sleep(self._rng.expovariate(1 / think_s) if think_s else 0)
                kind = self._rng.random()
                if kind < 0.15:
                    asked = self._rng.choice(WORDS)
                    found = (await self._json("search", f"/api/search?q={asked}"))["found"]
                    await asyncio.gather(*(self._bytes("cover", f"/pictures/{one['wnid']}/cover") for one in found[:8]))
                elif kind < 0.25:
                    of = self._rng.choice(rows)["wnid"]
                    await self._json("treemap", f"/api/treemap?of={of}&width=1100&height=700")
                elif kind < 0.3:
                    await self._json("run", "/api/run?version=0")
                else:
                    row = self._rng.choice(rows)
                    if row["children"]:
                        rows = (await self._json("tree", f"/api/tree?of={row['wnid']}"))["rows"][row["wnid"]]
                    else:
                        rows = top
                    await self._synset(row["wnid"])

    async def _synset(self, wnid: str) -> None:
        """The page of a synset, its queries, a page of pictures with what can be seen of it, one picture's page."""
        start = 60 * self._rng.randrange(4)
        pictures = f"/api/synset/{wnid}/pictures?most=60&from={start}"
        _, _, said = await asyncio.gather(
            self._json("synset", f"/api/synset/{wnid}"),
            self._json("queries", f"/api/synset/{wnid}/queries"),
            self._json("pictures", pictures),
        )
        tiles = said["tiles"]
        if not tiles:
            return
        sheet = f"/sheets/{wnid}?rows={','.join(str(tile['row']) for tile in tiles)}"
        await asyncio.gather(
            self._bytes("tiny sheet", sheet),
            *(self._bytes("small picture", f"/pictures/{wnid}/{tile['id']}") for tile in tiles[:18]),
        )
        one = self._rng.choice(tiles)["id"]
        await asyncio.gather(
            self._json("provenance", f"/api/synset/{wnid}/pictures/{one}"),
            self._bytes("whole picture", f"/pictures/{wnid}/{one}/whole"),
        )

    async def _json(self, kind: str, path: str) -> dict:
        began = time.perf_counter()
        async with self._session.get(self._url + path) as response:
            said = await response.json()
            assert response.status == 200, (path, said)
        self._spent[kind].append(1000 * (time.perf_counter() - began))
        return said

    async def _bytes(self, kind: str, path: str) -> None:
        began = time.perf_counter()
        async with self._session.get(self._url + path) as response:
            await response.read()
            assert response.status in (200, 404), (path, response.status)
        self._spent[kind].append(1000 * (time.perf_counter() - began))


async def walk(url: str, people: int, steps: int, think_s: float) -> dict[str, list[float]]:
    spent: dict[str, list[float]] = defaultdict(list)
    await asyncio.gather(*(Person(number, url, spent).walk(steps, think_s) for number in range(people)))
    return spent


async def counted(url: str) -> None:
    """Wait until all manifests' counts are read."""
    async with aiohttp.ClientSession() as session:
        while True:
            async with session.get(f"{url}/api/run?version=-1") as response:
                said = await response.json()
            if said["reading"] is None and said["totals"]["manifests"]:
                return
            await asyncio.sleep(0.2)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--synsets", type=int, default=5_247)
    parser.add_argument("--people", type=int, default=10)
    parser.add_argument("--steps", type=int, default=30)
    parser.add_argument("--think", type=float, default=3.0, help="mean seconds between two steps of a person")
    parser.add_argument("--run", type=Path, help="make the run here and keep it, or use the one that is here")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        root = given.run or Path(folder) / "run"
        if not (root / "run.json").exists():
            began = time.perf_counter()
            rows = make_large_run(root, synsets=given.synsets, rows=given.rows)
            print(f"made {given.synsets:,} synsets, {rows:,} manifest rows in {time.perf_counter() - began:.0f} s")
        began = time.perf_counter()
        with ExploreProcess(root) as server:
            print(f"answers after {time.perf_counter() - began:.1f} s")
            asyncio.run(counted(server.url))
            print(f"all counts known after {time.perf_counter() - began:.1f} s")
            process = psutil.Process(server.pid)
            print(f"memory before: {process.memory_info().rss / 1e6:.0f} MB")
            began = time.perf_counter()
            spent = asyncio.run(walk(server.url, given.people, given.steps, given.think))
            took = time.perf_counter() - began
            held = process.memory_info()
            peak = getattr(held, "peak_wset", None) or _peak_bytes(server.pid)
            total = sum(map(len, spent.values()))
            print(f"{given.people} people, {given.steps} steps each, {total:,} requests in {took:.0f} s")
            worst = 0.0
            for kind, values in sorted(spent.items()):
                p50, p95 = np.quantile(values, [0.5, 0.95])
                print(f"{kind:14} {len(values):6}  p50 {p50:6.1f} ms  p95 {p95:6.1f} ms  most {max(values):6.1f} ms")
                worst = max(worst, float(p95))
            print(f"memory after: {held.rss / 1e6:.0f} MB, at most {peak / 1e6:.0f} MB")
    return int(worst >= MOST_P95_MS or peak / 1e6 >= MOST_MB)


def _peak_bytes(pid: int) -> float:
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmHWM"):
            return float(line.split()[1]) * 1024
    return 0.0


if __name__ == "__main__":
    sys.exit(main())
