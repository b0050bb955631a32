"""Pure: what each query of a synset brought."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import Any

Row = Mapping[str, Any]


def query_yields(queries: Iterable[Row], hits: Iterable[Row], kept: Collection[str]) -> list[dict[str, Any]]:
    """Queries in their order, each with its numbers.

    Args:
        queries: text, language, origin, position, ambiguity.
        hits: query, language, origin, engine, url_key: of the synset.
        kept: url_keys of the kept pictures.
    Returns:
        the queries with hits, distinct (addresses), kept (pictures), alone (kept pictures that no other query of the
        synset led to), and engines (name -> hits). Queries that were sent earlier and are no longer among `queries`
        follow at the end.
    """
    found: dict[tuple[str, str], dict[str, Any]] = {
        (row["language"], row["text"]): {**row, "hits": 0, "engines": {}, "keys": set()} for row in queries
    }
    led_to: dict[str, set[tuple[str, str]]] = {}
    for hit in hits:
        key = (hit["language"], hit["query"])
        row = found.setdefault(
            key,
            {
                "text": hit["query"],
                "language": hit["language"],
                "origin": hit["origin"],
                "position": len(found),
                "ambiguity": 1,
                "hits": 0,
                "engines": {},
                "keys": set(),
            },
        )
        row["hits"] += 1
        row["engines"][hit["engine"]] = row["engines"].get(hit["engine"], 0) + 1
        row["keys"].add(hit["url_key"])
        led_to.setdefault(hit["url_key"], set()).add(key)
    wanted = set(kept)
    made = []
    for row in sorted(found.values(), key=lambda row: row["position"]):
        keys = row.pop("keys")
        held = keys & wanted
        alone = sum(len(led_to[key]) == 1 for key in held)
        made.append({**row, "distinct": len(keys), "kept": len(held), "alone": alone})
    return made
