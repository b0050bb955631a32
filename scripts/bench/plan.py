"""`plan` for all twelve subtrees of the paper with the whole WordNet: seconds of the whole process, best and worst.

Ends with 1 if one takes longer than 20 s. WordNet is looked for where `build` looks; --wordnet names another folder.

    python scripts/bench/plan.py [--times 3] [--wordnet FOLDER]
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time
from pathlib import Path

LIMIT_S = 20.0
CONFIG = Path(__file__).parents[2] / "configs" / "cvpr2009.yaml"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--times", type=int, default=3)
    parser.add_argument("--wordnet", type=Path, help="folder of WordNet 3.0 and the Open Multilingual Wordnet")
    options = parser.parse_args()
    places = []
    if options.wordnet:
        for key in ("wordnet_dir", "omw_dir"):
            places += ["--set", f"taxonomy.{key}={json.dumps(str(options.wordnet.resolve()))}"]
    worst = 0.0
    for expand in ("paper", "wide"):
        command = [sys.executable, "-m", "imagenet_build", "plan", str(CONFIG), "--json", *places]
        command += ["--set", f"queries.expand={expand}"]
        seconds = []
        for _ in range(options.times):
            started = time.perf_counter()
            done = subprocess.run(command, capture_output=True, text=True, check=False)
            seconds.append(time.perf_counter() - started)
            if done.returncode:
                sys.exit(done.stderr)
        totals = json.loads(done.stdout)["totals"]
        engines = [engine["name"] for engine in json.loads(done.stdout)["engines"]]
        print(
            f"{expand}: {min(seconds):.1f} to {max(seconds):.1f} s for {totals['synsets']} synsets, {totals['queries']}"
            f" queries, {len(engines)} engines ({', '.join(engines)})"
        )
        worst = max(worst, *seconds)
    sys.exit(1 if worst > LIMIT_S else 0)


if __name__ == "__main__":
    main()
