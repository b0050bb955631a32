from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from imagenet_build.taxonomy.tree import ancestors, counts_below, steps_below, subtree


class Graph:
    """Node n may have any parents below n: always without circles."""

    def __init__(self, parents: list[list[int]]) -> None:
        self._parents = {node: tuple(dict.fromkeys(above)) for node, above in enumerate(parents)}

    def parents(self, offset: int) -> tuple[int, ...]:
        return self._parents[offset]

    def hyponyms(self, offset: int, *, instances: bool = False) -> tuple[int, ...]:
        return tuple(node for node, above in self._parents.items() if offset in above)


@st.composite
def graphs(draw: st.DrawFn) -> Graph:
    size = draw(st.integers(1, 12))
    return Graph([draw(st.lists(st.integers(0, node - 1), max_size=3)) if node else [] for node in range(size)])


@given(graphs())
def test_below_and_above_are_the_same_relation(graph):
    for root in graph._parents:
        below = subtree(graph, [root])
        assert below == sorted(set(below))
        assert below == [node for node in graph._parents if node == root or root in ancestors(graph, node)]


@given(graphs())
def test_nearer_ancestors_come_first(graph):
    for node in graph._parents:
        steps = [steps_below(graph, above)[node] for above in ancestors(graph, node)]
        assert steps == sorted(steps)


@given(graphs())
def test_counts_below(graph):
    counts = counts_below(graph, graph._parents)
    assert counts == {node: len(subtree(graph, [node])) - 1 for node in graph._parents}


def test_two_parents_count_once_and_individuals_only_if_asked_for(mini):
    domestic = [mini.name(offset) for offset in subtree(mini, [mini.find("domestic_animal"), mini.find("canine")])]
    assert domestic.count("dog.n.01") == 1
    assert "lassie.n.01" not in domestic
    collie = mini.find("collie")
    assert [mini.name(offset) for offset in subtree(mini, [collie], instances=True)] == ["collie.n.01", "lassie.n.01"]


def test_ancestors_of_a_synset_with_two_parents(mini):
    names = [mini.name(offset) for offset in ancestors(mini, mini.find("dog.n.01"))]
    assert names[:4] == ["canine.n.01", "domestic_animal.n.01", "carnivore.n.01", "animal.n.01"]
    assert names[-1] == "entity.n.01"
    assert len(names) == len(set(names))
