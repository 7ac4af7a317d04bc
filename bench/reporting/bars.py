# SPDX-License-Identifier: Apache-2.0
"""Bars with whiskers, as SVG: a row a program, a column a placement, one axis for all of them."""

import math
from dataclasses import dataclass
from html import escape

from reporting import figures
from reporting.results import is_ours, is_raw

# Inside a picture of its own and inside the page; dark where the reader's system is.
STYLE = '''\
.bars { font: 13px system-ui, -apple-system, "Segoe UI", Roboto, "DejaVu Sans", sans-serif; }
.bars text { fill: #1f2328; }
.bars .heading { font-weight: 600; }
.bars .faint { fill: #59636e; font-size: 12px; font-weight: 400; }
.bars .name.ours, .bars .value.ours { font-weight: 700; }
.bars .value { paint-order: stroke; stroke: #ffffff; stroke-width: 3px; }
.bars .bar { fill: #b9c0c8; }
.bars .bar.raw { fill: #7d8794; }
.bars .bar.ours { fill: #0072b2; }
.bars .grid { stroke: #d8dee4; }
.bars .whisker { stroke: #1f2328; stroke-width: 1.25; fill: none; }
.bars .card { fill: #ffffff; stroke: #d8dee4; }
@media (prefers-color-scheme: dark) {
.bars text { fill: #e6edf3; }
.bars .faint { fill: #9aa4af; }
.bars .value { stroke: #0d1117; }
.bars .bar { fill: #4a525c; }
.bars .bar.raw { fill: #6e7681; }
.bars .bar.ours { fill: #2b95d6; }
.bars .grid { stroke: #30363d; }
.bars .whisker { stroke: #e6edf3; }
.bars .card { fill: #0d1117; stroke: #30363d; }
}
'''

# From this ratio on small and large bars do not fit on one linear axis.
LOG_FROM = 20

ROW = 22
BAR = 14
HEADING = 26
AXIS = 24
NAMES = 148
GAP = 20
VALUES = 112
MOST_TICKS = 6
TICK = 48  # what the words at a tick need


@dataclass(frozen=True)
class Bar:
    value: float
    least: float
    most: float
    ratio: float | None = None  # to ours


@dataclass(frozen=True)
class Column:
    heading: str
    bars: dict  # program -> Bar


class Axis:
    """Where a value is, in `width` pixels, on an axis all columns share."""

    def __init__(self, bars, width):
        values = [value for bar in bars for value in (bar.value, bar.least, bar.most)]
        positive = [value for value in values if value > 0]
        self.most = max(positive, default=1)
        least = min(positive, default=1)
        self.width = width
        self.log = self.most / least >= LOG_FROM
        # A power of ten that leaves the least value a bar to be seen.
        self.least = 10 ** math.floor(math.log10(least / 1.2)) if self.log else 0

    def at(self, value):
        if self.log:
            share = math.log(max(value, self.least) / self.least) / math.log(self.most / self.least)
        else:
            share = value / self.most
        return round(share * self.width, 1)

    def ticks(self):
        """[(value, whether there is room for its name)]"""
        if self.log:
            first, last = round(math.log10(self.least)), math.floor(math.log10(self.most))
            decade = self.at(10 * self.least) or self.width
            step = math.ceil(TICK / decade)
            return [(10 ** power, (power - first) % step == 0)
                    for power in range(first, last + 1)]
        room = max(1, min(MOST_TICKS, self.width // TICK))
        unit = 10 ** math.floor(math.log10(self.most / room))
        step = next(unit * factor for factor in (1, 2, 5, 10) if unit * factor * room >= self.most)
        return [(step * count, True) for count in range(math.floor(self.most / step) + 1)]


def kind(program):
    return 'ours' if is_ours(program) else 'raw' if is_raw(program) else 'peer'


def text(x, y, words, style, anchor='start'):
    return (f'<text class="{style}" x="{x:g}" y="{y:g}" text-anchor="{anchor}">'
            f'{escape(words)}</text>')


def one_bar(program, bar, unit, axis, left, top):
    middle = top + ROW / 2
    end, low, high = (left + axis.at(value) for value in (bar.value, bar.least, bar.most))
    said = (f'{figures.program(program)}: {figures.figure(bar.value, unit)}, from '
            f'{figures.figure(bar.least, unit)} to {figures.figure(bar.most, unit)}')
    whisker = ''  # of one round, or where all came out the same, there is nothing to see
    if high > low:
        whisker = f'<path class="whisker" d="M{low:g} {middle - 3:g}v6m0 -3H{high:g}m0 -3v6"/>'
    label = escape(figures.figure(bar.value, unit))
    if bar.ratio is not None:
        label += f'<tspan class="faint" dx="6">{figures.times(bar.ratio)}</tspan>'
    return [
        f'<g><title>{escape(said)}</title>',
        f'<rect class="bar {kind(program)}" x="{left:g}" y="{middle - BAR / 2:g}" '
        f'width="{max(end - left, 1):.4g}" height="{BAR}"/>',
        whisker,
        f'<text class="value {kind(program)}" x="{max(end, high) + 6:g}" y="{middle + 4.5:g}">'
        f'{label}</text></g>']


def height(programs):
    return HEADING + ROW * len(programs) + AXIS


def is_log(columns):
    return Axis([bar for column in columns for bar in column.bars.values()], 1).log


def draw(programs, columns, unit, width, top=0, inset=0):
    """The elements of a figure whose upper left corner is (inset, top), as lines of SVG."""
    whole = (width - NAMES - GAP * (len(columns) - 1)) / len(columns)
    axis = Axis([bar for column in columns for bar in column.bars.values()], whole - VALUES)
    rows = {program: top + HEADING + ROW * place for place, program in enumerate(programs)}
    bottom = top + HEADING + ROW * len(programs)
    lines = [text(inset + NAMES - 10, y + ROW / 2 + 4.5, figures.program(program),
                  f'name {kind(program)}', 'end') for program, y in rows.items()]
    for place, column in enumerate(columns):
        left = round(inset + NAMES + place * (whole + GAP), 1)
        lines.append(text(left, top + 15, column.heading, 'heading'))
        for value, named in axis.ticks():
            x = left + axis.at(value)
            lines.append(f'<path class="grid" d="M{x:g} {top + HEADING - 2}V{bottom + 2}"/>')
            if named:
                lines.append(text(x, bottom + 16, figures.tick(value, unit), 'faint', 'middle'))
        for program, y in rows.items():
            if program in column.bars:
                lines += one_bar(program, column.bars[program], unit, axis, left, y)
            else:
                lines.append(text(left + 6, y + ROW / 2 + 4.5, 'not measured', 'faint'))
    return lines
