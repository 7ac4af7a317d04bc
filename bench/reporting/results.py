# SPDX-License-Identifier: Apache-2.0
"""What a directory of results holds: the rows P1 to P10, and the measurements of each by work."""

import json
import re
import statistics
from dataclasses import dataclass, field

EXPECTED = [f'P{number}' for number in range(1, 11)]

# The placements in the order they are shown, and what they are called.
PLACEMENTS = {'split': 'different cores', 'same': 'same core', 'unpinned': 'not pinned'}

# Modes of a work in which its --size means nothing.
SIZELESS = {'visits', 'idle'}


class Unusable(Exception):
    """The results contradict the format that bench/run writes."""


@dataclass
class Group:
    """The measurements of one work with one set of parameters: what belongs into one plot."""
    work: str
    parameters: dict
    unit: str
    better: str
    cells: dict = field(default_factory=dict)  # (program, placement) -> measurement

    def placements(self):
        return [name for name in PLACEMENTS if any(name == cell[1] for cell in self.cells)]

    def rounds(self):
        return max(len(one['rounds']) for one in self.cells.values())

    def is_value(self, statistic):
        """Whether the value that was measured is this one: mean, p99."""
        return all(one.get(statistic) == one['median'] for one in self.cells.values())

    def programs(self):
        """Best first, by the first placement a program was measured in."""
        def rank(program):
            place, median = next((place, self.cells[program, name]['median'])
                                 for place, name in enumerate(PLACEMENTS)
                                 if (program, name) in self.cells)
            return place, median if self.better == 'less' else -median, program
        return sorted({program for program, _ in self.cells}, key=rank)


@dataclass
class Row:
    """One row of the targets. Without data it was not measured, and `problem` says why."""
    name: str
    data: dict | None = None
    problem: str = ''

    @property
    def title(self):
        return self.data.get('title', self.name) if self.data else ''

    @property
    def target(self):
        return self.data['target']

    @property
    def checks(self):
        return self.target.get('checks', [])

    @property
    def failed(self):
        return self.data.get('failed', [])

    @property
    def met(self):
        """A row is met when it says so and none of its checks contradicts."""
        return self.target['met'] and all(check['met'] for check in self.checks)

    def groups(self):
        groups = {}
        for one in self.data.get('measured', []):
            parameters = dict(one.get('arguments', {}))
            if parameters.get('mode') not in SIZELESS:
                parameters = {'size': one['size'], **parameters}
            key = (one['work'], tuple(sorted(parameters.items())))
            group = groups.setdefault(
                key, Group(one['work'], parameters, one['unit'], one['better']))
            cell = (one['program'], one['placement'])
            if cell in group.cells:
                raise Unusable(f'{self.name}: {cell[0]} ({cell[1]}) is there twice in one work')
            group.cells[cell] = one
        return list(groups.values())

    def curves(self):
        """{(curve, x, y): {program: points}}, in the order of the file."""
        curves = {}
        for one in self.data.get('growth', []):
            lines = curves.setdefault((one['curve'], one['x'], one['y']), {})
            lines[one['program']] = sorted(one['points'])
        return curves


def is_ours(program):
    return program.split('_')[0] == 'hallway'


def is_raw(program):
    return program.split('_')[0] == 'raw'


def ours_in(group, placement):
    """The measurement of ours the others are held against."""
    ours = [name for name in group.programs() if is_ours(name) and (name, placement) in group.cells]
    return group.cells[min(ours, key=len), placement] if ours else None


def ratio(one, other):
    """The median of the ratios in a round, or None where a round is missing or 0."""
    mine, theirs = ([line['value'] for line in each['rounds']] for each in (one, other))
    if len(mine) != len(theirs) or 0 in mine + theirs:
        return None
    return statistics.median(value / of for value, of in zip(mine, theirs))


def margin(check):
    """How far a check is from its limit, as a factor, 1 at the limit. None: unknown."""
    asked = re.fullmatch(r'([<>]=) ([\d.]+)', check['asked'])
    reached = check['reached']
    if not asked or not reached or not float(asked[2]):
        return None
    return float(asked[2]) / reached if asked[1] == '<=' else reached / float(asked[2])


def load(directory):
    """The rows that are expected, measured or not, and after them any other there is a file of."""
    files = {path.stem: path for path in sorted(directory.glob('P*.json'))}
    others = sorted(set(files) - set(EXPECTED), key=lambda name: (len(name), name))
    rows = []
    for name in EXPECTED + others:
        if name not in files:
            rows.append(Row(name, problem=f'{name}.json is missing'))
            continue
        try:
            data = json.loads(files[name].read_text(encoding='utf-8'))
            data['target']['met']
        except (ValueError, KeyError, TypeError) as error:
            rows.append(Row(name, problem=f'{name}.json is not in the format of bench/run: {error}'))
            continue
        rows.append(Row(name, data))
    return rows
