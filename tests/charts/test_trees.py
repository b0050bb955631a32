from __future__ import annotations

import random
import re
from itertools import combinations, pairwise

import pytest

from imagenet_build.charts.dot import dot_graph
from imagenet_build.charts.nodes import Node, tree_of
from imagenet_build.charts.size_tree import size_tree
from imagenet_build.charts.tree_graph import MOST_IN_ROWS, tree_graph
from imagenet_build.charts.tree_layout import leaf_order, tidy_rows
from imagenet_build.charts.treemap import treemap, treemap_cells
from imagenet_build.charts.treemap_layout import Rect, squarified
from tests.charts.markup import number, read, texts, with_class


def grown(seed: int, count: int) -> Node:
    """A random tree: each node below one that came before."""
    rng = random.Random(seed)
    parents = {str(one): (str(rng.randrange(max(0, one - 12), one)),) for one in range(1, count)}
    keys = [str(one) for one in range(count)]
    values = {key: float(rng.choice([0, 1, 1, 5, 100])) for key in keys}
    tree, further = tree_of(keys, parents, {key: f"name {key}" for key in keys}, values=values)
    assert not further
    return tree


def test_a_synset_with_two_parents_stands_below_the_first_and_is_named_for_the_second() -> None:
    keys, names = ["a", "b", "c", "d"], {key: key.upper() for key in "abcd"}
    tree, further = tree_of(keys, {"b": ["a"], "c": ["a"], "d": ["c", "b", "outside"]}, names)
    assert [(level, node.key) for level, node in tree.walk()] == [(0, "a"), (1, "b"), (1, "c"), (2, "d")]
    assert further == [("b", "d")]
    assert "Dalso B" in texts(read(tree_graph(tree, further, label="x")))


def test_several_tops_stand_below_one_without_a_name() -> None:
    tree, _ = tree_of(["a", "b"], {}, {"a": "A", "b": "B"}, top_name="both")
    assert (tree.key, tree.name, tree.value, tree.total) == ("", "both", 0, 2)


@pytest.mark.parametrize(("keys", "parents"), [([], {}), (["a", "b"], {"a": ["b"], "b": ["a"]})])
def test_what_is_no_tree_is_refused(keys: list[str], parents: dict[str, list[str]]) -> None:
    with pytest.raises(ValueError, match="synsets"):
        tree_of(keys, parents, {key: key for key in keys})


@pytest.mark.parametrize("seed", range(12))
def test_tidy_rows_are_tidy(seed: int) -> None:
    tree = grown(seed, 90)
    rows = tidy_rows(tree)
    by_level: dict[int, list[Node]] = {}
    for level, node in tree.walk():
        by_level.setdefault(level, []).append(node)
        if node.children:
            first, last = (rows[child.key] for child in (node.children[0], node.children[-1]))
            assert rows[node.key] == pytest.approx((first + last) / 2)
    for nodes in by_level.values():  # the walk meets them from above to below
        assert all(rows[below.key] - rows[above.key] >= 1 - 1e-9 for above, below in pairwise(nodes))
    leaves = sum(1 for _, node in tree.walk() if not node.children)
    assert min(rows.values()) == 0
    assert max(rows.values()) <= 1.5 * max(leaves, 2)


def test_a_subtree_uses_rows_that_its_neighbour_leaves_free() -> None:
    deep = Node("d", "d", children=(Node("e", "e", children=tuple(Node(f"l{one}", "l") for one in range(6))),))
    flat = tuple(Node(f"f{one}", "f") for one in range(6))
    rows = tidy_rows(Node("r", "r", children=(*flat, deep)))
    assert max(rows.values()) - min(rows.values()) < 11, "one below the other they would need 12"


def test_equal_subtrees_look_equal() -> None:
    def family(key: str) -> Node:
        return Node(key, key, children=tuple(Node(f"{key}{one}", "x") for one in range(3)))

    rows = tidy_rows(Node("r", "r", children=(family("a"), family("b"))))
    assert [rows[f"a{one}"] - rows["a"] for one in range(3)] == [rows[f"b{one}"] - rows["b"] for one in range(3)]


def test_leaves_stand_in_their_order() -> None:
    tree = grown(3, 50)
    order = leaf_order(tree)
    assert [order[node.key] for _, node in tree.walk() if not node.children] == sorted(
        order[node.key] for _, node in tree.walk() if not node.children
    )


@pytest.mark.parametrize("count", [1, 2, 60, MOST_IN_ROWS + 1])
def test_every_name_is_written_and_inside_the_picture(count: int) -> None:
    tree = grown(1, count)
    root = read(tree_graph(tree, label="x", standalone=True))
    leaves = {node.name for _, node in tree.walk() if not node.children}
    assert leaves <= set(texts(root))
    if count <= MOST_IN_ROWS:
        assert len(texts(root)) == count
    wide, tall = number(root, "width"), number(root, "height")
    for dot in with_class(root, "dot"):
        assert 0 < number(dot, "cx") < wide
        assert 0 < number(dot, "cy") < tall
    assert len(with_class(root, "edge")) == count - 1


def test_names_on_one_level_do_not_touch_in_a_wheel() -> None:
    tree = grown(1, 800)
    root = read(tree_graph(tree, label="x"))
    assert tree_graph(tree, label="x") == tree_graph(tree, label="x")
    places = [
        tuple(map(float, re.findall(r"-?[\d.]+", each.get("transform", "")))) for each in with_class(root, "tiny")
    ]
    assert all(abs(a - c) + abs(b - d) > 4 for (a, b, _), (c, d, _) in combinations(places[:200], 2))


@pytest.mark.parametrize("seed", range(8))
def test_squares_have_their_areas_fill_the_room_and_do_not_overlap(seed: int) -> None:
    rng = random.Random(seed)
    values = [rng.expovariate(1) for _ in range(40)] + [0.0]
    room = Rect(3, 4, 300, 170)
    rects = squarified(values, room)
    for value, rect in zip(values, rects, strict=True):
        assert rect.width * rect.height == pytest.approx(value / sum(values) * 300 * 170)
    shown = [rect for rect in rects if rect.width > 0]
    for one, other in combinations(shown, 2):
        apart_x = one.x + one.width <= other.x + 1e-6 or other.x + other.width <= one.x + 1e-6
        apart_y = one.y + one.height <= other.y + 1e-6 or other.y + other.height <= one.y + 1e-6
        assert apart_x or apart_y
    ratios = sorted(max(rect.width / rect.height, rect.height / rect.width) for rect in shown)
    assert ratios[len(ratios) // 2] < 2, "squarified: most are nearly square"


def test_the_paper_s_own_example() -> None:
    rects = squarified([6, 6, 4, 3, 2, 2, 1], Rect(0, 0, 6, 4))  # Bruls et al., Figure 5
    assert [(round(rect.x, 2), round(rect.y, 2)) for rect in rects[:4]] == [(0, 0), (0, 2), (3, 0), (4.71, 0)]


def test_cells_lie_inside_their_parents_and_show_sizes() -> None:
    tree = grown(5, 120)
    cells = treemap_cells(tree, Rect(0, 0, 800, 500))
    inside = {child.key: cell for cell in cells for child in cell.node.children}
    for cell in cells[1:]:
        outer, rect = inside[cell.node.key].rect, cell.rect
        assert outer.x <= rect.x
        assert rect.x + rect.width <= outer.x + outer.width + 1e-6
        assert outer.y <= rect.y
        assert rect.y + rect.height <= outer.y + outer.height + 1e-6
    assert all(cell.node.total > 0 for cell in cells)
    children = [cell for cell in cells if cell.level == 1]
    sizes = [cell.rect.width * cell.rect.height / cell.node.total for cell in children]
    assert max(sizes) == pytest.approx(min(sizes))


def test_a_name_is_written_only_where_it_fits() -> None:
    leaves = tuple(Node(str(one), "contrabassoon", 1.0) for one in range(200))
    crowded = treemap(Node("r", "all", 0, children=leaves), label="x", width=300, height=200)
    assert texts(read(crowded)) == ["all", "200"]
    roomy = texts(read(treemap(Node("r", "all", 0, children=leaves[:4]), label="x", width=600, height=400)))
    assert roomy.count("contrabassoon") == 4
    assert treemap(Node("r", "none", 0), label="x").count("<rect") == 0


def test_one_heavy_branch_gives_its_colour_to_its_children() -> None:
    heavy = Node("h", "heavy", 0, children=tuple(Node(f"h{one}", "x", 30.0) for one in range(3)))
    light = Node("l", "light", 5.0)
    cells = treemap_cells(Node("r", "r", 0, children=(heavy, light)), Rect(0, 0, 400, 300))
    assert {cell.node.key: cell.branch for cell in cells} == {"r": -1, "h": -1, "h0": 0, "h1": 1, "h2": 2, "l": 3}


def test_nodes_of_a_size_tree_have_areas_of_their_values() -> None:
    tree = Node("a", "a", 100.0, children=(Node("b", "b", 25.0), Node("c", "c", 0.0)))
    root = read(size_tree(tree, label="x", shared={"b"}))
    radius = {each.get("class"): number(each, "r") for each in with_class(root, "node")}
    assert radius["node s0"] == pytest.approx(2 * radius["node s1"], abs=0.1)
    assert radius["node s5"] < 2
    assert "100" in texts(root)


TOKEN = re.compile(
    r'\s*(?:(?P<quoted>"(?:[^"\\]|\\.)*")|(?P<word>[A-Za-z_][A-Za-z_0-9]*|-?\d+)|(?P<mark>->|[{}\[\];=,]))\s*'
)


def parsed(text: str) -> tuple[dict[str, str], list[tuple[str, str]]]:
    """Nodes with their labels, and edges, of a graph in Graphviz' grammar; fails where it is not in it."""
    tokens, place = [], 0
    while place < len(text):
        match = TOKEN.match(text, place)
        assert match, text[place : place + 40]
        tokens.append(match[0].strip())
        place = match.end()
    assert tokens[0] == "digraph"
    assert tokens[2] == "{"
    assert tokens[-1] == "}"
    nodes: dict[str, str] = {}
    edges = []
    for statement in " \x01 ".join(tokens[3:-1]).split(" \x01 ; \x01 "):
        parts = statement.removesuffix(" \x01 ;").split(" \x01 ")
        if len(parts) == 3 and parts[1] == "->":
            edges.append((unquoted(parts[0]), unquoted(parts[2])))
        elif parts[0].startswith('"'):
            assert parts[1:4] == ["[", "label", "="]
            assert parts[-1] == "]"
            nodes[unquoted(parts[0])] = unquoted(parts[4])
    return nodes, edges


def unquoted(token: str) -> str:
    assert token.startswith('"')
    return re.sub(r"\\(.)", r"\1", token[1:-1])


def test_a_graph_is_in_the_grammar_whatever_the_names_are() -> None:
    names = {"a": 'say "no"; } \\N \\" ->', "b": "line\nbreak [x]", "c": "哺乳动物"}
    text = "".join(dot_graph(["a", "b", "c"], {"b": ["a"], "c": ["b", "a", "gone"]}, names, names, title='t"'))
    nodes, edges = parsed(text)
    assert nodes == {"a": names["a"], "b": "line break [x]", "c": "哺乳动物"}
    assert edges == [("a", "b"), ("b", "c"), ("a", "c")]
