"""How long loading WordNet's nouns takes, and how much memory: this project, a plain parse, NLTK.

Each is measured in a process of its own and ends with lemmas, gloss, hypernyms and depth of every noun synset at hand.

    NLTK_DATA=... python scripts/bench/taxonomy.py [--json]
"""

from __future__ import annotations

import json
import resource
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

REPEATS = 3
ALLOWED = 1.5
"""This project may take so many times what the plain parse takes."""


def own() -> int:
    from imagenet_build.config.models import TaxonomyConfig
    from imagenet_build.taxonomy.sources import load_wordnet

    return start(lambda: whole(load_wordnet(TaxonomyConfig())))


def whole(wordnet: Any) -> int:
    """Everything of every synset, decoded and kept, as the plain parse keeps it."""
    kept = [
        (wordnet.lemmas(offset), wordnet.gloss(offset), wordnet.parents(offset), wordnet.depth(offset))
        for offset in wordnet.offsets
    ]
    return len(kept)


def own_load_only() -> int:
    from imagenet_build.config.models import TaxonomyConfig
    from imagenet_build.taxonomy.sources import load_wordnet

    return start(lambda: len(load_wordnet(TaxonomyConfig())))


def plain_parse() -> int:
    """The obvious parser: a line at a time into dictionaries, without any check."""
    file = data_noun()

    def parse() -> int:
        lemmas: dict[int, list[str]] = {}
        glosses: dict[int, str] = {}
        hypernyms: dict[int, list[int]] = {}
        with file.open(encoding="utf-8") as lines:
            for line in lines:
                if line.startswith(" "):
                    continue
                head, _, gloss = line.partition("|")
                fields = head.split()
                offset, count = int(fields[0]), int(fields[3], 16)
                lemmas[offset] = fields[4 : 4 + 2 * count : 2]
                pointers = fields[5 + 2 * count :]
                above = zip(pointers[::4], pointers[1::4], strict=False)
                hypernyms[offset] = [int(target) for symbol, target in above if symbol in ("@", "@i")]
                glosses[offset] = gloss.split('"')[0].strip().strip("; ")
        depths: dict[int, int] = {}

        def depth(offset: int) -> int:
            if offset not in depths:
                depths[offset] = 1 + min(map(depth, hypernyms[offset]), default=-1)
            return depths[offset]

        for offset in hypernyms:
            depth(offset)
        return len(depths)

    return start(parse)


def nltk_reader() -> int:
    import nltk.data
    from nltk.corpus.reader.wordnet import WordNetCorpusReader

    folder = data_noun().parent
    nltk.data.path.insert(0, str(folder.parents[1]))
    warnings.simplefilter("ignore")

    def read() -> int:
        reader = WordNetCorpusReader(str(folder), None)
        kept = [
            (
                synset.lemma_names(),
                synset.definition(),
                synset.hypernyms() + synset.instance_hypernyms(),
                synset.min_depth(),
            )
            for synset in reader.all_synsets("n")
        ]
        return len(kept)

    return start(read)


def data_noun() -> Path:
    """WordNet's files as plain files, with those that NLTK alone needs; unpacked by the parent process."""
    return Path(sys.argv[2]) / "corpora" / "wordnet" / "data.noun"


def start(work: Callable[[], int]) -> int:
    """Do the work; print seconds, megabytes above where it began, and synsets."""
    before = peak_kb()
    begun = time.perf_counter()
    synsets = work()
    seconds = time.perf_counter() - begun
    peak_mb = (peak_kb() - before) / 1024
    print(json.dumps({"seconds": round(seconds, 2), "peak_mb": round(peak_mb), "synsets": synsets}))
    return synsets


def peak_kb() -> int:
    """This process's peak; `ru_maxrss` would begin at the parent's, which Linux hands on."""
    status = Path("/proc/self/status")
    if status.is_file():
        return int(status.read_text().partition("VmHWM:")[2].split()[0])
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


SUBJECTS = {"own": own, "own_load_only": own_load_only, "plain_parse": plain_parse, "nltk": nltk_reader}


def unpack(folder: Path) -> None:
    """Every file of the WordNet that would be used."""
    from imagenet_build.config.models import TaxonomyConfig
    from imagenet_build.taxonomy.sources import wordnets

    found, _ = next(wordnets(TaxonomyConfig()))
    target = folder / "corpora" / "wordnet"
    target.mkdir(parents=True)
    for file in found.folder.iterdir():
        if file.is_file():
            (target / file.name).write_bytes(file.read_bytes())


def main() -> int:
    results = {}
    with tempfile.TemporaryDirectory() as name:
        unpack(Path(name))
        has_all = (Path(name) / "corpora" / "wordnet" / "lexnames").is_file()
        for subject in SUBJECTS:
            if subject == "nltk" and not has_all:
                continue  # only the noun files are installed
            command = [sys.executable, __file__, subject, name]
            runs = [json.loads(subprocess.check_output(command)) for _ in range(1 if subject == "nltk" else REPEATS)]
            results[subject] = min(runs, key=lambda run: run["seconds"])
    if "--json" in sys.argv:
        print(json.dumps(results, indent=1))
    else:
        for subject, found in results.items():
            print(f"{subject:14} {found['seconds']:6.2f} s {found['peak_mb']:6d} MB {found['synsets']:8d} synsets")
    ours, plain = results["own"], results["plain_parse"]
    kept = ours["seconds"] <= ALLOWED * plain["seconds"] and ours["peak_mb"] <= ALLOWED * plain["peak_mb"]
    print(f"within {ALLOWED} x of the plain parse: {'yes' if kept else 'NO'}", file=sys.stderr)
    return 0 if kept else 1


if __name__ == "__main__":
    if len(sys.argv) > 2 and sys.argv[1] in SUBJECTS:
        SUBJECTS[sys.argv[1]]()
    else:
        sys.exit(main())
