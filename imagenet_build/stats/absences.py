"""Pure: which sections a run cannot fill yet, why, and what fills them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from imagenet_build.stats.document import Absent


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a run has come."""

    has_synsets: bool
    has_hits: bool
    has_images: bool
    """The table of images was published."""
    has_manifests: bool
    unfinished: tuple[str, ...]
    """Stages that have begun and are not published."""
    downloads: bool
    """The configuration wants bytes, not only addresses."""
    has_bytes: bool
    """At least one image has bytes."""
    has_verdicts: bool
    excludes: bool
    """The configuration names lists of excluded pictures."""
    has_precision: bool
    is_list: bool = False


def absences(progress: Progress) -> tuple[Absent, ...]:
    """One for each section that is empty because the run has not come to it, or never will.

    Commands name the run RUN: a run can be moved, and its statistics with it.
    """
    return tuple(_list_run(progress) if progress.is_list else _build(progress))


def _list_run(progress: Progress) -> Iterator[Absent]:
    why = "A run of `fetch` has addresses only: no synsets, queries or duplicates."
    for section in ("images_per_synset", "subtrees", "found_by", "licenses", "duplicates", "conflicts", "synsets"):
        yield Absent(section, why)
    if not progress.has_images:
        yield Absent("sizes", "The download has not finished; the same `fetch` command goes on.")


def _build(progress: Progress) -> Iterator[Absent]:
    goes_on = "`imagenet-build build --out RUN` goes on."
    if progress.unfinished:
        stages = ", ".join(progress.unfinished)
        yield Absent("totals", f"Not finished: {stages}. Counted is what is written so far; {goes_on}")
    if not progress.has_synsets:
        yield Absent("synsets", f"No synsets are chosen yet; {goes_on}")
    if not progress.has_hits:
        yield Absent("found_by", f"The search has not finished; {goes_on}")
    if not progress.has_manifests:
        counted = "sizes, hosts and colours are of all candidates" if progress.has_images else "no image is counted"
        yield Absent("images_per_synset", f"There are no manifests yet: {counted}, and none is kept; {goes_on}")
    yield from _pictures(progress)
    if progress.has_manifests and not progress.has_verdicts:
        yield Absent("accepted_per_synset", "Nobody has judged the images: `imagenet-build verify serve RUN`.")
    if not progress.excludes:
        yield Absent("leaks", "The configuration names no list of excluded pictures (dedup.exclude).")
    if not progress.has_precision:
        yield Absent("precision", "No independent check yet: `imagenet-build stats sample RUN`.")


def _pictures(progress: Progress) -> Iterator[Absent]:
    if not progress.downloads:
        why = "No bytes are kept (download.enabled: false): nothing is known of the pictures themselves."
    elif not progress.has_bytes:
        why = "No image is stored."
    else:
        return
    for section in ("sizes", "colours", "diversity"):
        yield Absent(section, why)
