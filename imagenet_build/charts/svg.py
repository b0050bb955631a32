"""Pure: SVG text. Classes, not colours, stand in the elements, so that a page can print or darken a chart."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from html import escape as escape_markup

from imagenet_build.charts.numbers import coordinate

FONT_PX = 12
SMALL_PX = 11
SERIES = 6
"""Looks that series have; further ones begin again."""
TINTS = 8
"""Light fills that the branches of a treemap have; the last is grey, for all small ones."""

_NOT_XML = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_INK = ("#2b5c8a", "#b8480f", "#1b7560", "#84407f", "#7d5f00", "#5b626b")
_TINT = ("#d5e4f1", "#fbdcc8", "#d0ebe2", "#ecd9ea", "#f5e8b8", "#e3edc4", "#f8d7dd", "#e6e8eb")
_DARK_INK = ("#7db4e6", "#f29a66", "#63c9ae", "#d99ad4", "#dcbb52", "#aab3bd")
_DARK_TINT = ("#24425c", "#5f3419", "#1d4d41", "#4c2c49", "#4d400f", "#3c4a1c", "#562a33", "#34383d")


def _looks(ink: Sequence[str], tint: Sequence[str]) -> str:
    series = "".join(f".chart .s{n}{{fill:{color}}}" for n, color in enumerate(ink))
    lines = "".join(f".chart .l{n}{{stroke:{color}}}" for n, color in enumerate(ink))
    tints = "".join(f".chart .t{n}{{fill:{color}}}" for n, color in enumerate(tint))
    return series + lines + tints


STYLE = (
    ".chart{font-family:Helvetica,Arial,'Liberation Sans','DejaVu Sans',sans-serif;font-size:12px}"
    ".chart text{fill:#222;stroke:none}.chart .quiet{fill:#595959}.chart .small{font-size:11px}"
    ".chart .tiny{font-size:9px}.chart .strong{font-weight:bold}.chart .light{font-weight:normal}"
    ".chart .end{text-anchor:end}.chart .middle{text-anchor:middle}.chart .ground{fill:#fff}"
    ".chart .grid{stroke:#ddd;stroke-width:1;fill:none}.chart .axis{stroke:#767676;stroke-width:1;fill:none}"
    ".chart .line{fill:none;stroke-width:2;stroke-linejoin:round}"
    ".chart .step{fill:none;stroke-width:1.6}"
    ".chart .error{stroke:#222;stroke-width:1;fill:none}.chart .mark{stroke:#222;stroke-width:1;stroke-dasharray:4 3}"
    ".chart .edge{stroke:#8a8f96;stroke-width:1;fill:none}"
    ".chart .node{stroke:#fff;stroke-width:.8}.chart .halo{paint-order:stroke;stroke:#fff;stroke-width:3px}"
    ".chart .cell{stroke:#fff;stroke-width:1}.chart .cloud{fill-opacity:.55}"
    ".chart .d1{stroke-dasharray:7 4}.chart .d2{stroke-dasharray:2 3}.chart .d3{stroke-dasharray:9 3 2 3}"
    ".chart .d4{stroke-dasharray:5 2}.chart .d5{stroke-dasharray:1 2}" + _looks(_INK, _TINT)
)
"""For charts on white; a page that holds charts puts it into its own style once."""
DARK_STYLE = (
    ".chart text{fill:#eee}.chart .quiet{fill:#b9bec4}.chart .ground{fill:#161618}.chart .grid{stroke:#3a3d42}"
    ".chart .axis,.chart .edge{stroke:#8a8f96}.chart .error,.chart .mark{stroke:#eee}"
    ".chart .cell,.chart .halo,.chart .node{stroke:#161618}" + _looks(_DARK_INK, _DARK_TINT)
)
"""On top of `STYLE`, where the page or the reader's system is dark."""


def escape(text: str) -> str:
    r"""Text for markup, in an element or a quoted attribute; what XML cannot hold is left out.

    >>> escape('a<b & "c"\x00')
    'a&lt;b &amp; &quot;c&quot;'
    """
    return escape_markup(_NOT_XML.sub("", text))


def tag(name: str, content: str = "", **attributes: str | float) -> str:
    """An element. Numbers are coordinates, names lose their last underscore, others become hyphens.

    Args:
        content: markup, put in as it is.

    >>> tag("rect", x=1.04, class_="a", stroke_width=2)
    '<rect x="1" class="a" stroke-width="2"/>'
    """
    parts = []
    for key, value in attributes.items():
        said = escape(value) if isinstance(value, str) else coordinate(value)
        parts.append(f' {key.rstrip("_").replace("_", "-")}="{said}"')
    head = name + "".join(parts)
    return f"<{head}>{content}</{name}>" if content else f"<{head}/>"


def text(x: float, y: float, said: str, class_: str = "", **attributes: str | float) -> str:
    """A line of text; `y` is its base line."""
    named = {"class_": class_} if class_ else {}
    return tag("text", escape(said), x=x, y=y, **named, **attributes)


def titled(markup: str, note: str) -> str:
    """A group that shows a note when it is pointed at."""
    return tag("g", tag("title", escape(note)) + markup) if note else markup


def path(points: Iterable[tuple[float, float]], class_: str) -> str:
    """Straight lines from point to point."""
    places = (f"{coordinate(x)} {coordinate(y)}" for x, y in points)
    return tag("path", d="M" + "L".join(places), class_=class_)


def picture(width: float, height: float, label: str, parts: Iterable[str], *, standalone: bool = False) -> str:
    """A whole chart.

    Args:
        width: user units.
        height: user units.
        label: what the chart shows, for those who do not see it.
        parts: markup.
        standalone: a file of its own: with its style, a ground, and colours for dark pages.
    """
    inner = "\n".join(parts)
    if standalone:
        dark = f"@media(prefers-color-scheme:dark){{{DARK_STYLE}}}"
        ground = tag("rect", class_="ground", width=width, height=height)
        inner = f"<style>{STYLE}{dark}</style>\n{ground}\n{inner}"
    size = f'width="{coordinate(width)}" height="{coordinate(height)}"'
    view = f'viewBox="0 0 {coordinate(width)} {coordinate(height)}"'
    named = f'role="img" aria-label="{escape(label)}"'
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" class="chart" {size} {view} {named}>'
        f"<title>{escape(label)}</title>\n{inner}\n</svg>\n"
    )
