"""Each public header, compiled as C++17 or C++20, stops the compiler with one sentence.

Each compiler of this machine that we support is tried, not only the one that builds.
"""
import pathlib
import shutil
import subprocess
import sys

INCLUDE = pathlib.Path(__file__).parents[2] / 'include'
HEADERS = sorted(file.relative_to(INCLUDE) for file in INCLUDE.glob('hallway/*.hpp'))
SENTENCE = '"Hallway needs C++23: compile with -std=c++23, with GCC 12 or Clang 19 or later"'
FEW = 16  # lines: the sentence, the missing header that ends the compiler, and where these are

compilers = [name for name in ('g++', 'clang++-19') if shutil.which(name)]
if not compilers:
    print('neither g++ nor clang++-19 is here')
    sys.exit(77)

# All of them as C++17, which fails at least where C++20 does.
runs = [('c++17', header) for header in HEADERS] + [('c++20', 'hallway/hallway.hpp')]
for compiler in compilers:
    for standard, header in runs:
        command = [compiler, f'-std={standard}', f'-I{INCLUDE}', '-fsyntax-only', '-x', 'c++', '-']
        done = subprocess.run(command, input=f'#include <{header}>\n', capture_output=True, text=True, check=False)
        lines = done.stderr.splitlines()
        errors = [line for line in lines if 'error: ' in line]
        seen = f'{" ".join(command)}: {header}: {done.returncode}\n{done.stderr}'
        assert done.returncode != 0 and len(lines) <= FEW and len(errors) == 2, seen
        assert SENTENCE in errors[0] and 'needs_cpp23' in errors[1], seen

print(f'{len(HEADERS)} headers, {len(compilers)} compilers')
