"""Pure: what went wrong or is not finished, with the command that helps."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from imagenet_build.records import RejectReason
from imagenet_build.report.material import Trouble
from imagenet_build.report.words import counted, listed, plain, synset_word
from imagenet_build.stats.document import Statistics
from imagenet_build.stats.sections import FEW_IMAGES

SEARCH, DOWNLOAD = "search", "download"
_MEANT = {
    RejectReason.LICENSE_REFUSED: "As configured: `search.licenses` names the licences that are taken.",
    RejectReason.SCHEME_REFUSED: "Only http and https are asked.",
    RejectReason.ADDRESS_REFUSED: "Private addresses are asked only if `network.allow_addresses` names them.",
    RejectReason.ROBOTS_REFUSED: "The hosts' robots.txt says no: leave them.",
    RejectReason.OPTED_OUT: "The owners do not want these pictures in data sets: leave them.",
    RejectReason.TOO_SMALL: "As configured: `download.min_side_px` is the least shorter side.",
    RejectReason.TOO_MANY_BYTES: "As configured: `download.max_bytes` is the most.",
    RejectReason.TOO_MANY_PIXELS: "As configured: `download.max_pixels` is the most; larger ones may be bombs.",
    RejectReason.KNOWN_PREVIEW: "Their previews look like pictures that are there: `imagenet-build retry {run} --reason"
    " known_preview` fetches them all the same.",
    RejectReason.PLACEHOLDER: "Hosts show these in place of pictures that are gone.",
    RejectReason.HTTP_ERROR: "Mostly pictures that are gone. `imagenet-build retry {run} --reason http_error`, then"
    " `imagenet-build build --out {run}`, asks again.",
}
_DAMAGED = "The files are no pictures, or damaged; nothing is to be done."


@dataclass(frozen=True, slots=True)
class RunNotes:
    """What the statistics do not say of a run."""

    run: str
    """The directory, as commands take it."""
    is_list: bool = False
    parked: Mapping[str, str] = field(default_factory=dict)
    """Engine -> until when it wants no requests."""
    problems: tuple[tuple[str, str, int], ...] = ()
    """(stage, what kept units from being done, how many)."""


def troubles_of(statistics: Statistics, notes: RunNotes) -> tuple[Trouble, ...]:
    """The troubles of a run: what stops it, what another try may mend, what is meant to be so, what is open."""
    return tuple(
        trouble
        for part in (_unfinished, _refused, _thin, _doubtful, _unchecked)
        for trouble in part(statistics, notes)
        if trouble.number != 0
    )


def _go_on(notes: RunNotes) -> str:
    return f"`imagenet-build {'fetch' if notes.is_list else 'build'} --out {notes.run}`"


def _unfinished(statistics: Statistics, notes: RunNotes) -> Iterator[Trouble]:
    for stage, problem, times in notes.problems:
        yield Trouble(f"Stage {stage}: {problem}", times, f"{_go_on(notes)} tries again.")
    for engine, until in notes.parked.items():
        yield Trouble(f"{engine} wants no requests until {until}", None, f"After that, {_go_on(notes)} asks it again.")
    waiting = statistics.totals.waiting or 0
    yield Trouble("Addresses that were not fetched yet", waiting, f"{_go_on(notes)} goes on.")


def _refused(statistics: Statistics, notes: RunNotes) -> Iterator[Trouble]:
    refusals = statistics.refusals or ()
    passing = [row for row in refusals if row.transient]
    if passing:
        kinds = listed([f"{plain(row.reason)} {row.count:,}" for row in passing])
        yield Trouble(
            f"Refusals after which another try may help ({kinds})",
            sum(row.count for row in passing),
            f"`imagenet-build retry {notes.run} --class transient`, then {_go_on(notes)}.",
        )
    damaged: list[tuple[str, int]] = []
    for row in refusals:
        if row.transient:
            continue
        meant = _MEANT.get(RejectReason(row.reason)) if row.reason in RejectReason._value2member_map_ else None
        if meant is None:
            damaged.append((plain(row.reason), row.count))
        else:
            of = "engines' items" if row.stage == SEARCH else "addresses"
            yield Trouble(f"Refused: {plain(row.reason)} ({of})", row.count, meant.replace("{run}", notes.run))
    if damaged:
        kinds = listed([f"{word} {count:,}" for word, count in damaged])
        yield Trouble(f"Refused for what came ({kinds})", sum(count for _, count in damaged), _DAMAGED)


def _thin(statistics: Statistics, notes: RunNotes) -> Iterator[Trouble]:
    if notes.is_list:
        return
    empty = [row for row in statistics.synsets if not row.images]
    if empty:
        never = sum(1 for row in empty if row.hits == 0)
        said = f"Synsets without images, {counted(never, 'of them', 'of them')} without a single hit"
        yield Trouble(
            f"{said}: {listed([synset_word(row.name or row.wnid) for row in empty])}",
            len(empty),
            "Another engine or language may know them: both lists of a run's configuration may grow"
            " (`search.engines`, `queries.languages`).",
        )
    few = statistics.images_per_synset.few - statistics.images_per_synset.empty
    yield Trouble(
        f"Synsets with fewer than {FEW_IMAGES} images, but not without",
        few,
        "As above; or `queries.expand: wide` in a new run.",
    )


def _doubtful(statistics: Statistics, notes: RunNotes) -> Iterator[Trouble]:
    conflicts, leaks, licenses = statistics.conflicts, statistics.leaks, statistics.licenses
    if conflicts is not None:
        yield Trouble(
            "Images that also stand in an unrelated synset; mostly words with several senses",
            conflicts.pictures,
            f"Let people decide: `imagenet-build verify serve {notes.run}`.",
        )
    if leaks is not None:
        yield Trouble(
            "Kept images that show a picture of an excluded list",
            leaks.kept,
            "The manifests' column `leak` marks them; leave them out of what you train on.",
        )
    unknown = next((row.kept for row in licenses or () if row.name == "unknown"), 0)
    yield Trouble(
        "Images whose licence is unknown",
        unknown,
        "Do not publish them without looking at their source pages; `search.licenses` in a new run refuses them.",
    )


def _unchecked(statistics: Statistics, notes: RunNotes) -> Iterator[Trouble]:
    totals = statistics.totals
    if notes.is_list or not totals.kept:
        return
    if totals.accepted is None:
        yield Trouble("Images that nobody has looked at", totals.kept, f"`imagenet-build verify serve {notes.run}`.")
        return
    yield Trouble("Images that were never judged", totals.unasked, f"`imagenet-build verify serve {notes.run}`.")
    yield Trouble(
        "Images that need more votes",
        totals.undecided,
        f"`imagenet-build verify serve {notes.run}`, then `imagenet-build verify run {notes.run}`.",
    )
    if statistics.precision is None:
        yield Trouble(
            "No independent check of the accepted images",
            None,
            f"`imagenet-build stats sample {notes.run}` draws pictures for one.",
        )
