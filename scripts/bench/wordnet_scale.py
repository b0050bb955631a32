"""All of WordNet in one run: taxonomy and queries of 82,115 synsets in the default languages, then `plan` for them.

Seconds, processor seconds and memory of the whole command. Nothing is sent. Ends with 1 if `build --until queries`
takes longer than 30 s or more than 1 GB. WordNet is looked for where `build` looks; --wordnet names another folder.

    python scripts/bench/wordnet_scale.py [--times 1] [--wordnet FOLDER]
"""

from __future__ import annotations

import argparse
import json
import shutil
import sys
import tempfile
from pathlib import Path

import pyarrow.parquet as pq
from process_tree import measure

SYNSETS = 82_115
LIMIT_S = 30.0
LIMIT_MB = 1000.0
EVERYTHING = ["taxonomy.safety=false", "taxonomy.instances=true"]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--times", type=int, default=1)
    parser.add_argument("--wordnet", type=Path, help="folder of WordNet 3.0 and the Open Multilingual Wordnet")
    options = parser.parse_args()
    settings = list(EVERYTHING)
    if options.wordnet:
        settings += [
            f"taxonomy.{key}={json.dumps(str(options.wordnet.resolve()))}" for key in ("wordnet_dir", "omw_dir")
        ]
    sets = [word for setting in settings for word in ("--set", setting)]
    program = [sys.executable, "-m", "imagenet_build"]
    folder = Path(tempfile.mkdtemp(prefix="wordnet_scale-"))
    missed = False
    try:
        for _ in range(options.times):
            shutil.rmtree(folder)
            build = ["build", "--root", "entity.n.01", "--engine", "wikimedia", "--out", str(folder), *sets]
            used = measure([*program, *build, "--until", "queries", "--json"])
            if used.exit_code:
                sys.exit(used.output)
            synsets = pq.read_metadata(folder / "synsets.parquet").num_rows
            languages = pq.read_table(folder / "queries.parquet", columns=["language"])["language"].value_counts()
            said = ", ".join(f"{row['counts'].as_py()} {row['values'].as_py()}" for row in languages)
            print(
                f"taxonomy and queries: {used.seconds:.1f} s, {used.cpu_s:.1f} CPU s, {used.largest_mb:.0f} MB for"
                f" {synsets} synsets, queries: {said}"
            )
            missed |= used.seconds > LIMIT_S or used.largest_mb > LIMIT_MB or synsets != SYNSETS
            used = measure([*program, "plan", str(folder / "config.yaml"), "--json"])
            if used.exit_code:
                sys.exit(used.output)
            print(f"plan: {used.seconds:.1f} s, {used.cpu_s:.1f} CPU s, {used.largest_mb:.0f} MB")
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    sys.exit(1 if missed else 0)


if __name__ == "__main__":
    main()
