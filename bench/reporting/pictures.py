# SPDX-License-Identifier: Apache-2.0
"""The pictures README.md shows: round trip, one way, fan-out."""

from html import escape

from reporting import bars, figures, plots, where
from reporting.results import PLACEMENTS, is_ours, is_raw

# What GitHub shows in the width of its text.
WIDTH = 960
MARGIN = 20


def most_telling(columns):
    """Ours, the best raw program and all peers: what a picture has room for, best first."""
    programs, raw = [], False
    for column in columns:
        for program in column.bars:
            if program in programs or (is_raw(program) and raw):
                continue
            programs.append(program)
            raw = raw or is_raw(program)
    return programs


def picture(title, columns, group, machine):
    programs = most_telling(columns)
    shown = [bars.Column(column.heading, {name: bar for name, bar in column.bars.items()
                                          if name in programs}) for column in columns]
    said = [f'Median of {figures.several(group.rounds(), "round")}, line from least to most',
            plots.SUBTITLE[group.better]]
    if bars.is_log(shown):
        said.append('log axis')
    if any(bar.ratio is not None for column in shown for bar in column.bars.values()):
        said.append('in grey: times Hallway’s figure')
    if any(is_raw(program) for program in programs):
        said.append('raw: the best by hand')
    top = 66
    foot = top + bars.height(programs) + 22
    body = bars.draw(programs, shown, group.unit, WIDTH - 2 * MARGIN, top, MARGIN)
    return whole(title, foot + 16, [
        bars.text(MARGIN, 53, '; '.join(said) + '.', 'faint'), *body,
        bars.text(MARGIN, foot, machine, 'faint')])


def whole(title, tall, lines):
    """An SVG file: a card of its own, so that it is legible on any page in any colours."""
    style = bars.STYLE + '.bars .title { font-size: 17px; font-weight: 600; }\n'
    return '\n'.join([
        f'<svg xmlns="http://www.w3.org/2000/svg" class="bars" role="img" width="{WIDTH}" '
        f'height="{tall}" viewBox="0 0 {WIDTH} {tall}">',
        f'<title>{escape(title)}</title>', f'<style>\n{style}</style>',
        f'<rect class="card" x="0.5" y="0.5" width="{WIDTH - 1}" height="{tall - 1}" rx="6"/>',
        bars.text(MARGIN, 31, title, 'title'), *lines, '</svg>', ''])


def missing(title, problem):
    return whole(title, 84, [bars.text(MARGIN, 58, f'Not measured: {problem}.', 'faint')])


# --- what is in them ------------------------------------------------------------------------------

def groups_of(rows, name, **parameters):
    row = next(row for row in rows if row.name == name)
    return [group for group in row.groups() if any(is_ours(one) for one in group.programs())
            and all(group.parameters.get(key) == value for key, value in parameters.items())
            ] if row.data else []


def in_placements(group, placements=tuple(PLACEMENTS)):
    return [(group, placement, PLACEMENTS[placement]) for placement in placements
            if placement in group.placements()]


def round_trip(rows):
    """Split and unpinned are P1's, the same core is P2's: put together in the usual order."""
    apart, together = groups_of(rows, 'P1', size=64), groups_of(rows, 'P2', size=64)
    cells = []
    for placement in PLACEMENTS:
        for group in (together if placement == 'same' else apart)[:1]:
            cells += in_placements(group, [placement])
    return cells


def one_way(rows):
    return [cell for group in groups_of(rows, 'P4', size=64)[:1] for cell in in_placements(group)]


def audience(group):
    return group.parameters['subscribers']


def fan_out(rows):
    """A column for each number of subscribers, all of them in the first placement there is."""
    cells = []
    for group in sorted(groups_of(rows, 'P5', size=64), key=audience):
        placement = group.placements()[0]
        subscribers = figures.several(audience(group), 'subscriber')
        cells.append((group, placement, f'{subscribers}, {PLACEMENTS[placement]}'))
    return cells[:3]


PICTURES = {
    'round-trip': ('Round trip of 64 bytes', ['P1', 'P2'], round_trip),
    'one-way': ('One way, 64-byte messages: one send() each; “batch” gathers by hand', ['P4'],
                one_way),
    'fan-out': ('Fan-out of 64-byte messages, every one delivered', ['P5'], fan_out),
}


def pictures(rows):
    """{file name: SVG}"""
    found = {}
    for name, (title, wanted, choose) in PICTURES.items():
        sources = [row for row in rows if row.name in wanted]
        cells = choose(rows)
        if not cells:
            problems = [row.problem or f'{row.name} has nothing of ours' for row in sources]
            found[f'{name}.svg'] = missing(title, ', '.join(problems))
            continue
        measured = next(row for row in sources if row.data)
        columns = [plots.value_column(group, place, heading) for group, place, heading in cells]
        found[f'{name}.svg'] = picture(title, columns, cells[0][0], where.in_one_line(measured))
    return found
