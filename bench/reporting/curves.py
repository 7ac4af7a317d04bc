# SPDX-License-Identifier: Apache-2.0
"""Growth as log-log lines: everything uPlot needs, with ticks and hover values already in words."""

import math

from reporting import figures
from reporting.results import is_ours, is_raw

MOST_TICKS = 7

TIMES = ('ns', 'us', 'ms', 's')
SIZES = ('B', 'bytes')


def unit_of(label):
    """`ns per message` and `bytes` begin with their unit; `subscribers` are counted."""
    first = label.split()[0]
    return first if first in TIMES + SIZES else ''


def name_of(label):
    """What an axis shows when its ticks have the unit: `ns per message` is a time per message."""
    first, _, rest = label.partition(' ')
    if unit_of(label) in SIZES:
        return f'memory {rest}' if rest else 'size'
    return f'time {rest}' if unit_of(label) else label


def exactly(value, unit):
    """What was set: a size or a count."""
    return figures.size(value) if unit in SIZES else f'{value:,g}'


def roughly(value, unit):
    """What was measured."""
    return figures.figure(value, unit) if unit else f'{value:,g}'


def powers(least, most, base):
    first, last = math.ceil(math.log(least, base) - 1e-9), math.floor(math.log(most, base) + 1e-9)
    step = 1 + max(0, last - first) // MOST_TICKS
    return [base ** power for power in range(first, last + 1, step)]


def ticks(values, unit, written):
    least, most = min(values), max(values)
    if written is exactly and unit in SIZES:
        places = powers(least, most, 2)
    elif most / least >= 500:
        places = powers(least, most, 10)
    else:
        first, last = math.floor(math.log10(least)), math.ceil(math.log10(most))
        ladder = [factor * 10 ** power for power in range(first, last + 1) for factor in (1, 2, 5)]
        places = [value for value in ladder if least / 1.3 <= value <= most * 1.3]
    return [[value, written(value, unit)] for value in places]


def order(program):
    """Ours last, so that it is drawn above the others."""
    return is_ours(program), not is_raw(program), program


def chart(key, lines):
    """What page.js draws: one list of x for all lines, and holes where a line has no point."""
    title, x_label, y_label = key
    x_unit, y_unit = unit_of(x_label), unit_of(y_label)
    programs = sorted(lines, key=order)
    xs = sorted({x for points in lines.values() for x, _ in points})
    columns = [[dict(map(tuple, lines[program])).get(x) for x in xs] for program in programs]
    # A log axis has no place for 0: a hole in the line, and a figure in words.
    drawn = [[y if y else None for y in column] for column in columns]
    ys = [y for column in drawn for y in column if y is not None]
    return {
        'title': title, 'x': name_of(x_label), 'y': name_of(y_label),
        'xTicks': ticks(xs, x_unit, exactly),
        'yTicks': ticks(ys, y_unit, figures.tick),
        'xWords': [exactly(x, x_unit) for x in xs],
        'lines': [{'name': figures.program(program),
                   'kind': 'ours' if is_ours(program) else 'raw' if is_raw(program) else 'peer',
                   'words': [None if y is None else roughly(y, y_unit) for y in column]}
                  for program, column in zip(programs, columns)],
        'data': [xs, *drawn]}
