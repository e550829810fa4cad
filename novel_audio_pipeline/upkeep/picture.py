"""Small bar charts as SVG: drawn here, since a plotting library would cost more than it gives."""

import base64
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

WIDTH, BAR, GAP, LABEL = 640, 18, 6, 220
_COLORS = ("#4f43dd", "#d24235", "#e8a33d", "#2f9e6e", "#8a8f98")
_INK = "#5f6672"


@dataclass(frozen=True, slots=True)
class Bar:
    """One bar: its label, its stacked parts by the order of the series, and what is written at its end."""

    label: str
    parts: Sequence[float]
    note: str


def bar_chart(title: str, bars: Sequence[Bar], *, series: Sequence[str] = ()) -> str:
    """Return horizontal bars as SVG text; all lengths are to the same scale.

    Args:
        title: Above the bars.
        bars: From top to bottom.
        series: Names of the stacked parts; a legend is drawn if there are several.
    """
    longest = max((sum(bar.parts) for bar in bars), default=0) or 1
    room = WIDTH - LABEL - 110
    top = 52 if len(series) > 1 else 32
    height = top + max(1, len(bars)) * (BAR + GAP) + GAP
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{height}" '
        'font-family="sans-serif" font-size="12">',
        f'<rect width="{WIDTH}" height="{height}" fill="#ffffff"/>',
        _text(GAP, 20, title, weight="bold"),
    ]
    for index, name in enumerate(series if len(series) > 1 else ()):
        at = GAP + index * 130
        lines += [_rect(at, 30, 12, 12, index), _text(at + 18, 41, name)]
    for row, bar in enumerate(bars):
        y = top + row * (BAR + GAP)
        lines.append(_text(LABEL - 8, y + 13, _shortened(bar.label), anchor="end"))
        x = float(LABEL)
        for index, part in enumerate(bar.parts):
            width = part / longest * room
            if width > 0:
                lines.append(_rect(x, y, width, BAR, index))
            x += width
        lines.append(_text(x + 6, y + 13, bar.note))
    if not bars:
        lines.append(_text(GAP, top + 13, "nothing"))
    return "\n".join([*lines, "</svg>"])


def as_markdown(svg: str, *, title: str) -> str:
    """Return Markdown that shows the picture without any other file."""
    data = base64.b64encode(svg.encode()).decode()
    return f"![{title}](data:image/svg+xml;base64,{data})"


def bytes_text(size: float) -> str:
    """Return a size for people; kB are 1,000 bytes."""
    for unit in ("B", "kB", "MB", "GB"):
        if size < 1000:  # noqa: PLR2004  (kB are 1,000 bytes)
            return f"{size:.0f} {unit}" if unit == "B" else f"{size:.1f} {unit}"
        size /= 1000
    return f"{size:.1f} TB"


def _shortened(label: str, longest: int = 32) -> str:
    return label if len(label) <= longest else f"{label[: longest - 1]}…"


def _rect(x: float, y: float, width: float, height: float, color: int) -> str:
    fill = _COLORS[color % len(_COLORS)]
    return f'<rect x="{x:.1f}" y="{y:.1f}" width="{width:.1f}" height="{height}" fill="{fill}"/>'


def _text(x: float, y: float, text: str, *, anchor: str = "start", weight: str = "normal") -> str:
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" fill="{_INK}" text-anchor="{anchor}" '
        f'font-weight="{weight}">{escape(text)}</text>'
    )
