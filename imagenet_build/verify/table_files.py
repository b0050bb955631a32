"""Pure: a confidence table as CSV and as a picture, like Figure 7 of the CVPR 2009 paper."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape

import numpy as np

from imagenet_build.verify.confidence_table import ConfidenceTable

_CELL_PX = 34
_MARGIN_PX = 64


def table_csv(tables: Mapping[str, ConfidenceTable]) -> str:
    """Rows wnid, yes, no, confidence; cells about which the initial subset says nothing are left out."""
    lines = ["wnid,yes,no,confidence"]
    for wnid, table in tables.items():
        for yes, no in zip(*np.nonzero(~np.isnan(table.confidence)), strict=True):
            if yes + no:
                lines.append(f"{wnid},{yes},{no},{table.confidence[yes, no]:.4f}")
    return "\n".join(lines) + "\n"


def table_svg(tables: Mapping[str, ConfidenceTable], most: int = 6) -> str:
    """The tables beside each other: yes votes to the right, no votes down, from red (not good) to green (good).

    Args:
        most: the largest count of yes and of no that is drawn.
    """
    side = (most + 1) * _CELL_PX
    width = len(tables) * (side + _MARGIN_PX) + _MARGIN_PX // 2
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{side + 2 * _MARGIN_PX}"'
        ' font-family="sans-serif" font-size="11" text-anchor="middle">'
    ]
    for place, (wnid, table) in enumerate(tables.items()):
        left = _MARGIN_PX + place * (side + _MARGIN_PX)
        note = "" if table.is_illustrable else " (not illustrable)"
        parts.append(f'<text x="{left + side / 2:g}" y="20" font-size="14">{escape(wnid)}{note}</text>')
        parts.append(f'<text x="{left + side / 2:g}" y="36">yes votes; {table.pictures} pictures</text>')
        for count in range(most + 1):
            middle = count * _CELL_PX + _CELL_PX / 2
            parts.append(f'<text x="{left + middle:g}" y="{_MARGIN_PX - 8}">{count}</text>')
            parts.append(f'<text x="{left - 12}" y="{_MARGIN_PX + middle + 4:g}">{count}</text>')
            parts.extend(_cell(table, yes, count, left) for yes in range(most + 1))
        parts.append(f'<text x="{left - 30}" y="{_MARGIN_PX + side / 2:g}">no</text>')
    return "\n".join([*parts, "</svg>"]) + "\n"


def _cell(table: ConfidenceTable, yes: int, no: int, left: int) -> str:
    confidence = float(table.of(np.array([yes]), np.array([no]))[0])
    x, y = left + yes * _CELL_PX, _MARGIN_PX + no * _CELL_PX
    if np.isnan(confidence) or yes + no == 0:
        return f'<rect x="{x}" y="{y}" width="{_CELL_PX}" height="{_CELL_PX}" fill="#eee" stroke="#fff"/>'
    color = f"hsl({120 * confidence:.0f} 60% 70%)"
    return (
        f'<rect x="{x}" y="{y}" width="{_CELL_PX}" height="{_CELL_PX}" fill="{color}" stroke="#fff"/>'
        f'<text x="{x + _CELL_PX / 2:g}" y="{y + _CELL_PX / 2 + 4:g}">{confidence:.2f}</text>'
    )
