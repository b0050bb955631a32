"""Pure: a tree to draw."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Node:
    """A node with everything below it."""

    key: str
    """Its identity: a wnid. In a tree each key stands once."""
    name: str
    """What is written beside it."""
    value: float = 1.0
    """Its own size, without what is below it; not negative."""
    note: str = ""
    """Shown when it is pointed at."""
    children: tuple[Node, ...] = field(default=())

    @property
    def total(self) -> float:
        """Its size with everything below it."""
        return sum(node.value for _, node in self.walk())

    def walk(self) -> Iterator[tuple[int, Node]]:
        """The node and everything below it, depth first, each with its level from 0."""
        stack = [(0, self)]
        while stack:
            level, node = stack.pop()
            yield level, node
            stack += [(level + 1, child) for child in reversed(node.children)]


def tree_of(
    keys: Sequence[str],
    parents: Mapping[str, Sequence[str]],
    names: Mapping[str, str],
    *,
    values: Mapping[str, float] | None = None,
    notes: Mapping[str, str] | None = None,
    top_name: str = "",
) -> tuple[Node, list[tuple[str, str]]]:
    """A tree of some synsets, and the links that do not fit into a tree.

    Args:
        keys: the synsets, in the order that siblings shall have.
        parents: of each key; those that are not among the keys do not count. The first that is holds the child.
        names: of each key.
        values: own size of each key; 1 where not given.
        notes: of each key.
        top_name: written on the node above all, where several have no parent.
    Returns:
        the tree; and (parent, child) for each further parent of a synset. With several synsets without a parent, they
        stand below one node of no value with an empty key.
    Raises:
        ValueError: there are no keys, or the parents go round in a circle.
    """
    among = set(keys)
    below: dict[str, list[str]] = {}
    further: list[tuple[str, str]] = []
    tops: list[str] = []
    for key in keys:
        held = [parent for parent in dict.fromkeys(parents.get(key, ())) if parent in among and parent != key]
        if held:
            below.setdefault(held[0], []).append(key)
            further += [(parent, key) for parent in held[1:]]
        else:
            tops.append(key)
    order = _parents_first(tops, below)
    if not order or len(order) != len(among):
        raise ValueError("no synsets to draw" if not keys else "the parents of some synsets go round in a circle")
    made: dict[str, Node] = {}
    for key in reversed(order):
        made[key] = Node(
            key,
            names[key],
            1.0 if values is None else float(values.get(key, 0.0)),
            (notes or {}).get(key, ""),
            tuple(made[child] for child in below.get(key, ())),
        )
    if len(tops) == 1:
        return made[tops[0]], further
    return Node("", top_name, 0.0, "", tuple(made[top] for top in tops)), further


def _parents_first(tops: Sequence[str], below: Mapping[str, Sequence[str]]) -> list[str]:
    order = list(tops)
    for key in order:  # grows while it is walked
        order += below.get(key, ())
    return order
