"""Line plots as SVG, with nothing but the standard library."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from html import escape

WIDTH, HEIGHT = 760, 240
LEFT, RIGHT, TOP, BOTTOM = 58, 12, 28, 34
COLOURS = ("#1f77b4", "#d62728", "#2ca02c", "#9467bd", "#ff7f0e", "#8c564b")
# More points than there are pixels show nothing more.
POINTS = 1500

Points = Sequence[tuple[float, float]]


def line_plot(title: str, lines: Mapping[str, Points], x_label: str, y_label: str, steps: bool = False) -> str:
    """Give a plot of several lines; `steps` draws each value until the next one begins."""
    lines = {name: thinned(points) for name, points in lines.items() if points}
    every = [point for points in lines.values() for point in points]
    if not every:
        return f'<p class="empty">{escape(title)}: there is nothing to show.</p>'
    x_ticks, y_ticks = ticks(min(x for x, _ in every), max(x for x, _ in every)), ticks(0.0, max(y for _, y in every))
    left, right, top = x_ticks[0], x_ticks[-1], y_ticks[-1]

    def at(x: float, y: float) -> tuple[float, float]:
        across = LEFT + (x - left) / (right - left) * (WIDTH - LEFT - RIGHT)
        return across, HEIGHT - BOTTOM - y / top * (HEIGHT - TOP - BOTTOM)

    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" '
        f'aria-label="{escape(title)}">'
        f'<text x="{LEFT}" y="16" class="title">{escape(title)}</text>'
    ]
    for value in y_ticks:
        x, y = at(left, value)
        parts.append(f'<path class="grid" d="M{x:.1f} {y:.1f}H{WIDTH - RIGHT}"/>')
        parts.append(f'<text x="{x - 6:.1f}" y="{y + 4:.1f}" text-anchor="end">{number(value)}</text>')
    for value in x_ticks:
        x, y = at(value, 0)
        parts.append(f'<path class="grid" d="M{x:.1f} {TOP}V{y:.1f}"/>')
        parts.append(f'<text x="{x:.1f}" y="{y + 15:.1f}" text-anchor="middle">{number(value)}</text>')
    parts.append(f'<text x="{WIDTH - RIGHT}" y="{HEIGHT - 4}" text-anchor="end">{escape(x_label)}</text>')
    parts.append(f'<text x="{WIDTH - RIGHT}" y="16" text-anchor="end">{_legend(lines)}</text>')
    parts.append(f'<text x="12" y="{TOP - 10}" class="unit">{escape(y_label)}</text>')
    for (_, points), colour in zip(lines.items(), COLOURS * 9, strict=False):
        parts.append(f'<path fill="none" stroke="{colour}" stroke-width="1.5" d="{_path(points, at, steps)}"/>')
    return "".join(parts) + "</svg>"


def _path(points: Points, at: Callable[[float, float], tuple[float, float]], steps: bool) -> str:
    found: list[str] = []
    for x, y in points:
        across, up = at(x, y)
        if not found:
            found.append(f"M{across:.1f} {up:.1f}")
        elif steps:
            found.append(f"H{across:.1f}V{up:.1f}")
        else:
            found.append(f"L{across:.1f} {up:.1f}")
    return "".join(found)


def _legend(lines: Mapping[str, Points]) -> str:
    return " ".join(
        f'<tspan fill="{colour}">{escape(name)}</tspan>' for name, colour in zip(lines, COLOURS * 9, strict=False)
    )


def thinned(points: Points) -> Points:
    """Leave out points where there are too many, but for the highest of each that are left out together."""
    if len(points) <= POINTS:
        return points
    size = -(-len(points) // POINTS)
    return [max(points[at : at + size], key=lambda point: point[1]) for at in range(0, len(points), size)]


def ticks(least: float, most: float) -> list[float]:
    """Give round numbers from below the least to above the most value."""
    span = (most - least) or abs(most) or 1.0
    size = 10.0 ** math.floor(math.log10(span / 5))
    step = next(size * factor for factor in (1, 2, 2.5, 5, 10) if size * factor >= span / 5 * (1 - 1e-9))
    first = math.floor(least / step + 1e-9)
    last = max(first + 1, math.ceil(most / step - 1e-9))
    return [place * step for place in range(first, last + 1)]


def number(value: float) -> str:
    """Give a number as short as it can be read."""
    return f"{value:.6g}"


__all__ = ["line_plot", "number", "thinned", "ticks"]
