"""Pure: groups of pictures with thumbnails -> one self-contained HTML page, on which a person judges the decisions.

The worst decisions come first: the groups whose farthest member is farthest from the kept picture; and of the pairs
that were refused, the closest. Where these look right, so are the thresholds.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterable, Iterator, Sequence
from html import escape
from typing import NamedTuple

MEMBERS_SHOWN = 40
"""Of one group; the farthest."""
REASON_WORDS = {"exact": "same file", "same_pixels": "same pixels", "near": "near", "mirrored": "mirrored"}


class Picture(NamedTuple):
    """A picture on the page."""

    title: str
    """Path or address; text, not HTML."""
    note: str
    """Its size and the like."""
    jpeg: bytes
    """The thumbnail."""


class Duplicate(NamedTuple):
    """A picture that is not kept, and how far it is from the kept one."""

    place: int
    """Of the picture, in whatever list the caller has."""
    reason: str
    """A key of `REASON_WORDS`."""
    distance: float
    """0 the same, 1 nothing in common."""
    dct_distance: int
    """Bits of 64."""
    gradient_distance: int
    """Bits of 64."""


class Group(NamedTuple):
    """A kept picture and its duplicates, at least one."""

    kept: int
    duplicates: Sequence[Duplicate]
    heading: str = ""
    """The synset, where there are several."""

    @property
    def farthest_first(self) -> list[Duplicate]:
        """The duplicates, the most doubtful ones first."""
        return sorted(self.duplicates, key=lambda each: (-each.distance, each.place))


class RefusedPair(NamedTuple):
    """Two pictures that were compared closely and not taken for the same."""

    left: int
    right: int
    distance: float


_STYLE = """:root{color-scheme:light dark;--ground:#fafaf8;--card:#fff;--line:#e4e4e0;--text:#222;--quiet:#666;
--kept:#1a7f4b;--dup:#a15c00}
@media(prefers-color-scheme:dark){:root{--ground:#161614;--card:#20201d;--line:#3a3a36;--text:#e8e8e4;--quiet:#a5a5a0;
--kept:#58c98c;--dup:#e5a54b}}
body{font:15px/1.45 system-ui,sans-serif;margin:2rem auto;max-width:72rem;padding:0 1rem;color:var(--text);
background:var(--ground)}h1{font-size:1.4rem}h2{font-size:1.15rem;margin:2rem 0 .4rem}h3{font-size:.95rem;margin:0;
font-weight:600;overflow-wrap:anywhere}p{margin:.2rem 0;color:var(--quiet)}p,h1{overflow-wrap:anywhere}
.groups{display:flex;flex-wrap:wrap;gap:.8rem;margin:.8rem 0;align-items:flex-start}
section{background:var(--card);border:1px solid var(--line);border-radius:8px;padding:.7rem .8rem;max-width:100%;
box-sizing:border-box}
.strip{display:flex;flex-wrap:wrap;gap:.6rem;margin-top:.6rem}figure{margin:0;width:164px}
figure img{width:160px;height:160px;object-fit:contain;border:2px solid var(--line);border-radius:4px;
display:block}figure.kept img{border-color:var(--kept)}figcaption{font-size:.74rem;line-height:1.35;color:var(--quiet);
overflow-wrap:anywhere;margin-top:.2rem}figcaption b{color:var(--dup)}figure.kept b{color:var(--kept)}
.name{display:-webkit-box;-webkit-line-clamp:3;-webkit-box-orient:vertical;overflow:hidden}
@media(max-width:30rem){body{margin:1rem auto;padding:0 .6rem}section{padding:.6rem;width:100%}
figure{width:calc(50% - .3rem)}
figure img{width:100%;height:auto;aspect-ratio:1;box-sizing:border-box}}
"""
_HOW_TO_READ = (
    "The groups whose farthest picture is farthest from the kept one come first: if these are right, the others are. "
    "The distance is the part of what there is to see that differs, from 0 (the same) to 1 (nothing in common); "
    "the two numbers behind it are bits of 64 by which the DCT and the gradient hashes differ."
)
_HOW_TO_READ_REFUSED = (
    "Looked at closely and not taken for the same picture, the closest first. If these are right, so are the others."
)


def worst_first(groups: Iterable[Group]) -> list[Group]:
    """The groups with the largest distance first; at equal distance, by the place of the kept picture."""
    return sorted(groups, key=lambda group: (-max(each.distance for each in group.duplicates), group.kept))


def review_page(
    title: str,
    facts: Iterable[str],
    groups: Iterable[Group],
    refused: Iterable[RefusedPair] | None,
    picture: Callable[[int], Picture],
) -> Iterator[str]:
    """The page, piece by piece, so that the thumbnails need not all be held.

    Args:
        title: heading.
        facts: lines below it.
        groups: in the order of the page.
        refused: the closest pairs that were not accepted, in the order of the page; None: not known.
        picture: shows the picture at a place; called for those that are on the page, in their order.
    """
    heading = escape(title)
    yield (
        '<!doctype html><html lang="en"><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width,initial-scale=1">'
        f"<title>{heading}</title><style>{_STYLE}</style>\n<h1>{heading}</h1>"
    )
    yield "".join(f"<p>{escape(fact)}</p>" for fact in facts)
    yield f'<h2>Accepted</h2><p>{_HOW_TO_READ}</p>\n<div class="groups">'
    empty = True
    for group in groups:
        empty = False
        yield _section(group, picture)
    yield "</div>\n" + ("<p>None.</p>\n" if empty else "")
    if refused is None:
        return
    yield f'<h2>Refused</h2><p>{_HOW_TO_READ_REFUSED}</p>\n<div class="groups">'
    empty = True
    for pair in refused:
        empty = False
        yield _pair(pair, picture)
    yield "</div>\n" + ("<p>None.</p>\n" if empty else "")


def _section(group: Group, picture: Callable[[int], Picture]) -> str:
    ordered = group.farthest_first
    shown, count = ordered[:MEMBERS_SHOWN], len(ordered)
    said = f"{ordered[0].distance:.4f}" + (f" and less, {count:,} duplicates" if count > 1 else "")
    heading = f"{group.heading}: {said}" if group.heading else said
    figures = [_figure(picture(group.kept), "kept", "", "kept")]
    for each in shown:
        numbers = f"{each.distance:.4f} ({each.dct_distance}, {each.gradient_distance} bits)"
        word = REASON_WORDS.get(each.reason, each.reason)
        figures.append(_figure(picture(each.place), word, numbers, "dup"))
    more = f"<p>and {count - len(shown)} more, none of them farther</p>" if count > len(shown) else ""
    return f'<section><h3>{escape(heading)}</h3><div class="strip">{"".join(figures)}</div>{more}</section>\n'


def _pair(pair: RefusedPair, picture: Callable[[int], Picture]) -> str:
    figures = "".join(_figure(picture(place), "", "", "pair") for place in (pair.left, pair.right))
    return f'<section><h3>{pair.distance:.4f}</h3><div class="strip">{figures}</div></section>\n'


def _figure(picture: Picture, word: str, numbers: str, kind: str) -> str:
    name = escape(picture.title)
    source = "data:image/jpeg;base64," + base64.b64encode(picture.jpeg).decode()
    told = f"<b>{escape(word)}</b> {numbers}" if word else numbers
    return (
        f'<figure class="{kind}" title="{name}"><img loading="lazy" decoding="async" alt="{name}" src="{source}">'
        f'<figcaption>{told}<span class="name">{name}</span>{escape(picture.note)}</figcaption></figure>\n'
    )
