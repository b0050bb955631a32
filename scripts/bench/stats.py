"""Statistics of a large run: seconds and memory of `stats RUN`, and of `stats --counts` on ImageNet's own counts.

The run is made here, without a build: synsets at and below the roots of the CVPR 2009 configuration, manifests with
generated rows (a tenth of them duplicates), hits, refusals, conflicts, verdicts on half of the synsets.

Diversity is most of the first count of a run; it is kept in the run (`--keep DIR`, twice, shows the second count).

    python scripts/bench/stats.py [--rows 1000000] [--keep DIR]
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from process_tree import measure

from imagenet_build.config.load import load_config
from imagenet_build.config.models import BuildConfig
from imagenet_build.stats.document import read_statistics
from imagenet_build.storage import tables
from imagenet_build.storage.layout import RunLayout
from imagenet_build.storage.run_record import writing
from imagenet_build.storage.schemas import CONFLICTS, HITS, LEAKS, MANIFEST, REJECTIONS, SYNSETS
from imagenet_build.taxonomy.select import select
from imagenet_build.taxonomy.sources import load_wordnet
from imagenet_build.verify.vote_tables import VERDICTS, verdicts_folder

ENGINES = ("openverse", "wikimedia", "inaturalist", "flickr", "gbif")
LANGUAGES = ("eng", "cmn", "spa", "nld", "ita")
ORIGINS = ("synonym", "parent_word", "translation", "translated_parent_word")
LICENSES = ("by", "by-sa", "cc0", "pdm", "unknown")
PICTURES = 3_000
"""Different tiny pictures: more than fit into a compressor's window at once."""
DUPLICATE_EVERY = 10
REFUSED_EVERY = 5
HITS_EACH = 3
MOST_SECONDS = 5.0
"""Of `--counts` on 21,841 synsets; processor seconds, which other work on the machine changes least."""


def tiny_pictures(rng: np.random.Generator) -> list[bytes]:
    """Smooth fields with noise, as a photograph made small looks to a compressor."""
    coarse = rng.integers(0, 200, (PICTURES, 8, 8, 3)).repeat(4, axis=1).repeat(4, axis=2)
    noisy = coarse + rng.integers(0, 56, (PICTURES, 32, 32, 3))
    return [picture.tobytes() for picture in noisy.astype(np.uint8)]


class Maker:
    """Writes the tables of one run, synset by synset."""

    def __init__(self, layout: RunLayout, seed: int) -> None:
        self.layout = layout
        self.rng = np.random.default_rng(seed)
        self.tiny = pa.array(tiny_pictures(self.rng), pa.binary(3072))
        self.hits: list[pa.Table] = []
        self.refused: list[pa.Table] = []

    def synset(self, wnid: str, count: int, judged: bool) -> None:
        """One manifest and its rows of the other tables."""
        rng = self.rng
        number = np.arange(count)
        keys = [f"//host{place % 997}.example.org/{wnid}/{place}.jpg" for place in number]
        ids = [f"{wnid}_{place:016x}" for place in number]
        kept = number % DUPLICATE_EVERY != 1
        group = [ids[place] if kept[place] else ids[place - 1] for place in number]
        values: dict[str, Any] = {
            "candidate_id": ids,
            "wnid": [wnid] * count,
            "kept": kept,
            "duplicate_reason": pa.array(np.where(kept, None, "near"), pa.string()),
            "group_id": group,
            "conflicts": [[]] * count,
            "url": [f"https:{key}" for key in keys],
            "url_key": keys,
            "pixel_sha256": [f"{rng.integers(2**62):016x}{'0' * 48}" for _ in number],
            "sha256": [f"{place:064x}" for place in number],
            "size": rng.integers(20_000, 300_000, count),
            "format": ["JPEG"] * count,
            "width": rng.integers(100, 2000, count),
            "height": rng.integers(100, 2000, count),
            "license": rng.choice(LICENSES, count).tolist(),
            "engines": [["openverse"]] * count,
            "queries": self._queries(count),
            **{name: [""] * count for name in ("page_url", "license_version", "license_url")},
            **{name: [""] * count for name in ("creator", "creator_url", "title")},
        }
        columns = [
            self.tiny.take(pa.array(rng.integers(0, PICTURES, count)))
            if field.name == "tiny"
            else pa.array(values[field.name], field.type)
            if field.name in values
            else pa.nulls(count, field.type)
            for field in MANIFEST
        ]
        counts = f'{{"seen": {count}, "kept": {kept.sum()}, "duplicates": {(~kept).sum()}, "refused": 0, "waiting": 0}}'
        said = {"imagenet_build.wnid": wnid, "imagenet_build.counts": counts}
        tables.write_table(self.layout.manifest(wnid), pa.Table.from_arrays(columns, schema=MANIFEST), said)
        self._others(wnid, keys)
        if judged:
            self._verdicts(wnid, [ids[place] for place in np.flatnonzero(kept)])

    def _queries(self, count: int) -> pa.Array:
        number = count * HITS_EACH
        names = {"engine": ENGINES, "query": ("dog", "perro"), "language": LANGUAGES, "origin": ORIGINS}
        fields = MANIFEST.field("queries").type.value_type
        columns = [
            pa.array(self.rng.choice(names[field.name], number).tolist())
            if field.name in names
            else pa.array(self.rng.integers(0, 99, number), pa.int32())
            for field in fields
        ]
        flat = pa.StructArray.from_arrays(columns, fields=list(fields))
        return pa.ListArray.from_arrays(pa.array(range(0, number + 1, HITS_EACH), pa.int32()), flat)

    def _others(self, wnid: str, keys: list[str]) -> None:
        found = np.repeat(keys, HITS_EACH).tolist()
        self.hits.append(
            _table(
                HITS,
                len(found),
                wnid=[wnid] * len(found),
                url_key=found,
                **{
                    name: self.rng.choice(values, len(found)).tolist()
                    for name, values in (("engine", ENGINES), ("language", LANGUAGES), ("origin", ORIGINS))
                },
            )
        )
        gone = [f"{key}.gone" for key in keys[::REFUSED_EVERY]]
        reasons = self.rng.choice(["timeout", "http_error", "too_small"], len(gone)).tolist()
        self.refused.append(_table(REJECTIONS, len(gone), wnid=[wnid] * len(gone), url_key=gone, reason=reasons))

    def _verdicts(self, wnid: str, ids: list[str]) -> None:
        verdicts = self.rng.choice(["accepted", "accepted", "rejected", "undecided"], len(ids)).tolist()
        table = _table(VERDICTS, len(ids), image=ids, wnid=[wnid] * len(ids), verdict=verdicts)
        tables.write_table(verdicts_folder(self.layout) / f"{wnid}.parquet", table)

    def finish(self) -> None:
        """Write the tables of the whole run."""
        tables.write_table(self.layout.hits, pa.concat_tables(self.hits))
        tables.write_table(self.layout.rejections, pa.concat_tables(self.refused))
        for path, schema in ((self.layout.conflicts, CONFLICTS), (self.layout.leaks, LEAKS)):
            tables.write_table(path, schema.empty_table())


def _table(schema: pa.Schema, rows: int, **values: list[str]) -> pa.Table:
    """A table with some columns; zeros and empty texts in the others."""
    columns = []
    for field in schema:
        if field.name in values:
            columns.append(pa.array(values[field.name], field.type))
        elif field.nullable:
            columns.append(pa.nulls(rows, field.type))
        else:
            zero = "" if pa.types.is_string(field.type) else 0
            columns.append(pa.repeat(pa.scalar(zero), rows).cast(field.type))
    return pa.Table.from_arrays(columns, schema=schema)


def make_run(folder: Path, rows: int, seed: int = 7) -> None:
    """A run of the twelve subtrees with so many manifest rows; sizes of synsets as uneven as a power law."""
    config = load_config(Path(__file__).parents[2] / "configs" / "cvpr2009.yaml")
    chosen = select(load_wordnet(config.taxonomy), config.taxonomy).synsets
    weights = np.random.default_rng(seed).pareto(1.5, len(chosen)) + 0.2
    counts = np.floor(weights / weights.sum() * rows).astype(int)
    counts[: rows - counts.sum()] += 1
    wanted = BuildConfig.model_validate({"taxonomy": {"roots": list(config.taxonomy.roots)}})
    with writing(folder, wanted) as layout:
        as_rows = [{name: getattr(synset, name) for name in SYNSETS.names} for synset in chosen]
        tables.write_rows(layout.synsets, SYNSETS, as_rows)
        maker = Maker(layout, seed)
        for place, (synset, count) in enumerate(zip(chosen, counts.tolist(), strict=True)):
            if count:
                maker.synset(synset.wnid, count, judged=place % 2 == 0)
        maker.finish()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--keep", type=Path, help="A folder for the run; taken as it is if it holds one.")
    options = parser.parse_args()
    shared = Path(os.environ.get("IMAGENET_BUILD_SHARED") or Path(__file__).parents[3] / "shared")
    os.environ.setdefault("NLTK_DATA", str(shared / "nltk_data"))
    program = [sys.executable, "-m", "imagenet_build", "stats"]
    wrong = 0
    counts = shared / "reference" / "imagenet21k_fall11_image_counts.csv"
    if counts.is_file():
        usage = measure([*program, "--counts", str(counts)])
        wrong += usage.exit_code != 0 or usage.cpu_s > MOST_SECONDS
        print(f"--counts, 21,841 synsets: {usage.seconds:.1f} s ({usage.cpu_s:.1f} CPU s), {usage.together_mb:.0f} MB")
    with tempfile.TemporaryDirectory() as name:
        folder = options.keep or Path(name) / "run"
        if not RunLayout(folder).run_record.exists():
            began = time.monotonic()
            make_run(folder, options.rows)
            print(f"made in {time.monotonic() - began:.0f} s", file=sys.stderr)
        usage = measure([*program, str(folder)])
        if usage.exit_code:
            raise SystemExit(usage.output[-2000:])
        file = folder / "stats" / "stats.json"
        said = read_statistics(file)
        print(
            f"stats RUN, {said.totals.synsets:,} synsets, {said.totals.candidates:,} rows, {said.totals.hits:,} hits:"
            f" {usage.seconds:.1f} s ({usage.cpu_s:.1f} CPU s), {usage.together_mb:.0f} MB;"
            f" stats.json {file.stat().st_size / 1e6:.1f} MB"
        )
    sys.exit(1 if wrong else 0)


if __name__ == "__main__":
    main()
