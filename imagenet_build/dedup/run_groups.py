"""The groups of a run, for people: how many each synset has, and the most doubtful ones with their pictures."""

from __future__ import annotations

import heapq
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from imagenet_build.dedup.review import MEMBERS_SHOWN, Duplicate, Group, Picture
from imagenet_build.dedup.thumbnails import enlarged, thumbnail
from imagenet_build.errors import DataError, UnknownSynset
from imagenet_build.records import ShardRef
from imagenet_build.storage import tables
from imagenet_build.storage.layout import RunLayout
from imagenet_build.storage.schemas import DUPLICATES, IMAGES, SYNSETS
from imagenet_build.storage.shards import read_member
from imagenet_build.storage.synset_reader import rows_of

_COLUMNS = ["wnid", "url_key", "duplicate_of", "reason", "distance", "dct_distance", "gradient_distance"]
_SHOWN = ["url_key", "url", "width", "height", "format", "tiny", "shard", "offset", "size"]


@dataclass
class SynsetGroups:
    """How many groups one synset has."""

    wnid: str
    name: str
    groups: int = 0
    reasons: Counter[str] = field(default_factory=Counter)
    """Duplicates by reason."""


class RunGroup(NamedTuple):
    """One group, its pictures named by their url_key."""

    wnid: str
    kept: str
    rows: list[dict[str, Any]]
    """DUPLICATES rows of those that are not kept."""

    @property
    def rank(self) -> tuple[float, str, str]:
        """The most doubtful group has the least."""
        return (-max(row["distance"] for row in self.rows), self.wnid, self.kept)


def wnid_in_run(layout: RunLayout, text: str) -> str:
    """The synset of the run that a wnid, a name (`dog.n.01`) or a word means.

    Raises:
        UnknownSynset: none of the run's, or several; the message lists these.
    """
    rows = tables.read(layout.synsets, SYNSETS, columns=["wnid", "name", "lemmas", "gloss"]).to_pylist()
    word = "_".join(text.lower().split())
    found = [row for row in rows if text.strip() in (row["wnid"], row["name"])] or [
        row for row in rows if word in (lemma.lower() for lemma in row["lemmas"])
    ]
    if len(found) == 1:
        return str(found[0]["wnid"])
    if not found:
        raise UnknownSynset(
            f"{layout.root} has no synset {text!r}.",
            remedy=f"`imagenet-build status {layout.root} --synsets` lists all.",
        )
    listed = "".join(f"\n  {row['name']}  {row['wnid']}  {row['gloss']}" for row in found)
    raise UnknownSynset(f"{text!r} means {len(found)} synsets of {layout.root}; name one of them:{listed}")


def count_groups(layout: RunLayout, wnid: str | None = None) -> list[SynsetGroups]:
    """Per synset with duplicates: how many groups and duplicates; most duplicates first.

    Args:
        layout: a run that has reached the dedup stage.
        wnid: only this synset; None: all.
    """
    names = _names(layout)
    counted: dict[str, SynsetGroups] = {}
    for group in _groups(layout, wnid):
        of = counted.setdefault(group.wnid, SynsetGroups(group.wnid, names.get(group.wnid, "")))
        of.groups += 1
        of.reasons.update(row["reason"] for row in group.rows)
    return sorted(counted.values(), key=lambda of: (-of.reasons.total(), of.wnid))


def doubtful_groups(layout: RunLayout, limit: int, wnid: str | None = None) -> tuple[list[Group], Album]:
    """The groups with the largest accepted distances, worst first, and the pictures that `review_page` shows of them.

    Args:
        layout: a run that has reached the dedup stage.
        limit: so many groups at most.
        wnid: only of this synset; None: of all.
    """
    chosen = heapq.nsmallest(limit, _groups(layout, wnid), key=lambda group: group.rank)
    names = _names(layout)
    keys: list[tuple[str, str]] = []
    groups: list[Group] = []
    shown: list[int] = []
    for found in chosen:
        duplicates = []
        for at, row in enumerate(found.rows, start=len(keys) + 1):
            numbers = row["distance"], row["dct_distance"], row["gradient_distance"]
            duplicates.append(Duplicate(at, row["reason"], *numbers))
        group = Group(len(keys), duplicates, f"{names.get(found.wnid, '')} {found.wnid}".strip())
        keys += [(found.wnid, found.kept), *((found.wnid, row["url_key"]) for row in found.rows)]
        groups.append(group)
        shown += [group.kept, *(each.place for each in group.farthest_first[:MEMBERS_SHOWN])]
    return groups, Album(layout, {place: keys[place] for place in shown})


class Album:
    """Some pictures of a run."""

    def __init__(self, layout: RunLayout, wanted: Mapping[int, tuple[str, str]]) -> None:
        """`wanted`: place -> wnid and url_key."""
        self._shards = layout.shards
        self._rows: dict[int, dict[str, Any]] = {}
        by_synset: dict[str, dict[str, int]] = {}
        for place, (wnid, url_key) in wanted.items():
            by_synset.setdefault(wnid, {})[url_key] = place
        for wnid, places in sorted(by_synset.items()):  # the order of the table
            for row in rows_of(layout.images, IMAGES, wnid).select(_SHOWN).to_pylist():
                if row["url_key"] in places:
                    self._rows[places[row["url_key"]]] = row

    def picture(self, place: int) -> Picture:
        """From its shard; if that is gone, its tiny image.

        Raises:
            DataError: the run's tables contradict each other.
        """
        row = self._rows.get(place)
        if row is None:
            raise DataError(
                "duplicates.parquet names a picture that images.parquet does not have.",
                remedy="Run the build again: it groups anew what has changed.",
            )
        return Picture(row["url"], f"{row['width']}×{row['height']} px", self._jpeg(row))

    def _jpeg(self, row: dict[str, Any]) -> bytes:
        if row["shard"] is not None:
            try:
                data = read_member(self._shards, ShardRef(row["shard"], row["offset"], row["size"]))
                return thumbnail(data, row["format"], row["tiny"])
            except DataError:
                pass  # a run may be looked at without its shards
        return enlarged(row["tiny"], row["width"], row["height"])


def _names(layout: RunLayout) -> dict[str, str]:
    synsets = tables.read(layout.synsets, SYNSETS, columns=["wnid", "name"])
    return dict(zip(synsets["wnid"].to_pylist(), synsets["name"].to_pylist(), strict=True))


def _groups(layout: RunLayout, wnid: str | None) -> Iterator[RunGroup]:
    """All groups, by synset, then by the kept picture."""
    for of, table in tables.by_synset(layout.duplicates, DUPLICATES, _COLUMNS):
        if wnid is not None and of != wnid:
            continue
        found: dict[str, list[dict[str, Any]]] = {}
        for row in table.to_pylist():
            found.setdefault(row["duplicate_of"], []).append(row)
        for kept in sorted(found):
            yield RunGroup(of, kept, found[kept])
