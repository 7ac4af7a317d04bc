# SPDX-License-Identifier: Apache-2.0
"""Measurements as bars inside the page."""

from html import escape

from reporting import bars
from reporting.results import PLACEMENTS, ours_in, ratio

SUBTITLE = {'less': 'shorter is better', 'more': 'longer is better'}

WIDTH = 960


def value_bar(group, program, placement):
    one = group.cells[program, placement]
    ours = ours_in(group, placement)
    to_ours = ratio(one, ours) if ours and ours is not one else None
    return bars.Bar(one['median'], one['min'], one['max'], to_ours)


def value_column(group, placement, heading=None):
    return bars.Column(heading or PLACEMENTS[placement], {
        program: value_bar(group, program, placement)
        for program in group.programs() if (program, placement) in group.cells})


def cpu(measurement):
    """CPU time of all sides of one measurement, or None."""
    sides = [value for value in (measurement.get('cpu_ns') or {}).values() if value is not None]
    return sum(sides) if sides else None


def column_of(group, placement, quantity):
    """A quantity besides the value: quantity(measurement or line of a round) is it, or None."""
    found = {}
    for program in group.programs():
        one = group.cells.get((program, placement))
        if one is None or quantity(one) is None:
            continue
        rounds = [value for line in one['rounds'] if (value := quantity(line)) is not None]
        found[program] = bars.Bar(quantity(one), min([quantity(one), *rounds]),
                                  max([quantity(one), *rounds]))
    return bars.Column(PLACEMENTS[placement], found)


def inline(label, programs, columns, unit):
    """A figure inside the page, which has the style already."""
    tall = bars.height(programs)
    return '\n'.join([
        f'<svg class="bars" role="img" viewBox="0 0 {WIDTH} {tall}" aria-label="{escape(label)}">',
        *bars.draw(programs, columns, unit, WIDTH), '</svg>'])


def values(label, group):
    """(SVG, whether its axis is log) of what a group measured."""
    columns = [value_column(group, placement) for placement in group.placements()]
    return inline(label, group.programs(), columns, group.unit), bars.is_log(columns)


def quantities(label, group, quantity, unit):
    """The same of another quantity, programs in the same order; None where it was not measured."""
    columns = [column_of(group, placement, quantity) for placement in group.placements()]
    programs = [name for name in group.programs() if any(name in one.bars for one in columns)]
    if not programs:
        return None
    return inline(label, programs, columns, unit), bars.is_log(columns)
