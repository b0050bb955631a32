"""EDGE: the statistics of any table of (wnid, images), without a run."""

from __future__ import annotations

from collections.abc import Container, Iterable
from pathlib import Path

from imagenet_build.errors import DataError
from imagenet_build.stats.counts_file import CountsFile, read_counts
from imagenet_build.stats.document import COUNTS, Absent, Identity, InputFile, Statistics
from imagenet_build.stats.image_counts import images_per_synset
from imagenet_build.stats.properties import table_properties
from imagenet_build.stats.run_identity import counted_by
from imagenet_build.stats.sections import Totals
from imagenet_build.stats.subtrees import categories_for
from imagenet_build.stats.synset_rows import placed
from imagenet_build.taxonomy.wordnet import WordNet

_NAMED = 5


def gather_counts(
    path: Path, wordnet: WordNet, roots: Iterable[int] = (), only: Container[str] | None = None
) -> Statistics:
    """Statistics of a table of wnids and images, read as `counts_file.read_counts` says.

    Args:
        path: the table.
        wordnet: whose hierarchy the synsets stand in.
        roots: offsets of synsets that get rows of their own in the subtree table.
        only: wnids; the others of the table are left aside. None: all count.
    Raises:
        ConfigError: the table is missing, or has no column of wnids.
        DataError: it cannot be read, or holds none of the wanted wnids.
    """
    table = read_counts(path)
    images = {wnid: number for wnid, number in table.images.items() if only is None or wnid in only}
    if not images:
        raise DataError(f"{path} holds none of the wnids that are wanted.")
    found = placed(wordnet, images, categories_for(wordnet, roots))
    per_synset = images_per_synset(images.values(), "listed")
    return Statistics(
        identity=_identity(path, table),
        totals=Totals(synsets=len(images), nonempty=len(images) - per_synset.empty, kept=per_synset.images),
        images_per_synset=per_synset,
        subtrees=found.subtrees,
        shape=found.shape,
        properties=table_properties(found.synsets),
        synsets=found.synsets,
        absent=_absent(found.unknown),
    )


def _identity(path: Path, table: CountsFile) -> Identity:
    made = counted_by()
    return Identity(COUNTS, path.name, f"a table ({table.counted})", made, inputs=(InputFile(path.name, table.sha256),))


def _absent(unknown: tuple[str, ...]) -> tuple[Absent, ...]:
    if not unknown:
        return ()
    named = ", ".join(unknown[:_NAMED]) + (", ..." if len(unknown) > _NAMED else "")
    why = f"{len(unknown)} wnids are not in WordNet 3.0 and stand in no subtree: {named}."
    return (Absent("subtrees", why),)
