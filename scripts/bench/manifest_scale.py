"""The manifest stage and `status` on runs of 10^4 to 10^7 hits: seconds, rows a second, memory, and how they grow.

Tables are made up (`synthetic_run.py`); the stage and the command are the real ones, with one worker. Ends with 1 if
the exponent of a log-log fit is above 1.1 for either, or that between the two largest runs. 10^7 hits need 25 GB.

    python scripts/bench/manifest_scale.py [--rows 10000 100000 1000000] [--per-synset 1000] [--out FOLDER]
"""

from __future__ import annotations

import argparse
import json
import shutil
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from process_tree import Usage, measure
from synthetic_run import make_run

from imagenet_build.contracts import RunContext, UnitResult
from imagenet_build.execution.local import LocalExecutor
from imagenet_build.manifest.stage import ManifestStage
from imagenet_build.storage.layout import RunLayout
from imagenet_build.storage.run_record import read_config
from imagenet_build.storage.run_state import RunState

MOST_EXPONENT = 1.1
TABLES = ("hits.parquet", "images.parquet", "rejections.parquet", "download.sqlite", "manifests.parquet")
ROWS = [10_000, 100_000, 1_000_000]


def run_stage(root: Path) -> None:
    """The manifest stage as `build` runs it, in this process."""
    layout = RunLayout(root)
    run, stage, state = RunContext(layout, read_config(layout)), ManifestStage(), RunState(layout.state)

    def record(result: UnitResult) -> None:
        state.record_unit(stage.name, result.unit.key, result.unit.fingerprint, result.counts, result.problem)

    started = time.monotonic()
    units = list(stage.plan(run))
    planned = time.monotonic()
    LocalExecutor(1).run(stage, units, run, record, lambda _: None)
    ran = time.monotonic()
    stage.finish(run)
    state.record_stage(stage.name, "done", len(units), ran - started)
    state.close()
    print(f"plan {planned - started:.1f} s, units {ran - planned:.1f} s, finish {time.monotonic() - ran:.2f} s")


def exponent(rows: list[int], seconds: list[float]) -> float:
    return float(np.polyfit(np.log(rows), np.log(seconds), 1)[0])


def measured(name: str, rows: int, command: list[str]) -> Usage:
    used = measure(command)
    if used.exit_code:
        sys.exit(used.output)
    print(
        f"  {name}: {used.seconds:.2f} s, {used.cpu_s:.2f} CPU s, {rows / used.cpu_s:,.0f} rows per CPU s,"
        f" {used.largest_mb:.0f} MB" + (f" ({used.output.strip()})" if name == "manifest" else ""),
        flush=True,
    )
    return used


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, nargs="+", default=ROWS)
    parser.add_argument("--per-synset", type=int, default=1_000)
    parser.add_argument("--out", type=Path, help="where the runs are made, one at a time, and deleted")
    parser.add_argument("--stage", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.stage:
        run_stage(options.stage)
        return
    cpu: dict[str, list[float]] = {}
    for rows in options.rows:
        root = Path(tempfile.mkdtemp(prefix="manifest_scale-", dir=options.out)) / "run"
        try:
            started = time.monotonic()
            make_run(root, rows, options.per_synset)
            print(f"{rows:,} hits, made in {time.monotonic() - started:.0f} s", flush=True)
            itself = [sys.executable, __file__, "--stage", str(root)]
            program = [sys.executable, "-m", "imagenet_build", "status", str(root)]
            for name, command in (
                ("manifest", itself),
                ("status", program),
                ("status --synsets", [*program, "--synsets", "--json"]),
            ):
                used = measured(name, rows, command)
                cpu.setdefault(name, []).append(used.cpu_s)
            said = json.loads(used.output)
            seen = sum(synset["counts"]["seen"] for synset in said["synsets"])
            files = list((root / "manifest").glob("*.parquet"))
            manifests = len(files)
            if len(said["synsets"]) != manifests:
                sys.exit(f"{manifests} manifests, but status lists {len(said['synsets'])}")
            sizes = {name: (root / name).stat().st_size for name in TABLES}
            sizes["manifest/"] = sum(path.stat().st_size for path in files)
            each = ", ".join(f"{name} {size / rows:,.0f}" for name, size in sizes.items())
            print(f"  {manifests} manifests, {seen:,} addresses seen; bytes per hit: {each}", flush=True)
        finally:
            shutil.rmtree(root.parent, ignore_errors=True)
    if len(options.rows) > 1:
        worst = 0.0
        for name, seconds in cpu.items():
            all_of_them, last = exponent(options.rows, seconds), exponent(options.rows[-2:], seconds[-2:])
            print(f"{name}: exponent {all_of_them:.2f}, between the two largest {last:.2f} (of CPU seconds)")
            worst = max(worst, all_of_them, last)
        sys.exit(1 if worst > MOST_EXPONENT else 0)


if __name__ == "__main__":
    main()
