"""Pure: a page that grows: headings, numbered figures and tables, and markup that holds only what it should."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from imagenet_build.charts.svg import escape
from imagenet_build.report.style import STYLE

SHORT_TABLE = 16
"""Rows; a table with no more stays on one sheet of paper."""


@dataclass(frozen=True, slots=True)
class Markup:
    """HTML that is put in as it is; plain texts are escaped."""

    html: str


Cell = str | Markup


def html_of(content: Cell) -> str:
    """A text or markup as HTML."""
    return content.html if isinstance(content, Markup) else escape(content)


def code(text: str) -> Markup:
    """A command, a key or a file.

    >>> code("a < b").html
    '<code>a &lt; b</code>'
    """
    return Markup(f"<code>{escape(text)}</code>")


def prose(text: str) -> Markup:
    """A text in which what stands between backticks is code.

    >>> prose("say `a`, not <b>").html
    'say <code>a</code>, not &lt;b&gt;'
    """
    parts = text.split("`")
    return Markup("".join(code(part).html if place % 2 else escape(part) for place, part in enumerate(parts)))


def image(data: bytes, kind: str, alt: str, width: int, height: int) -> Markup:
    """A picture that is part of the page; `kind` is jpeg or png, sizes are pixels."""
    source = f"data:image/{kind};base64,{base64.b64encode(data).decode()}"
    return Markup(f'<img width="{width}" height="{height}" alt="{escape(alt)}" src="{source}">')


@dataclass(slots=True)
class Draft:
    """The parts of a page so far."""

    parts: list[str] = field(default_factory=list)
    figures: int = 0
    tables: int = 0
    headings: list[tuple[str, str]] = field(default_factory=list)
    """(id, text) of the sections."""

    def section(self, title: str) -> None:
        """Begin a numbered section."""
        number = len(self.headings) + 1
        self.headings.append((f"section-{number}", title))
        self.parts.append(f'<h2 id="section-{number}">{number}. {escape(title)}</h2>\n')

    def part(self, title: str) -> None:
        """A heading inside a section."""
        self.parts.append(f"<h3>{escape(title)}</h3>\n")

    def text(self, said: Cell) -> None:
        """A paragraph."""
        self.parts.append(f"<p>{html_of(said)}</p>\n")

    def add(self, markup: Markup) -> None:
        """Markup that is no paragraph."""
        self.parts.append(markup.html)

    def pair(self) -> None:
        """What follows, up to `end_pair`, stands in two columns where there is room."""
        self.parts.append('<div class="pair">\n')

    def end_pair(self) -> None:
        """The end of what stands in two columns."""
        self.parts.append("</div>\n")

    def figure(self, drawing: str | Markup, caption: Cell, *, layout: str = "") -> None:
        """A numbered figure.

        Args:
            drawing: an SVG from `charts`, or markup.
            caption: what it shows, and how to read it.
            layout: wide (may be scrolled on small screens) or narrow.
        """
        self.figures += 1
        inner = drawing.html if isinstance(drawing, Markup) else drawing
        if layout == "wide":
            inner = f'<div class="wide" tabindex="0" role="group" aria-label="Figure {self.figures}">{inner}</div>'
        class_ = f' class="{layout}"' if layout == "narrow" else ""
        said = f"<figcaption><b>Figure {self.figures}.</b> {html_of(caption)}</figcaption>"
        self.parts.append(f"<figure{class_}>{inner}{said}</figure>\n")

    def table(
        self,
        caption: Cell,
        head: Sequence[str],
        rows: Iterable[Sequence[Cell]],
        *,
        words: Sequence[int] = (),
        full: bool = False,
        look: str = "",
    ) -> None:
        """A numbered table; its first column names the rows, the others are numbers set to the right.

        Args:
            caption: what it holds.
            head: of each column; all empty: none is shown.
            rows: cells.
            words: columns, from 1, that are words or bars instead of numbers.
            full: as wide as the page.
            look: a class of its own in the style.
        """
        self.tables += 1
        classes = ["" if place == 0 or place in words else ' class="n"' for place in range(len(head))]
        heads = "".join(_head(said, class_) for said, class_ in zip(head, classes, strict=True))
        top = f"<thead><tr>{heads}</tr></thead>" if any(head) else ""
        held = [_row(row, classes) for row in rows]
        body = "".join(held)
        kinds = [
            *(["full"] if full else []),
            *(["short"] if len(held) <= SHORT_TABLE else []),
            *([look] if look else []),
        ]
        kind = f' class="{" ".join(kinds)}"' if kinds else ""
        label = f"Table {self.tables}"
        self.parts.append(
            f'<div class="scroll" tabindex="0" role="group" aria-label="{label}"><table{kind}>'
            f'<caption><span class="said"><b>{label}.</b> {html_of(caption)}</span></caption>'
            f"{top}<tbody>{body}</tbody></table></div>\n"
        )


def _head(said: str, class_: str) -> str:
    """A column of bars has no name: an empty cell, not an empty heading."""
    return f'<th scope="col"{class_}>{escape(said)}</th>' if said else "<td></td>"


def _row(row: Sequence[Cell], classes: Sequence[str]) -> str:
    cells = [f'<th scope="row">{html_of(row[0])}</th>']
    for cell, class_ in zip(row[1:], classes[1:], strict=True):
        is_bar = isinstance(cell, Markup) and cell.html.startswith("<svg")
        kind = ' class="bar"' if is_bar else class_
        cells.append(f"<td{kind}>{html_of(cell)}</td>")
    return f"<tr>{''.join(cells)}</tr>\n"


def whole_page(title: str, front: Iterable[str], draft: Draft, footer: Cell) -> Iterator[str]:
    """The page, piece by piece; it allows itself nothing but its own style and pictures.

    Args:
        title: of the window.
        front: what stands above the contents.
        draft: the sections.
        footer: the last line.
    """
    digest = base64.b64encode(hashlib.sha256(STYLE.encode()).digest()).decode()
    policy = f"default-src 'none'; style-src 'sha256-{digest}'; img-src data:"
    yield (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{escape(title)}</title>\n<style>{STYLE}</style>\n</head>\n<body>\n<main>\n"
    )
    yield from front
    links = "".join(f'<li><a href="#{key}">{escape(said)}</a></li>' for key, said in draft.headings)
    yield f'<nav aria-label="Contents"><ol>{links}</ol></nav>\n'
    yield from draft.parts
    yield f"</main>\n<footer>{html_of(footer)}</footer>\n</body>\n</html>\n"
