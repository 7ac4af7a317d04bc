#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What libhallway_c exports is what abi/libhallway_c.0.* recorded, or more.

usage: c_interface_only_grows.py LIBRARY            compare; then exit 1 if anything changed or is missing
       c_interface_only_grows.py LIBRARY --record   write the record of this library (./dev abi)

The record has two files. The .abi file is what abidw (abigail-tools) reads from the debug information: the functions, their
parameters, and the structures of hallway.h. It must come from GCC's dev build: other compilers describe the same types
otherwise. The .constants file has the numbers of hallway.h's enumerations, which no function's type mentions.
"""

import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).absolute().parents[2]
HEADER = ROOT / 'include/hallway.h'
RECORD = ROOT / 'abi/libhallway_c.0.abi'
CONSTANTS = ROOT / 'abi/libhallway_c.0.constants'

# Of abidiff(1): what it found is a change, and such a one as programs notice.
CHANGED, FAILED = 4 | 8, 1 | 2


def dump(library, file):
    """Writes what the library exports. Nothing in it depends on the folder or on the line of a declaration."""
    # The option for a single header compares whole paths, which differ from what a compiler cache makes of them.
    with tempfile.TemporaryDirectory(prefix='hallway-') as headers:
        shutil.copy(HEADER, headers)
        subprocess.run(
            ['abidw', '--headers-dir', headers, '--drop-private-types', '--no-corpus-path', '--no-comp-dir-path',
             '--no-show-locs', '--no-elf-needed', '--no-write-default-sizes', '--no-parameter-names',
             '--type-id-style', 'hash', '--exported-interfaces-only', '--out-file', file, library],
            check=True)


def constants(text):
    """{name: number} of the enumerators of a header."""
    return dict(re.findall(r'^\s*(?:enum \{ )?(HALLWAY_\w+) =\s+(-?\d+)', re.sub(r', (?=HALLWAY_\w+ =)', ',\n', text),
                           re.MULTILINE))


def changed_constants(recorded, found):
    return [f'{name} was {number}, and is {found.get(name, "gone")}'
            for name, number in recorded.items() if found.get(name) != number]


def differences(recorded, found):
    """What abidiff says of anything but additions; empty if there is nothing else."""
    compared = subprocess.run(['abidiff', '--no-added-syms', recorded, found], capture_output=True, text=True, check=False)
    if compared.returncode & FAILED:
        sys.exit(f'abidiff failed: {compared.stderr}')
    return compared.stdout if compared.returncode & CHANGED else ''


def self_test(text, directory):
    """Each kind of change is found, and an addition is not taken for one."""
    found = directory / 'found.abi'
    found.write_text(text, encoding='utf-8')

    def changed(pattern, replacement):
        other, times = re.subn(pattern, replacement, text, count=1, flags=re.DOTALL)
        assert times == 1, f'the record has no {pattern}'
        file = directory / 'other.abi'
        file.write_text(other, encoding='utf-8')
        return file

    symbol = r"    <elf-symbol name='hallway_send'[^\n]*\n"
    without = changed(symbol, '')
    assert differences(found, without), 'a function that is gone is not found'
    assert not differences(without, found), 'a function that was added is taken for a change'
    assert differences(found, changed(r"(<class-decl name='hallway_view' size-in-bits=)'128'", r"\1'192'")), \
        'a structure of another size is not found'
    read = constants('enum { HALLWAY_A = 0, HALLWAY_B = -1 };\nenum {\n  HALLWAY_C = 2,\n  HALLWAY_D =\n    3 };')
    assert read == {'HALLWAY_A': '0', 'HALLWAY_B': '-1', 'HALLWAY_C': '2', 'HALLWAY_D': '3'}, read
    assert changed_constants({'a': '0', 'b': '1'}, {'a': '1', 'c': '2'}) == ['a was 0, and is 1', 'b was 1, and is gone']


def main(arguments):
    if shutil.which('abidw') is None:
        print('skipped: abidw is not installed (Debian: abigail-tools)')
        return 77
    library, *options = arguments
    with tempfile.TemporaryDirectory(prefix='hallway-') as directory:
        found = pathlib.Path(directory, 'libhallway_c.abi')
        dump(library, found)
        numbers = constants(HEADER.read_text(encoding='utf-8'))
        if options == ['--record']:
            RECORD.parent.mkdir(exist_ok=True)
            shutil.copyfile(found, RECORD)
            CONSTANTS.write_text(''.join(f'{name} {number}\n' for name, number in numbers.items()), encoding='utf-8')
            return 0
        self_test(found.read_text(encoding='utf-8'), pathlib.Path(directory))
        recorded = dict(line.split() for line in CONSTANTS.read_text(encoding='utf-8').splitlines())
        changes = [*changed_constants(recorded, numbers), *differences(RECORD, found).splitlines()]
        if changes:
            print(*changes, 'A program that was built before would notice. If that is meant, record it: ./dev abi', sep='\n')
            return 1
    return 0


if __name__ == '__main__':
    sys.exit(main(sys.argv[1:]))
