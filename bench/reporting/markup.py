# SPDX-License-Identifier: Apache-2.0
"""Pieces of HTML that more than one part of the page is made of."""

from html import escape

CLASS_COUNT = ' class="count"'
MISSED_ROW = ' class="missed-row"'


def joined(lines):
    return '\n'.join(line for line in lines if line)


def table(heads, body, counts=()):
    """heads: the column titles; counts: those of them with figures; body: rows of HTML."""
    cells = ''.join(f'<th scope="col"{CLASS_COUNT if head in counts else ""}>{escape(head)}</th>'
                    for head in heads)
    return joined(['<div class="wide"><table>', f'<thead><tr>{cells}</tr></thead>', '<tbody>',
                   *body, '</tbody></table></div>'])


def count_cell(words):
    return f'<td class="count">{escape(words)}</td>'


def folded(summary, content):
    return joined([f'<details><summary>{summary}</summary>', content, '</details>'])
