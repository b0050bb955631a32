"""EDGE: a sample as a file (one row per picture, the design in its metadata), drawn from a run and read back.

Votes on it lie beside it: of `sample.parquet` in the folder `sample.votes`. They are an independent check of the run,
so they never become verdicts.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from imagenet_build import __version__
from imagenet_build.errors import ConfigError, DataError
from imagenet_build.stats.precision import CheckedSynset, DepthPrecision, is_right, precision_by_depth
from imagenet_build.stats.sampling import DrawnSynset, Sample, Stratum, draw_sample
from imagenet_build.storage import tables
from imagenet_build.storage.layout import RunLayout
from imagenet_build.storage.manifest_index import read_index
from imagenet_build.storage.places import Place, run_name
from imagenet_build.storage.run_record import config_hash, read_config
from imagenet_build.storage.schemas import MANIFEST, SYNSETS
from imagenet_build.verify.read_votes import read_votes
from imagenet_build.verify.run_pictures import synsets_with_pictures
from imagenet_build.verify.run_verdicts import publish_run_votes, table_of
from imagenet_build.verify.vote_tables import VERDICTS, VotesApart, read_run_votes, verdicts_folder
from imagenet_build.verify.votes import Decision, VoteTable

ACCEPTED, KEPT = "accepted", "kept"
_KEY = "imagenet_build.sample"


def _column(name: str, kind: pa.DataType, about: str) -> pa.Field:
    return pa.field(name, kind, nullable=False, metadata={"about": about})


SAMPLE = pa.schema(
    [
        _column("image", pa.string(), "candidate_id"),
        _column("wnid", pa.string(), "synset that is asked about"),
        _column("name", pa.string(), "of the synset, as NLTK writes it"),
        _column("depth", pa.int16(), "of the synset: fewest steps up to a synset without parents"),
        _column("url", pa.string(), "where the picture came from"),
        _column("synset_pictures", pa.int32(), "pictures of the synset that could have been drawn"),
        _column("synset_probability", pa.float64(), "of the synset to be drawn"),
        _column("picture_probability", pa.float64(), "of the picture to be drawn; 1 / this is its weight"),
    ]
)


@dataclass(frozen=True)
class StoredSample:
    """A sample as it was drawn, and what it was drawn from."""

    sample: Sample
    about: Mapping[str, Any]
    """run, config_hash, program, of, seed, synsets, pictures (as asked for), population (digest of what there was)."""

    @property
    def images(self) -> dict[str, tuple[str, ...]]:
        """wnid -> candidate_ids, in the order of voting."""
        return {one.wnid: one.images for one in self.sample.synsets}


def default_sample(layout: RunLayout) -> Path:
    """Where the sample of a run lies unless told otherwise: on a disk, for the votes on it are given there."""
    return layout.work() / "precision" / "sample.parquet"


def sample_votes(layout: RunLayout, path: Path) -> VotesApart:
    """The run, with the votes on a sample of it in place of its own."""
    return VotesApart(layout.root, path.with_suffix(".votes"))


def draw_run_sample(
    layout: RunLayout,
    *,
    of: str | None = None,
    synsets: int,
    pictures: int,
    seed: int,
    advance: Callable[[int], None] = lambda _: None,
) -> StoredSample:
    """Draw a sample of a run.

    Args:
        of: `accepted` pictures, or all that are `kept`; None: accepted if there are verdicts.
        synsets, pictures, seed: see `draw_sample`.
        advance: told how many manifests more were counted.
    Raises:
        DataError: there are no manifests, or a table is damaged.
        ConfigError: there is nothing to draw from, or too few synsets are wanted.
    """
    drawn_from = of or (ACCEPTED if any(verdicts_folder(layout).glob("n*.parquet")) else KEPT)
    counts, population = {}, hashlib.sha256()
    for wnid, count in _counts(layout, drawn_from):
        counts[wnid] = count
        population.update(f"{wnid} {count}\n".encode())
        advance(1)
    if drawn_from == ACCEPTED and not any(counts.values()):
        raise ConfigError(
            f"{layout.root} has no accepted pictures.",
            remedy="Decide first: imagenet-build verify run RUN. Or check what was collected: --of kept.",
        )
    rows = tables.read(layout.synsets, SYNSETS, columns=["wnid", "depth"]).to_pylist()
    depths = {row["wnid"]: row["depth"] for row in rows}
    made = draw_sample(
        counts, depths, lambda wnid: _images(layout, wnid, drawn_from), synsets=synsets, pictures=pictures, seed=seed
    )
    about = {
        "run": run_name(layout.root),
        "config_hash": config_hash(read_config(layout)),
        "program": f"imagenet_build {__version__}",
        "of": drawn_from,
        "seed": seed,
        "synsets": synsets,
        "pictures": pictures,
        "population": population.hexdigest()[:16],
    }
    return StoredSample(made, about)


def write_sample(path: Path, layout: RunLayout, stored: StoredSample) -> int:
    """Write a sample, one row per picture in the order of voting; returns the number of rows.

    Raises:
        ConfigError: the file has votes on another sample beside it, or its name does not end in .parquet.
    """
    if path.suffix != ".parquet":
        raise ConfigError(f"{path} does not say its format.", remedy="End the name in .parquet.")
    if sample_votes(layout, path).votes.exists() and (not path.exists() or read_sample(path).images != stored.images):
        raise ConfigError(
            f"There are votes on another sample beside {path}.", remedy="Give another --out, or the same --seed."
        )
    names = {
        row["wnid"]: row["name"] for row in tables.read(layout.synsets, SYNSETS, columns=["wnid", "name"]).to_pylist()
    }
    rows = []
    for one in stored.sample.synsets:
        urls = _urls(layout, one.wnid)
        rows += [
            {
                "image": image,
                "wnid": one.wnid,
                "name": names.get(one.wnid, one.wnid),
                "depth": one.depth,
                "url": urls[image],
                "synset_pictures": one.pictures,
                "synset_probability": one.probability,
                "picture_probability": one.picture_probability,
            }
            for image in one.images
        ]
    about = {**stored.about, "strata": [asdict(stratum) for stratum in stored.sample.strata]}
    return tables.write_rows(path, SAMPLE, rows, {_KEY: json.dumps(about)})


def read_sample(path: Path) -> StoredSample:
    """Read what `write_sample` wrote.

    Raises:
        DataError: the file is missing, damaged, or no sample.
    """
    if not path.exists():
        raise DataError(f"{path} is missing.", remedy="Draw a sample first: imagenet-build stats sample RUN.")
    text = tables.metadata(path).get(_KEY)
    if text is None:
        raise DataError(f"{path} is no sample.", remedy="Draw one: imagenet-build stats sample RUN --out FILE.")
    about = json.loads(text)
    strata = tuple(Stratum(**stratum) for stratum in about.pop("strata"))
    frame = tables.read(path, SAMPLE).to_pandas()
    drawn = [
        DrawnSynset(
            str(wnid),
            int(part["depth"].iloc[0]),
            int(part["synset_pictures"].iloc[0]),
            tuple(part["image"]),
            float(part["synset_probability"].iloc[0]),
        )
        for wnid, part in frame.groupby("wnid", sort=False)
    ]
    return StoredSample(Sample(strata, tuple(drawn)), about)


def evaluate(stored: StoredSample, votes: VoteTable) -> list[DepthPrecision]:
    """Precision by depth, all together last; votes on other pictures, and on other synsets, are left out.

    Raises:
        DataError: none of the sample's pictures has a vote.
    """
    right = is_right(votes)
    named = {image: said for (image, wnid), said in right.items() if not wnid}  # tables without a column wnid
    checked = []
    for one in stored.sample.synsets:
        said = [right.get((image, one.wnid), named.get(image)) for image in one.images]
        answers = [answer for answer in said if answer is not None]
        checked.append(CheckedSynset(one.wnid, one.depth, one.pictures, len(answers), sum(answers)))
    return precision_by_depth(stored.sample.strata, checked)


def votes_on(layout: RunLayout, path: Path, file: Path | None = None) -> VoteTable | None:
    """The votes on a sample: those given in the annotator and imported, or those of a file; None if there are none.

    Args:
        layout: the run's, or any other: only the folder beside the sample is read.
        path: the sample. file: CSV or Parquet as for `verify decide`, read instead.
    Raises:
        DataError: a table cannot be read.
    """
    if file is not None:
        return read_votes(file)
    apart = sample_votes(layout, path)
    publish_run_votes(apart)
    stored = read_run_votes(apart)
    return table_of(stored) if stored.num_rows else None


def run_precision(layout: RunLayout) -> list[DepthPrecision] | None:
    """Of a run's own sample (`default_sample`), as far as it was voted on; None if there is none, or no vote.

    Raises:
        DataError: a table cannot be read.
    """
    path = default_sample(layout)
    votes = votes_on(layout, path) if path.exists() else None
    if votes is None:
        return None
    return evaluate(read_sample(path), votes)


def _counts(layout: RunLayout, of: str) -> Iterator[tuple[str, int]]:
    """(wnid, pictures that could be drawn) of every manifest, in wnid order."""
    wnids = synsets_with_pictures(layout)
    index = read_index(layout) if of == KEPT else None
    if index is not None:
        yield from zip(index["wnid"].to_pylist(), index["kept"].to_pylist(), strict=True)
        return
    ahead = isinstance(layout.root, Place)
    yield from zip(wnids, tables.in_turn(lambda wnid: _count(layout, wnid, of), wnids, ahead=ahead), strict=True)


def _count(layout: RunLayout, wnid: str, of: str) -> int:
    if of == KEPT:
        counts = json.loads(tables.metadata(layout.manifest(wnid)).get("imagenet_build.counts", "{}"))
        if "kept" in counts:
            return int(counts["kept"])
    elif not (verdicts_folder(layout) / f"{wnid}.parquet").exists():
        return 0
    return len(_images(layout, wnid, of))


def _images(layout: RunLayout, wnid: str, of: str) -> list[str]:
    """candidate_ids that could be drawn; accepted ones only as far as they are still kept."""
    table = tables.read(layout.manifest(wnid), MANIFEST, columns=["candidate_id", "kept"])
    images = table.filter(table["kept"])["candidate_id"]
    if of == ACCEPTED:
        verdicts = tables.read(verdicts_folder(layout) / f"{wnid}.parquet", VERDICTS, columns=["image", "verdict"])
        accepted = verdicts.filter(pc.equal(verdicts["verdict"], Decision.ACCEPTED.value))["image"]
        images = images.filter(pc.is_in(images, accepted.combine_chunks()))
    return list(np.sort(images.to_numpy().astype(str)).tolist())


def _urls(layout: RunLayout, wnid: str) -> dict[str, str]:
    table = tables.read(layout.manifest(wnid), MANIFEST, columns=["candidate_id", "url"])
    return dict(zip(table["candidate_id"].to_pylist(), table["url"].to_pylist(), strict=True))
