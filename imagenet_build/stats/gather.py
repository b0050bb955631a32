"""EDGE: the statistics of a run, as far as it has come."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from imagenet_build.config.models import BuildConfig
from imagenet_build.errors import UnknownSynset, WordNetUnusable
from imagenet_build.records import offset_of
from imagenet_build.stats.absences import Progress, absences
from imagenet_build.stats.document import Absent, PrecisionRow, Statistics, SynsetDiversity
from imagenet_build.stats.hierarchy_shape import DeepHierarchy, TableHierarchy
from imagenet_build.stats.image_counts import images_per_synset
from imagenet_build.stats.looks import run_looks
from imagenet_build.stats.pictures import host_table
from imagenet_build.stats.properties import run_properties
from imagenet_build.stats.refusals import leaks, most_first, refusal_rows
from imagenet_build.stats.run_identity import run_identity
from imagenet_build.stats.run_tables import RunSynset, column_batches, has_verdicts, read_synsets
from imagenet_build.stats.run_tally import RunTally, tally_run
from imagenet_build.stats.run_totals import run_totals, synset_rows
from imagenet_build.stats.sample_files import run_precision
from imagenet_build.stats.sections import ColourStatistics, Duplicates, ImagesPerSynset, Leaks
from imagenet_build.stats.subtrees import categories_for
from imagenet_build.stats.synset_rows import Placed, placed
from imagenet_build.storage.layout import RunLayout
from imagenet_build.storage.manifest_index import manifest_wnids
from imagenet_build.storage.places import Location
from imagenet_build.storage.run_record import read_config
from imagenet_build.storage.run_status import is_list_run, stage_statuses
from imagenet_build.taxonomy.sources import load_wordnet
from imagenet_build.taxonomy.wordnet import WordNet

STAGES = ("taxonomy", "queries", "search", "download", "dedup", "manifest")
LIST_STAGES = ("download",)


def steps_of(run: Location) -> int:
    """How often `gather_run` will advance: each manifest is read twice."""
    return 2 * len(manifest_wnids(RunLayout(run)))


def gather_run(run: Location, *, advance: Callable[[int], None] = lambda _: None) -> Statistics:
    """Statistics of a run: of what its stages have published, whatever is missing.

    Memory does not grow with the run, but for 8 bytes per kept image and what stands in the document itself.

    Args:
        run: its directory, or its place in a store.
        advance: told how many steps of `steps_of` are done.
    Raises:
        DataError: the directory is no run, or one of its tables is damaged.
    """
    layout = RunLayout(run)
    config = read_config(layout)
    is_list = is_list_run(layout)
    synsets = read_synsets(layout)
    has_manifests = bool(manifest_wnids(layout))
    tally = tally_run(layout, has_manifests=has_manifests, advance=advance)
    judged = has_manifests and has_verdicts(layout)
    images = _images(tally, synsets, has_manifests)
    accepted = {wnid: tally.synsets[wnid].accepted for wnid in tally.synsets} if judged else None
    tree, notes = _hierarchy(config, synsets)
    found = placed(tree, images, categories_for(tree, _roots(config, tree, synsets)), accepted)
    colours, diversity = _looks(layout, tally, has_manifests, advance)
    totals = run_totals(layout, tally, images, judged=judged, has_manifests=has_manifests)
    sizes = tally.pictures.sizes()
    licenses = tally.pictures.licenses(judged=judged) if has_manifests else None
    rows = synset_rows(found.synsets, synsets, tally, judged=judged)
    precision = _precision(layout)
    has_hits = layout.hits.exists()
    counted = "kept" if has_manifests else "candidates"
    progress = Progress(
        has_synsets=bool(synsets),
        has_hits=has_hits,
        has_images=layout.images.exists(),
        has_manifests=has_manifests,
        unfinished=_unfinished(layout, LIST_STAGES if is_list else STAGES),
        downloads=config.download.enabled,
        has_bytes=tally.pictures.stored > 0,
        has_verdicts=judged,
        excludes=bool(config.dedup.exclude),
        has_precision=precision is not None,
        is_list=is_list,
    )
    return Statistics(
        identity=run_identity(layout, config, is_list=is_list),
        totals=totals,
        images_per_synset=images_per_synset(images.values(), counted),
        accepted_per_synset=_accepted_per_synset(accepted, images),
        subtrees=found.subtrees,
        shape=found.shape if images else None,
        found_by=tally.found.result(judged=judged) if has_hits else None,
        licenses=licenses,
        hosts=host_table(tally.pictures.hosts, tally.refused_hosts)
        if layout.images.exists() or has_manifests
        else None,
        sizes=sizes,
        refusals=refusal_rows({"search": tally.search_refused, "download": tally.refused}),
        duplicates=_duplicates(tally) if has_manifests else None,
        conflicts=tally.conflicts.result(_names(synsets)) if layout.conflicts.exists() else None,
        leaks=_leaks(layout, tally) if config.dedup.exclude and layout.leaks.exists() else None,
        colours=colours,
        diversity=diversity,
        precision=precision,
        properties=() if is_list else run_properties(totals, rows, sizes, licenses, precision),
        synsets=rows,
        absent=(*absences(progress), *notes, *_unknown(found)),
    )


def _images(tally: RunTally, synsets: Mapping[str, RunSynset], has_manifests: bool) -> dict[str, int]:
    """wnid -> kept images (without manifests: candidates) of every synset of the run, in wnid order."""
    counts = {wnid: of.kept for wnid, of in tally.synsets.items()} if has_manifests else tally.images_of
    return {wnid: counts.get(wnid, 0) for wnid in sorted(synsets.keys() | {wnid for wnid in counts if wnid})}


def _accepted_per_synset(accepted: Mapping[str, int] | None, images: Mapping[str, int]) -> ImagesPerSynset | None:
    if accepted is None:
        return None
    return images_per_synset((accepted.get(wnid, 0) for wnid in images), "accepted")


def _hierarchy(config: BuildConfig, synsets: Mapping[str, RunSynset]) -> tuple[DeepHierarchy, tuple[Absent, ...]]:
    """WordNet, or what the run's own synsets span of it."""
    try:
        return load_wordnet(config.taxonomy), ()
    except WordNetUnusable as error:
        own = {offset_of(wnid): synset for wnid, synset in synsets.items()}
        tree = TableHierarchy(
            {offset: tuple(map(offset_of, synset.parents)) for offset, synset in own.items()},
            {offset: synset.depth for offset, synset in own.items()},
            {offset: synset.name for offset, synset in own.items()},
        )
        why = f"Subtrees and heights follow the parents that the run itself names, because {error.message}"
        return tree, (Absent("subtrees", why),)


def _roots(config: BuildConfig, tree: DeepHierarchy, synsets: Mapping[str, RunSynset]) -> list[int]:
    """The roots that the configuration names, as far as they are found."""
    by_name = {synset.name: wnid for wnid, synset in synsets.items()}
    found = []
    for root in config.taxonomy.roots:
        wnid = by_name.get(root, root)
        if wnid in synsets:
            found.append(offset_of(wnid))
        elif isinstance(tree, WordNet):
            try:
                found.append(tree.find(root))
            except UnknownSynset:
                continue  # the run was built with another WordNet
    return found


def _looks(
    layout: RunLayout, tally: RunTally, has_manifests: bool, advance: Callable[[int], None]
) -> tuple[ColourStatistics | None, tuple[SynsetDiversity, ...] | None]:
    if not tally.pictures.stored:
        return None, None
    if not has_manifests:
        return tally.colours.result(), None
    colours, diversity = run_looks(layout, {wnid: of.kept for wnid, of in tally.synsets.items()}, advance)
    return colours.result(), diversity


def _unfinished(layout: RunLayout, stages: Sequence[str]) -> tuple[str, ...]:
    return tuple(status.name for status in stage_statuses(layout, stages) if not status.published)


def _precision(layout: RunLayout) -> tuple[PrecisionRow, ...] | None:
    """Of the run's own sample, if it has one that was voted on."""
    checked = run_precision(layout)
    return None if checked is None else tuple(row.row() for row in checked)


def _duplicates(tally: RunTally) -> Duplicates:
    return Duplicates(tally.duplicate_groups, most_first(tally.duplicate_reasons))


def _leaks(layout: RunLayout, tally: RunTally) -> Leaks:
    batches = column_batches(layout.leaks, ("wnid", "url_key", "reason"))
    rows = ((row["wnid"], row["url_key"], row["reason"]) for batch in batches for row in batch.to_pylist())
    return leaks(rows, tally.leaked)


def _names(synsets: Mapping[str, RunSynset]) -> dict[str, str]:
    return {wnid: synset.name for wnid, synset in synsets.items()}


def _unknown(found: Placed) -> tuple[Absent, ...]:
    if not found.unknown:
        return ()
    why = f"{len(found.unknown)} synsets of the run are not in this WordNet and stand in no subtree."
    return (Absent("subtrees", why),)
