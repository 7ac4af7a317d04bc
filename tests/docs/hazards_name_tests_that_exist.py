"""docs/HAZARDS.md has every row, each row names its tests, and every named test exists."""
import os
import pathlib
import re

SOURCE_DIR = pathlib.Path(os.environ.get('SOURCE_DIR', pathlib.Path(__file__).parents[2]))
TESTS = SOURCE_DIR / 'tests'
LAST_OF_THE_FIRST = 63  # behind it come faults that were found; some numbers are still to come

NAME = re.compile(r'`((?:unit|kernel|cli|interop|examples|docs|layers|install)/[^`\s]+)`')
CASE = re.compile(r'^TEST(?:_F|_P)?\(\s*(\w+),\s*(\w+)\)', re.MULTILINE)


def cases_in(folder):
    """{(suite, case)} of the sources in a folder of C++ tests."""
    return {pair for source in (TESTS / folder).rglob('*_test.cpp')
            for pair in CASE.findall(source.read_text(encoding='utf-8'))}


CASES = {f'unit/{layer.name}': cases_in(f'unit/{layer.name}') for layer in TESTS.glob('unit/*')}
FACTS = {suite for suite, _ in cases_in('kernel')}


def exists(name):
    """Whether ctest has a test of this name (`kernel/H13` stands for all facts of a row)."""
    folder, _, last = name.rpartition('/')
    if folder == 'kernel':
        return last in FACTS
    if folder in CASES:
        return tuple(last.split('.')) in CASES[folder]
    return any((TESTS / folder / (last + ending)).exists() for ending in ('.py', '.sh'))


# The check itself notices what is not there.
for made_up in ['unit/net/socket_file_ownership.sings', 'unit/nothing/a.b', 'kernel/H99', 'cli/sings']:
    assert not exists(made_up), made_up

page = (SOURCE_DIR / 'docs/HAZARDS.md').read_text(encoding='utf-8')
rows = re.split(r'^### H(\d+)\. ', page, flags=re.MULTILINE)[1:]
numbers, texts = [int(number) for number in rows[::2]], rows[1::2]
assert numbers[:LAST_OF_THE_FIRST] == list(range(1, LAST_OF_THE_FIRST + 1)), numbers
assert numbers == sorted(set(numbers)), numbers

for number, text in zip(numbers, texts):
    text = re.split(r'^## ', text, flags=re.MULTILINE)[0]
    names = NAME.findall(text)
    for name in names:
        assert exists(name), f'H{number} names {name}, which does not exist'
    excused = re.search(r'^(Waits for|Does not apply:)', text, re.MULTILINE)
    assert excused or ('**We** ' in text and 'Shown by' in text and names), f'H{number}'
    # The facts of a row are shown by that row, and by no other.
    facts = [name for name in names if name.startswith('kernel/')]
    assert facts == ([f'kernel/H{number}'] if f'H{number}' in FACTS else []), (number, facts)

print(f'{len(numbers)} rows, {len(NAME.findall(page))} names of tests')
