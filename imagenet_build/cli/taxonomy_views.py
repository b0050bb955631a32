"""How synsets and queries look on a terminal, and as plain lines where stdout is none."""

from __future__ import annotations

import csv
import json
import sys
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import click
from rich.console import Console
from rich.markup import escape
from rich.table import Table
from rich.tree import Tree

from imagenet_build.records import Synset

Row = Mapping[str, Any]
_JOINED = (list, tuple)


def print_json(rows: Sequence[Row]) -> None:
    """A list of objects."""
    click.echo(json.dumps(rows, ensure_ascii=False, indent=1))


def print_csv(rows: Iterable[Row], columns: Sequence[str]) -> None:
    """RFC 4180 with a header; lists are joined by `|`."""
    writer = csv.writer(sys.stdout, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows([_cell(row[column], "|") for column in columns] for row in rows)


def print_table(rows: Sequence[Row], columns: Sequence[str]) -> None:
    """A table on a terminal; else a header and tab-separated lines."""
    console = Console()
    if not console.is_terminal:
        click.echo("\t".join(columns))
        for row in rows:
            click.echo("\t".join(_cell(row[column], ", ") for column in columns))
        return
    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in columns:
        is_number = bool(rows) and isinstance(rows[0][column], int)
        table.add_column(column, justify="right" if is_number else "left", no_wrap=column == "wnid")
    for row in rows:
        table.add_row(*(escape(_cell(row[column], ", ")) for column in columns))
    console.print(table)


def _cell(value: object, separator: str) -> str:
    return separator.join(map(str, value)) if isinstance(value, _JOINED) else str(value)


def print_tree(synsets: Sequence[Synset], below: Mapping[str, int]) -> None:
    """Each synset once, under the first of its parents that is shown; indented lines where stdout is no terminal."""
    shown = {synset.wnid for synset in synsets}
    children: dict[str, list[Synset]] = {}
    for synset in synsets:
        parent = next((hypernym for hypernym in synset.hypernyms if hypernym in shown), "")
        children.setdefault("" if synset.wnid == synset.root else parent, []).append(synset)
    console = Console(soft_wrap=True)
    if not console.is_terminal:
        for level, synset in _walk(children):
            count = f"  ({below[synset.wnid]} below)" if below[synset.wnid] else ""
            click.echo(f"{'  ' * level}{synset.wnid}  {synset.name}{count}  {synset.gloss}")
        return
    branches = {0: Tree("", hide_root=True)}
    for level, synset in _walk(children):
        count = f" [dim]({below[synset.wnid]} below)[/]" if below[synset.wnid] else ""
        text = f"[bold]{escape(synset.name)}[/] [cyan]{synset.wnid}[/]{count} [dim]{escape(synset.gloss)}[/]"
        branches[level + 1] = branches[level].add(text)
    Console().print(branches[0])


def _walk(children: Mapping[str, Sequence[Synset]]) -> Iterable[tuple[int, Synset]]:
    """Depth first, with the level from 0."""
    stack = [(0, synset) for synset in reversed(children.get("", ()))]
    while stack:
        level, synset = stack.pop()
        yield level, synset
        stack += [(level + 1, child) for child in reversed(children.get(synset.wnid, ()))]
