"""EDGE: a run, and perhaps something to set beside it -> the material of its report."""

from __future__ import annotations

import hashlib
import json
import shlex
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from imagenet_build.config.models import BuildConfig
from imagenet_build.errors import DataError, WordNetUnusable
from imagenet_build.records import offset_of, wnid_of
from imagenet_build.report.material import Compared, Material, Sheet
from imagenet_build.report.places import Parents, Places, places_of, two_branches
from imagenet_build.report.section_quality import AVERAGES_SHOWN
from imagenet_build.report.settings import settings_of
from imagenet_build.report.sheets import Grid, contact_sheet
from imagenet_build.report.troubles import RunNotes, troubles_of
from imagenet_build.report.words import synset_word
from imagenet_build.stats.average_image import average_image, png_bytes
from imagenet_build.stats.document import LIST, Statistics, SynsetRow
from imagenet_build.stats.gather import STAGES, gather_run, steps_of
from imagenet_build.stats.gather_counts import gather_counts
from imagenet_build.stats.run_tables import has_verdicts, pictures_in_turn
from imagenet_build.storage import tables
from imagenet_build.storage.layout import RunLayout
from imagenet_build.storage.places import Location, Place
from imagenet_build.storage.run_record import config_hash, read_config
from imagenet_build.storage.run_status import parked_engines, stage_statuses
from imagenet_build.storage.schemas import SYNSETS
from imagenet_build.taxonomy.sources import load_wordnet
from imagenet_build.taxonomy.wordnet import WordNet
from imagenet_build.verify.vote_tables import verdicts_folder

BRANCH_GRID = Grid(columns=3, rows=3, side_px=70)
SAMPLE_GRID = Grid(columns=8, rows=1, side_px=64)
BRANCH_LENGTH = 7
GOOD_LENGTH = 3
"""Of a branch; for shorter ones, synsets with fewer pictures are taken too."""
DEPTHS_SHOWN = 10
SYNSETS_PER_DEPTH = 2
LEAST_SAMPLED = 3
"""Images of a synset that is sampled, where its depth has such synsets."""
Advance = Callable[[int], None]


def steps_of_report(run: Location, against: Location | None, *, counted: bool = False) -> int:
    """How often `gather_report` will advance."""
    others = steps_of(against) if against is not None and is_run(against) else 0
    return (0 if counted else steps_of(run)) + others


def gather_report(
    run: Location,
    *,
    against: Location | None = None,
    command: str = "",
    notes: Sequence[str] = (),
    counted: Statistics | None = None,
    advance: Advance = lambda _: None,
) -> Material:
    """Everything that the report of a run needs; of at most some dozens of synsets pictures are read.

    Args:
        run: its directory, or its place in a store.
        against: another run's, or a table of wnids and images.
        command: that was given.
        notes: paragraphs to stand below the numbers.
        counted: the run's statistics, if they are there already.
        advance: told how many of `steps_of_report` are done.
    Raises:
        DataError: a directory is no run, a table is damaged, or `counted` is of another run.
        ConfigError: `against` is a table that cannot be used.
        WordNetUnusable: `against` is a table, and there is no WordNet to place it in.
    """
    layout = RunLayout(run)
    config = read_config(layout)
    if counted is not None and counted.identity.config_hash != config_hash(config):
        raise DataError(
            f"These statistics are not of {run}: they name {counted.identity.name}, built with another configuration.",
            remedy="Count anew: leave out --stats.",
        )
    statistics = counted or gather_run(run, advance=advance)
    wordnet = _wordnet(config)
    parents = _parents(statistics, wordnet)
    places = places_of([row.wnid for row in statistics.synsets], parents)
    compared = None if against is None else _compared(against, config, statistics, wordnet, advance)
    judged = has_verdicts(layout)
    sheets = _Sheets(layout, statistics, accepted=judged)
    of_run = RunNotes(
        run=shlex.quote(str(run)),
        is_list=statistics.identity.kind == LIST,
        parked=_parked(layout, config),
        problems=tuple(
            (status.name, problem, times)
            for status in stage_statuses(layout, STAGES)
            for problem, times in sorted(status.problems.items())
        ),
    )
    return Material(
        statistics=statistics,
        places=places,
        names=_names(statistics, places, compared, wordnet),
        roots=tuple(row.category for row in statistics.subtrees if row.is_root),
        command=command,
        notes=tuple(notes),
        branches=tuple(sheets.branch(way, places) for way in _ways(statistics, places)),
        samples=tuple(sheets.samples(sampled(statistics.synsets))),
        of_accepted=judged,
        averages=_averages(layout, statistics),
        verification=_verification(layout),
        troubles=troubles_of(statistics, of_run),
        settings=settings_of(config),
        against=compared,
    )


def is_run(place: Location) -> bool:
    """Whether it is a run, and no table."""
    return isinstance(place, Place) or place.is_dir()


def _wordnet(config: BuildConfig) -> WordNet | None:
    try:
        return load_wordnet(config.taxonomy)
    except WordNetUnusable:
        return None


def _parents(statistics: Statistics, wordnet: WordNet | None) -> Parents:
    """Of a synset: WordNet's, or where it is not there, those that the run names."""
    own = {row.wnid: row.parents for row in statistics.synsets}

    def parents(wnid: str) -> Sequence[str]:
        if wordnet is not None and offset_of(wnid) in wordnet:
            return [wnid_of(parent) for parent in wordnet.parents(offset_of(wnid))]
        return [parent for parent in own.get(wnid, ()) if parent in own]

    return parents


def _compared(
    place: Location, config: BuildConfig, statistics: Statistics, wordnet: WordNet | None, advance: Advance
) -> Compared:
    if isinstance(place, Place) or place.is_dir():
        other = gather_run(place, advance=advance)
    else:
        roots = [offset_of(row.wnid) for row in statistics.subtrees if row.is_root]
        other = gather_counts(place, wordnet or load_wordnet(config.taxonomy), roots)
    wnids = {row.wnid for of in (statistics, other) for row in of.synsets}
    both = [_parents(of, wordnet) for of in (statistics, other)]
    return Compared(other, places_of(wnids, lambda wnid: both[0](wnid) or both[1](wnid)))


def _names(
    statistics: Statistics, places: Places, compared: Compared | None, wordnet: WordNet | None
) -> dict[str, str]:
    names = {row.wnid: row.name or row.wnid for row in statistics.synsets}
    if compared is not None:
        names |= {row.wnid: row.name or row.wnid for row in compared.statistics.synsets}
    if wordnet is not None:
        for of in (places, *([compared.places] if compared else [])):
            for wnid in of.children:
                if wnid and wnid not in names:
                    names[wnid] = wordnet.name(offset_of(wnid))
    return names


def _parked(layout: RunLayout, config: BuildConfig) -> dict[str, str]:
    until = parked_engines(layout, [engine.name for engine in config.search.engines])
    now = time.time()
    return {
        name: time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime(moment)) for name, moment in until.items() if moment > now
    }


def _ways(statistics: Statistics, places: Places) -> list[list[str]]:
    """Two branches to show, beginning at a high-level category, a root, or just below one."""
    totals = places.totals({row.wnid: row.images for row in statistics.synsets})
    tops = [row.wnid for row in statistics.subtrees] + list(places.children.get("", ()))
    tops += [child for top in tuple(tops) for child in places.children.get(top, ())]
    best: list[list[str]] = []
    for least in (BRANCH_GRID.places, 4, 1):
        found = two_branches(places, tops, totals, least=least, most=BRANCH_LENGTH)
        if len(found) >= len(best) and sum(map(len, found)) > sum(map(len, best)):
            best = found
        if len(best) == 2 and min(map(len, best)) >= GOOD_LENGTH:
            break
    return best


def sampled(rows: Sequence[SynsetRow]) -> list[SynsetRow]:
    """Some synsets of each depth, by a draw that only their ids decide."""
    by_depth: dict[int, list[SynsetRow]] = {}
    for row in rows:
        if row.images and row.depth is not None:
            by_depth.setdefault(row.depth, []).append(row)
    depths = sorted(by_depth)
    if len(depths) > DEPTHS_SHOWN:
        depths = [depths[round(step * (len(depths) - 1) / (DEPTHS_SHOWN - 1))] for step in range(DEPTHS_SHOWN)]
    found = []
    for depth in depths:
        drawn = sorted(by_depth[depth], key=lambda row: (row.images < LEAST_SAMPLED, _lot(row.wnid)))
        found += drawn[:SYNSETS_PER_DEPTH]
    return found


def _lot(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


class _Sheets:
    """Makes the contact sheets of one run; of one in a store several at a time."""

    def __init__(self, layout: RunLayout, statistics: Statistics, *, accepted: bool) -> None:
        self._layout = layout
        self._accepted = accepted
        self._ahead = isinstance(layout.root, Place)
        self._rows = {row.wnid: row for row in statistics.synsets}
        self._glosses: dict[str, str] = {}
        if layout.synsets.exists():
            table = tables.read(layout.synsets, SYNSETS, columns=["wnid", "gloss"])
            self._glosses = dict(zip(table["wnid"].to_pylist(), table["gloss"].to_pylist(), strict=True))

    def branch(self, way: Sequence[str], places: Places) -> tuple[Sheet, ...]:
        """A sheet for each synset of a way; one with too few pictures borrows from below it."""

        def made(wnid: str) -> Sheet | None:
            return self._sheet(wnid, [of for of in places.below(wnid) if of in places.own], BRANCH_GRID)

        return tuple(sheet for sheet in tables.in_turn(made, way, ahead=self._ahead) if sheet is not None)

    def samples(self, rows: Sequence[SynsetRow]) -> Iterator[Sheet]:
        """A strip for each synset."""

        def made(row: SynsetRow) -> Sheet | None:
            return self._sheet(row.wnid, [row.wnid], SAMPLE_GRID)

        yield from (sheet for sheet in tables.in_turn(made, rows, ahead=self._ahead) if sheet is not None)

    def _sheet(self, wnid: str, wnids: Sequence[str], grid: Grid) -> Sheet | None:
        picked = contact_sheet(self._layout, wnids, grid, accepted=self._accepted)
        if picked is None:
            return None
        row = self._rows[wnid]
        return Sheet(
            wnid=wnid,
            name=synset_word(row.name),
            gloss=self._glosses.get(wnid, ""),
            depth=row.depth,
            images=row.images,
            shown=picked.shown,
            has_below=picked.own < picked.shown,
            jpeg=picked.jpeg,
            width=picked.width,
            height=picked.height,
        )


def _averages(layout: RunLayout, statistics: Statistics) -> dict[str, bytes]:
    """Average images of the most and the least diverse synsets."""
    ordered = sorted(statistics.diversity or (), key=lambda row: (row.bytes, row.wnid))
    shown = {row.wnid for row in (*ordered[:AVERAGES_SHOWN], *ordered[-AVERAGES_SHOWN:])}
    pictures = zip(sorted(shown), pictures_in_turn(layout, sorted(shown)), strict=True)
    return {wnid: png_bytes(average_image(np.concatenate(list(parts)))) for wnid, parts in pictures}


def _verification(layout: RunLayout) -> Mapping[str, Any] | None:
    path = verdicts_folder(layout) / "report.json"
    if not path.exists():
        return None
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise DataError(
            f"{path} cannot be read: {error}.", remedy="`imagenet-build verify run RUN` writes it."
        ) from None
    return found if isinstance(found, dict) else None
