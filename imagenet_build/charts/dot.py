"""Pure: a hierarchy in Graphviz' language, with every parent of every synset.

Source: the grammar at https://graphviz.org/doc/info/lang.html: in a quoted string only `"` has to be escaped; names of
nodes are read for backslashes when they are drawn, so these are doubled.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence


def dot_graph(
    keys: Sequence[str],
    parents: Mapping[str, Sequence[str]],
    names: Mapping[str, str],
    notes: Mapping[str, str],
    *,
    title: str,
) -> Iterator[str]:
    """The lines of a directed graph, from parents to children; `dot -Tsvg` draws it.

    Args:
        keys: the synsets, in the order of the output.
        parents: of each key; those that are not among the keys are left out.
        names: written on the nodes.
        notes: shown when a node is pointed at.
        title: of the graph.

    >>> print("".join(dot_graph(["a", "b"], {"b": ["a", "z"]}, {"a": 'A "1"', "b": "B"}, {}, title="t")))
    digraph "t" {
      rankdir=LR;
      node [shape=box, style="rounded,filled", fillcolor="#eef3f8", color="#2b5c8a", fontname="Helvetica", fontsize=11];
      edge [color="#8a8f96", arrowhead=none];
      "a" [label="A \\"1\\""];
      "b" [label="B"];
      "a" -> "b";
    }
    <BLANKLINE>
    """
    among = set(keys)
    yield f"digraph {_quoted(title)} {{\n  rankdir=LR;\n"
    yield (
        '  node [shape=box, style="rounded,filled", fillcolor="#eef3f8", color="#2b5c8a",'
        ' fontname="Helvetica", fontsize=11];\n  edge [color="#8a8f96", arrowhead=none];\n'
    )
    for key in keys:
        tooltip = f", tooltip={_quoted(notes[key])}" if notes.get(key) else ""
        yield f"  {_quoted(key)} [label={_quoted(names[key])}{tooltip}];\n"
    for key in keys:
        for parent in dict.fromkeys(parents.get(key, ())):
            if parent in among:
                yield f"  {_quoted(parent)} -> {_quoted(key)};\n"
    yield "}\n"


def _quoted(text: str) -> str:
    plain = "".join(letter if letter.isprintable() else " " for letter in text)
    escaped = plain.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'
