"""Conflicts between the synsets of a whole run: in one process, and on a Ray cluster of two nodes.

Images are made up (`synthetic_run.py`); of each hundred two show the same picture as an image of another synset, and
two nearly the same. Everything else is real: the table, its pieces, the parts in which rows come together, Ray's
shuffles, `kill -9` of a node. Ends with 1 if what is found differs between the ways, or if copies are missed.

    python scripts/bench/conflicts.py [--hits 400000] [--rows-per-part 50000] [--kill-after S] [--no-ray]
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import sys
import tempfile
import threading
import time
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from process_tree import measure
from synthetic_run import make_run

sys.path.insert(0, str(Path(__file__).parents[2]))
from imagenet_build.contracts import RunContext
from imagenet_build.dedup.conflicts import conflicts_of
from imagenet_build.execution.exchange_here import ExchangeHere
from imagenet_build.execution.ray_exchange import RayExchange
from imagenet_build.storage.layout import RunLayout
from imagenet_build.storage.run_record import read_config
from tests.ray_nodes import environment, ray_nodes

EXACT, NEAR = 0.02, 0.02
POOL = 2000
LOOKS = ("pixel_sha256", "dct_hash", "mirrored_hash", "gradient_hash", "tiny")


def with_copies(path: Path, seed: int = 7) -> int:
    """Rewrite an images table so that some images show pictures of earlier ones; returns how many."""
    rng = np.random.default_rng(seed)
    aside = path.with_suffix(".aside")
    pool: list[dict[str, object]] = []
    copies = 0
    with pq.ParquetFile(path) as file, pq.ParquetWriter(aside, file.schema_arrow, compression="zstd") as writer:
        for group in range(file.num_row_groups):
            rows = file.read_row_group(group).to_pylist()
            for row, lot in zip(rows, rng.random(len(rows)).tolist(), strict=True):
                if lot < EXACT + NEAR and pool:
                    copied = pool[int(rng.integers(len(pool)))]
                    if copied["wnid"] == row["wnid"]:
                        continue
                    row.update({name: copied[name] for name in LOOKS})
                    copies += 1
                    if lot >= EXACT:
                        tiny = np.frombuffer(row["tiny"], np.uint8).astype(int) + rng.integers(-2, 3, 3072)
                        row["tiny"] = np.clip(tiny, 0, 255).astype(np.uint8).tobytes()
                        row["dct_hash"] ^= 1 << int(rng.integers(63))
                        row["pixel_sha256"] = hashlib.sha256(row["tiny"]).hexdigest()
                elif len(pool) < POOL:
                    pool.append(row)
            writer.write_table(pa.Table.from_pylist(rows, file.schema_arrow))
    aside.replace(path)
    return copies


def search(folder: Path, rows_per_part: int, address: str) -> None:
    """In a process of its own: find the conflicts, and say how many, their digest, and how long it took."""
    run = RunContext(RunLayout(folder), read_config(RunLayout(folder)))
    exchange = ExchangeHere(folder / "exchange")
    if address:
        from imagenet_build.execution.ray_link import connect, import_ray

        ray = import_ray()
        connect(ray, address)
        exchange = RayExchange(ray, exchange, from_pieces=1)
    started = time.monotonic()
    digest, count = hashlib.sha256(), 0
    for row in conflicts_of(run, exchange, rows_per_part=rows_per_part):
        digest.update(json.dumps(row, sort_keys=True).encode())
        count += 1
    print(json.dumps({"rows": count, "digest": digest.hexdigest(), "seconds": time.monotonic() - started}))


def measured(way: str, folder: Path, rows_per_part: int, address: str = "") -> dict[str, object]:
    command = [sys.executable, __file__, "--search", str(folder), "--rows-per-part", str(rows_per_part)]
    used = measure([*command, "--address", address], env=environment())
    if used.exit_code:
        sys.exit(used.output)
    said: dict[str, object] = json.loads(used.output.splitlines()[-1])
    print(
        f"{way}: {said['rows']:,} conflicts in {said['seconds']:.1f} s; {used.cpu_s:.1f} CPU s and"
        f" {used.largest_mb:.0f} MB in the process that was started",
        flush=True,
    )
    return said


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--hits", type=int, default=400_000)
    parser.add_argument("--rows-per-part", type=int, default=50_000)
    parser.add_argument("--kill-after", type=float, default=0.0, help="seconds; then a node is killed")
    parser.add_argument("--no-ray", action="store_true")
    parser.add_argument("--search", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--address", default="", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.search:
        search(options.search, options.rows_per_part, options.address)
        return
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name) / "run"
        make_run(folder, options.hits, 1000)
        copies = with_copies(RunLayout(folder).images)
        images = pq.read_metadata(RunLayout(folder).images).num_rows
        print(f"{images:,} images, {copies:,} of them copies; {os.cpu_count()} threads", flush=True)
        found = [measured("one part, here", folder, 10**9), measured("here", folder, options.rows_per_part)]
        if not options.no_ray:
            with ray_nodes(2) as nodes:
                found.append(measured("Ray, two nodes", folder, options.rows_per_part, nodes.address))
                if options.kill_after:
                    timer = threading.Timer(options.kill_after, nodes.kill, [1])
                    timer.start()
                    found.append(measured("Ray, a node killed", folder, options.rows_per_part, nodes.address))
                    timer.join()
    same = len({said["digest"] for said in found}) == 1
    enough = found[0]["rows"] >= 2 * 0.99 * copies
    print(f"the same rows: {same}; copies found: {enough}")
    sys.exit(not (same and enough))


if __name__ == "__main__":
    main()
