# SPDX-License-Identifier: Apache-2.0
"""What was asked and what was reached: the misses first, then what is nearest to its limit."""

from html import escape

from reporting import figures
from reporting.markup import MISSED_ROW, count_cell, folded, joined, table
from reporting.results import margin

# So many checks of a row are in the first table, besides those that are missed.
CHECKS_SHOWN = 3


def reached(check):
    value = check['reached']
    return 'not measured' if value is None else figures.significant(value)


def asked(check):
    return check['asked'].replace('<=', '≤').replace('>=', '≥')


def mark(met):
    return '<span class="met">met</span>' if met else '<span class="missed">missed</span>'


def reason_of(thing):
    return f'<span class="reason">{escape(thing["reason"])}</span>' if thing.get('reason') else ''


def tightest_first(checks):
    """Missed ones, then by how near they are to their limit; those without a limit last."""
    def rank(check):
        factor = margin(check)
        return check['met'], factor is None, factor or 0
    return sorted(checks, key=rank)


def in_short(row):
    """The checks that decide: all that are missed, and those that come nearest to it."""
    checks = tightest_first(row.checks)
    shown = [check for place, check in enumerate(checks)
             if not check['met'] or place < CHECKS_SHOWN]
    items = []
    for check in shown:
        words = (f'{escape(check["text"])}: <b>{escape(reached(check))}</b> '
                 f'<span class="verdict"><span class="faint">({escape(asked(check))})</span>')
        missed = '' if check['met'] else ' ' + mark(False)
        items.append(f'<li>{words}{missed}</span>{reason_of(check)}</li>')
    if len(checks) > len(shown):
        items.append(f'<li class="faint">and {len(checks) - len(shown)} more, all met</li>')
    if row.failed:
        items.append(f'<li class="missed">measurements that failed: {len(row.failed)}</li>')
    return f'<ul>{"".join(items)}</ul>'


def target_row(row):
    head = f'<th scope="row"><a href="#{row.name}">{row.name}</a></th>'
    if not row.data:
        return (f'<tr>{head}<td colspan="3" class="faint">{escape(row.problem)}</td>'
                f'<td><span class="absent">not measured</span></td></tr>')
    return (f'<tr{"" if row.met else MISSED_ROW}>{head}'
            f'<td>{escape(figures.capital(row.title))}</td><td>{escape(row.target["text"])}</td>'
            f'<td>{in_short(row)}{reason_of(row.target)}</td><td>{mark(row.met)}</td></tr>')


def first_table(rows):
    first = table(['Row', 'Work', 'Asked', 'Reached', 'Met'], [target_row(row) for row in rows])
    return f'<div class="targets">{first}</div>'


def verdict(rows):
    met = [row for row in rows if row.data and row.met]
    sentences = [f'Targets met: {len(met)} of {len(rows)}.']
    for words, style, chosen in (
            ('Missed', 'missed', [row for row in rows if row.data and not row.met]),
            ('Not measured', 'absent', [row for row in rows if not row.data])):
        if chosen:
            links = ', '.join(f'<a href="#{row.name}">{row.name}</a>' for row in chosen)
            sentences.append(f'<span class="{style}">{words}: {links}.</span>')
    return ' '.join(sentences)


def checks_table(row):
    """Every check, folded away when there are many and none is missed."""
    body = [f'<tr{"" if check["met"] else MISSED_ROW}><td>{escape(check["text"])}'
            f'{reason_of(check)}</td>{count_cell(asked(check))}'
            f'{count_cell(reached(check))}<td>{mark(check["met"])}</td></tr>'
            for check in tightest_first(row.checks)]
    if not body:
        return ''
    checks = table(['Check', 'Asked', 'Reached', 'Met'], body, ('Asked', 'Reached'))
    if row.met and len(body) > CHECKS_SHOWN:
        return folded(f'All {len(body)} checks', checks)
    return f'<div class="narrow">{checks}</div>'
