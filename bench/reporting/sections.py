# SPDX-License-Identifier: Apache-2.0
"""A section a row: what the work is, what was asked, every figure as bars, lines and tables."""

from html import escape
from operator import methodcaller

from reporting import curves, descriptions, figures, plots
from reporting.markup import count_cell, folded, joined, table
from reporting.results import PLACEMENTS, is_ours
from reporting.targets import checks_table, mark, reason_of

# What a latency has besides its median, by the word a check uses for it.
STATISTICS = {'mean': 'mean', 'p99': '99th percentile'}


def left_out(row):
    """What was not measured although it should have been."""
    parts = []
    if row.failed:
        items = ''.join(f'<li><code>{escape(one)}</code></li>' for one in row.failed)
        parts.append(f'<p class="missed">Failed:</p><ul>{items}</ul>')
    if row.data.get('absent'):
        names = ', '.join(row.data['absent'])
        parts.append(f'<p class="faint">Left out, because it is not installed here: '
                     f'{escape(names)}.</p>')
    return joined(parts)


def figures_table(group):
    times = [key for key in ('p50', 'p99', 'mean') if not group.is_value(key)
             and any(one.get(key) is not None for one in group.cells.values())]
    heads = ['Program', 'Placement', 'Rounds', 'Median', 'Least', 'Most', *times,
             'CPU per ' + figures.counted(group.unit)]
    body = []
    for program in group.programs():
        for placement in PLACEMENTS:
            one = group.cells.get((program, placement))
            if one is None:
                continue
            cells = [str(len(one['rounds']))]
            cells += [figures.figure(one[key], group.unit) for key in ('median', 'min', 'max')]
            cells += [figures.figure(one.get(key), 'us') for key in times]
            cells.append(' + '.join(f'{side} {figures.figure(value, "ns")}' for side, value in
                                    (one.get('cpu_ns') or {}).items() if value is not None))
            style = ' class="ours-row"' if is_ours(program) else ''
            body.append(f'<tr{style}><td>{escape(figures.program(program))}</td>'
                        f'<td>{PLACEMENTS[placement]}</td>{"".join(map(count_cell, cells))}</tr>')
    return folded('All figures', table(heads, body, heads[2:]))


def figure(caption, how, content):
    return joined([f'<figure><figcaption>{escape(caption)} <span class="how">{escape(how)}</span>'
                   '</figcaption>', f'<div class="wide">{content}</div>', '</figure>'])


def log_words(is_log):
    return ', log axis' if is_log else ''


def besides(group, checks):
    """[(caption, how, quantity, unit)] to plot after the value: what is asked for, and CPU time."""
    wanted = [(f'The same: {words}', plots.SUBTITLE['less'], methodcaller('get', key), 'us')
              for key, words in STATISTICS.items()
              if any(key in one['text'] for one in checks) and not group.is_value(key)]
    return wanted + [(f'CPU time per {figures.counted(group.unit)}', 'all sides, user and system',
                      plots.cpu, 'ns')]


def group_plots(group, checks):
    caption = figures.capital(f'{figures.work(group.work)}, {figures.parameters(group.parameters)}')
    plot, is_log = plots.values(caption, group)
    value = ''.join(f'{words}, ' for key, words in STATISTICS.items() if group.is_value(key))
    rounds = figures.several(group.rounds(), 'round')
    how = f'{value}median of {rounds}, {plots.SUBTITLE[group.better]}{log_words(is_log)}'
    parts = [figure(caption, how, plot)]
    for name, how, quantity, unit in besides(group, checks):
        drawn = plots.quantities(f'{caption}: {name}', group, quantity, unit)
        if drawn:
            parts.append(figure(name, how + log_words(drawn[1]), drawn[0]))
    return joined([*parts, figures_table(group)])


def curve_table(chart):
    heads = [chart['x'], *(line['name'] for line in chart['lines'])]
    body = []
    for place, x in enumerate(chart['xWords']):
        cells = [count_cell(line['words'][place] or '') for line in chart['lines']]
        body.append(f'<tr>{count_cell(x)}{"".join(cells)}</tr>')
    return folded('All figures', table(heads, body, heads))


def growth(row, charts):
    """The curves of a row; what they show is added to the charts."""
    parts = []
    for key, lines in row.curves().items():
        chart = curves.chart(key, lines)
        place = f'<div class="curve" data-curve="{len(charts)}"></div>'
        parts += [figure(figures.capital(chart['title']),
                         'both axes log; point at it for figures', place), curve_table(chart)]
        charts.append(chart)
    return joined(parts)


def section(row, charts):
    description = descriptions.OF.get(row.name, '')
    head = (f'<h3><span class="number">{row.name}</span>'
            f'{escape(figures.capital(row.title))}</h3>')
    if not row.data:
        return joined([f'<section id="{row.name}">', head, f'<p>{description}</p>',
                       f'<p class="absent">Not measured: {escape(row.problem)}.</p>', '</section>'])
    return joined([
        f'<section id="{row.name}">', head, f'<p>{description}</p>' if description else '',
        f'<p>Asked: {escape(row.target["text"])}. {mark(row.met)}{reason_of(row.target)}</p>',
        checks_table(row), left_out(row),
        *(group_plots(group, row.checks) for group in row.groups()), growth(row, charts),
        '</section>'])
