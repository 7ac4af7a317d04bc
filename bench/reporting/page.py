# SPDX-License-Identifier: Apache-2.0
"""The page, put together: one file that needs nothing else, and no network."""

import json
from pathlib import Path
from string import Template

from reporting import bars, sections, targets, where
from reporting.markup import joined

HERE = Path(__file__).resolve().parent
UPLOT = HERE.parent / 'vendor/uplot'


def for_script(data):
    """JSON that cannot end the element it is in."""
    return json.dumps(data, separators=(',', ':'), ensure_ascii=False).replace('<', '\\u003c')


def page(rows):
    charts = []
    body = joined(sections.section(row, charts) for row in rows)
    read = {name: (HERE / name).read_text(encoding='utf-8')
            for name in ('page.html', 'page.css', 'page.js')}
    style = joined([(UPLOT / 'uPlot.min.css').read_text(encoding='utf-8'), read['page.css'],
                    bars.STYLE])
    return Template(read['page.html']).substitute(
        style=style, verdict=targets.verdict(rows), facts=where.facts(rows),
        targets=targets.first_table(rows), sections=body, curves=for_script(charts),
        licence=(UPLOT / 'LICENSE').read_text(encoding='utf-8'),
        uplot=(UPLOT / 'uPlot.iife.min.js').read_text(encoding='utf-8'), script=read['page.js'])
