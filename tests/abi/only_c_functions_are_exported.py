#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""libhallway_c exports the functions of hallway.h in one symbol version, and nothing else.

usage: only_c_functions_are_exported.py LIBRARY
"""

import pathlib
import re
import subprocess
import sys

HEADER = pathlib.Path(__file__).absolute().parents[2] / 'include/hallway.h'
NODE = 'HALLWAY_C_0'


def declared():
    """The functions of the header: names before a parenthesis, outside of comments, macros and types of callbacks."""
    text = re.sub(r'/\*.*?\*/|//[^\n]*|^[ \t]*#(?:[^\n]*\\\n)*[^\n]*', '', HEADER.read_text(encoding='utf-8'),
                  flags=re.DOTALL | re.MULTILINE)
    text = re.sub(r'\btypedef\b[^;{]*;', '', text)
    return set(re.findall(r'\b(hallway_\w+)\s*\(', text))


def exported(library):
    lines = subprocess.run(['nm', '--dynamic', '--defined-only', '--with-symbol-versions', library],
                           capture_output=True, text=True, check=True).stdout.splitlines()
    return {line.split()[-1] for line in lines}


functions = declared()
assert len(functions) > 50, functions
expected = {f'{name}@@{NODE}' for name in functions} | {NODE, f'{NODE}@@{NODE}'}
symbols = exported(sys.argv[1])
missing = {f'{name}@@{NODE}' for name in functions} - symbols
assert not missing, f'declared in hallway.h, and not exported: {sorted(missing)}'
others = symbols - expected
assert not others, f'exported, and not declared in hallway.h: {sorted(others)}'
print(len(functions), 'functions')
