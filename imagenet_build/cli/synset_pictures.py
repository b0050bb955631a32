"""What `synsets --format svg|dot|treemap` prints: a subtree as a picture, for a README or a talk."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import wraps
from pathlib import Path
from typing import Any, TypeVar, cast

import click

from imagenet_build.charts.dot import dot_graph
from imagenet_build.charts.nodes import tree_of
from imagenet_build.charts.numbers import grouped
from imagenet_build.charts.tree_graph import tree_graph
from imagenet_build.charts.treemap import treemap
from imagenet_build.cli.run_place import RUN_OR_FILE, work_option
from imagenet_build.errors import ConfigError, DataError
from imagenet_build.records import Synset, offset_of
from imagenet_build.stats.counts_file import read_counts
from imagenet_build.storage.layout import RunLayout
from imagenet_build.storage.places import Location
from imagenet_build.storage.run_record import read_config
from imagenet_build.storage.run_status import synset_statuses
from imagenet_build.taxonomy.wordnet import WordNet

TREEMAP = "treemap"
PICTURES = ("svg", "dot", TREEMAP)
_TITLE_ROOTS = 3


_Command = TypeVar("_Command", bound=Callable[..., Any])


@dataclass(frozen=True, slots=True)
class Drawing:
    """What was asked for."""

    kind: str
    """One of `PICTURES`."""
    sizes_path: Location | None = None
    """A run or a table whose images are the areas of a treemap; None: a synset has an area of 1."""

    def print(self, synsets: Sequence[Synset], wordnet: WordNet) -> None:
        """Print the synsets as a drawing; nothing if there are none.

        Raises:
            DataError: none of them has an image, so that no area is to be drawn; or the run or table is damaged.
            ConfigError: the table cannot be used.
        """
        if synsets:
            sizes = None if self.sizes_path is None else sizes_of(self.sizes_path)
            roots = dict.fromkeys(offset_of(synset.root) for synset in synsets)
            click.echo(picture_of(synsets, self.kind, _title(map(wordnet.name, roots)), sizes), nl=False)


def drawing_options(command: _Command) -> _Command:
    """--format, --by and --work, given to the command as `drawing`."""
    drawn = click.option(
        "--format",
        "drawn",
        type=click.Choice(PICTURES),
        help="Print a drawing instead: a tree as SVG, Graphviz DOT, or a treemap as SVG.",
    )
    by = click.option(
        "--by",
        type=RUN_OR_FILE,
        metavar="RUN|FILE",
        help="Areas of the treemap: a run's kept pictures, or the images of a table (wnid, images).",
    )

    @wraps(command)
    def with_drawing(*args: Any, drawn: str | None, by: Location | None, **given: Any) -> Any:
        if by and drawn != TREEMAP:
            raise ConfigError("--by says how large areas are; only --format treemap has any.")
        return command(*args, drawing=Drawing(drawn, by) if drawn else None, **given)

    return cast(_Command, drawn(by(work_option(with_drawing))))


def picture_of(synsets: Sequence[Synset], kind: str, title: str, sizes: Mapping[str, int] | None = None) -> str:
    """A subtree as a drawing.

    Args:
        synsets: what to draw; at least one.
        kind: one of `PICTURES`.
        title: what it is called.
        sizes: images of each wnid, for the areas of a treemap.
    Raises:
        DataError: none of the synsets has an image there.
    """
    keys = [synset.wnid for synset in synsets]
    parents = {synset.wnid: synset.hypernyms for synset in synsets}
    names = {synset.wnid: synset.lemmas[0].replace("_", " ") for synset in synsets}
    notes = {synset.wnid: f"{synset.wnid}: {synset.gloss}" for synset in synsets}
    counted = f"{grouped(len(keys))} synset{'' if len(keys) == 1 else 's'}"
    if kind == "dot":
        return "".join(dot_graph(keys, parents, names, notes, title=title))
    if kind == "svg":
        tree, further = tree_of(keys, parents, names, notes=notes, top_name=title)
        return tree_graph(tree, further, label=f"The hierarchy of {title} in WordNet 3.0, {counted}", standalone=True)
    if sizes is not None and not any(sizes.get(key) for key in keys):
        raise DataError("None of these synsets has an image there.", remedy="Leave out --by, or name other synsets.")
    tree, _ = tree_of(keys, parents, names, values=sizes, top_name=title)
    unit = "synsets" if sizes is None else "images"
    label = f"Treemap of {title}, {counted}; an area is the number of {unit} at and below it"
    return treemap(tree, label=label, unit=unit, standalone=True)


def sizes_of(path: Location) -> dict[str, int]:
    """Images of each wnid: the kept ones of a run, or those of a table.

    Raises:
        DataError: the directory is no run, or the table is damaged.
        ConfigError: the table is missing, or has no column of wnids.
    """
    if isinstance(path, Path) and not path.is_dir():
        return read_counts(path).images
    layout = RunLayout(path)
    read_config(layout)
    return {row.wnid: row.counts["kept"] for row in synset_statuses(layout)}


def _title(roots: Iterable[str]) -> str:
    """The roots, as many as fit a title.

    >>> _title(["dog.n.01", "musical_instrument.n.01", "a.n.01", "b.n.01", "c.n.01"])
    'dog, musical instrument, a and 2 others'
    """
    words = [name.rpartition(".n.")[0].replace("_", " ") for name in roots]
    more = len(words) - _TITLE_ROOTS
    return ", ".join(words[:_TITLE_ROOTS]) + (f" and {more} others" if more > 0 else "")
