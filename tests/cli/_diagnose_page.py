"""The tables of docs/DIAGNOSE.md: every cause, and every situation that the test of `hallway diagnose` makes."""

import os
import re

from _situation import SITUATIONS
from _support import SOURCE_DIR

PAGE = f'{SOURCE_DIR}/docs/DIAGNOSE.md'
WRITE = 'write it with tests/cli/diagnose_names_the_cause.py --write, as root'

HEADS = {
    'causes': '| `cause` | `state` | Meaning | The kernel answers |\n|---|---|---|---|\n',
    'situations': '| Situation | The kernel answers | `hallway diagnose` says | Remedy | Certainty | Test |\n'
                  '|---|---|---|---|---|---|\n',
}


def causes():
    """The words, states, meanings and answers of the kernel, as the library has them."""
    with open(f'{SOURCE_DIR}/src/net/diagnosis/causes.hpp') as file:
        code = re.sub(r'"\s*\n\s*"', '', file.read())
    text = r'\s*"((?:[^"\\]|\\.)*)"'
    found = re.findall(rf'Cause{{{text},\s*Cause::State::(\w+),{text},{text}}}', code)
    assert len(found) == code.count('Cause{"'), 'a cause that cannot be read'
    return found


def line_of(*cells):
    return '| ' + ' | '.join(cell.replace('|', '\\|').replace('<', '&lt;') for cell in cells) + ' |\n'


def table_of_causes():
    # What stops nothing has no state of its own.
    return ''.join(line_of(f'`{word}`', '' if state == 'healthy' else f'`{state}`', meaning, kernel)
                   for word, state, meaning, kernel in causes())


def row(situation, said, answer, stage):
    """The row of a situation, without what differs from one run to the next."""
    if said['findings']:
        first = said['findings'][0]
    else:
        wanted = situation.cause.split(', ')[1:]
        odd = [finding for finding in said['also'] if finding['cause'] in wanted]
        first = {'sentence': said['summary'], 'fix': odd[0]['fix'] if odd else '', 'certainty': ''}
        first['sentence'] += ''.join(f'; also: {finding["sentence"]}' for finding in odd)
    return line_of(situation.words, answer, *(settled(first[name], stage) for name in
                                              ('sentence', 'fix', 'certainty')), f'`{situation.name}`')


def settled(text, stage):
    pids = '|'.join(str(child.pid) for child in stage.children) or 'none'
    for pattern, by in ((re.escape(stage.directory), '/dir'), (re.escape(stage.home), '/'),
                        (rf'(hallway|relative)-{stage.token}', 'app'), (r'\[\d+\]', '[PID]'),
                        (rf'\b({pids})\b', 'PID'), (r'\bpid [1-9]\d*', 'pid PID'),
                        (r'\b\d+ (s|min|h|d)\b', 'TIME'), (r'a{60,}', 'aaa...'), (r'b{60}', 'bbb...')):
        text = re.sub(pattern, by, text)
    return text


def mark(name):
    return f'<!-- {name}: made by tests/cli/diagnose_names_the_cause.py --write -->\n'


def part_of(page, name):
    """Where the table of this name is."""
    begin = page.index(mark(name)) + len(mark(name))
    return slice(begin, page.index(f'<!-- end of {name} -->', begin))


def check_page(rows):
    """Rows that another user, or another machine, cannot make are not compared."""
    with open(PAGE) as file:
        page = file.read()
    assert page[part_of(page, 'causes')] == HEADS['causes'] + table_of_causes(), f'{PAGE}: {WRITE}'
    known = {line.rstrip('` |\n').rpartition('`')[2]: line
             for line in page[part_of(page, 'situations')].splitlines(keepends=True)}
    unknown = [situation.name for situation in SITUATIONS if situation.name not in known]
    assert not unknown, f'{PAGE} does not have {unknown}: {WRITE}'
    if os.geteuid() == 0:  # other users have other names
        for name, line in rows.items():
            assert known[name] == line, f'{PAGE} is not current: {WRITE}\n{known[name]}{line}'


def write_page(rows):
    with open(PAGE) as file:
        page = file.read()
    for name, lines in (('causes', table_of_causes()), ('situations', ''.join(rows.values()))):
        part = part_of(page, name)
        page = page[:part.start] + HEADS[name] + lines + page[part.stop:]
    with open(PAGE, 'w') as file:
        file.write(page)
