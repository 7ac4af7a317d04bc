# SPDX-License-Identifier: Apache-2.0
"""Where, when and from what the results come."""

from html import escape

from reporting.markup import joined

MACHINE = {'model': 'Processor', 'cores': 'Cores', 'kernel': 'Kernel', 'compiler': 'Compiler'}


def machine_words(machine):
    """[(label, words)]: the usual facts in the usual order, then any other."""
    known = [(label, machine[key]) for key, label in MACHINE.items() if key in machine]
    return known + [(key, machine[key]) for key in sorted(machine) if key not in MACHINE]


def in_one_line(row):
    """One line: the machine, the kernel, the day."""
    machine = row.data['machine']
    words = [machine.get('model'), f'{machine["cores"]} cores' if 'cores' in machine else None,
             f'Linux {machine["kernel"]}' if 'kernel' in machine else None,
             row.data['date'].partition('T')[0]]
    return ', '.join(str(word) for word in words if word)


def each(values, names):
    """One value when all rows agree, else which rows have which."""
    found = {}
    for value, name in zip(values, names):
        found.setdefault(value, []).append(name)
    if len(found) == 1:
        return next(iter(found))
    return '; '.join(f'{value} ({", ".join(of)})' for value, of in found.items())


def date(data):
    return data['date'].replace('T', ' ').replace('+00:00', ' UTC')


def commit(data):
    """bench/run ends it with a + when files differed from the commit."""
    name = data['commit']
    return f'{name[:-1]}, and changes that are in no commit' if name.endswith('+') else name


def rounds(data):
    return str(data['rounds'])


def facts(rows):
    measured = [row for row in rows if row.data]
    if not measured:
        return '<p>There are no results to show.</p>'
    names = [row.name for row in measured]
    pairs = [(label, each([words(row.data) for row in measured], names))
             for label, words in (('Measured', date), ('Commit', commit), ('Rounds', rounds))]
    machines = [dict(machine_words(row.data['machine'])) for row in measured]
    labels = list(dict.fromkeys(label for machine in machines for label in machine))
    pairs += [(label, each([str(machine.get(label, 'not recorded')) for machine in machines], names))
              for label in labels]
    return joined(['<dl>', *(f'<dt>{escape(label)}</dt><dd>{escape(words)}</dd>'
                             for label, words in pairs), '</dl>'])
