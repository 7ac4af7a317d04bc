#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A part of the unit tests under valgrind's memcheck.

No error, no block that is definitely or indirectly lost, and as many descriptors open at the end
as at the start. What forks, measures time or counts threads is left out: it would test valgrind.

    valgrind_subset.py [--all]

Without --all the parts that take less than two minutes. Needs valgrind.
"""

import argparse
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
TESTS = Path(os.environ.get('TESTS', ROOT / 'build/bin/tests'))
SKIPPED = 77

# Executable: which of its tests. Each allocation and each call that fails: those are paths
# that nothing else walks. Valgrind keeps the limit of descriptors from the kernel, so that nothing
# is missing where a test expects it.
QUICK = {
    'unit_core': 'descriptor*:chunk*:receive_buffer*:linked_list*:error*:printable*',
    'unit_wire': '*:-*64_kib*',
    'unit_sys': 'passing*:seam*:fault_on*:one_byte*',
    'unit_faults': 'out_of_memory.*:connection_out_of_memory.*:failing_allocation.*:'
                   'of/every_allocation.may_fail_once/echo_over_a_stream:'
                   'of/every_allocation.may_fail_once/descriptor_passing:'
                   'of/every_allocation.may_fail_once/broadcast',
    'unit_message': 'send_half*:receive_half*:seqpacket*:passing*:-*out_of_descriptors:*too_many_open',
}
ALL = {
    **QUICK,
    'unit_faults': 'out_of_memory.*:connection_out_of_memory.*:failing_allocation.*:'
                   'of/every_allocation.*:of/every_call.*:-*child_process',
    'unit_message': '*:-*scale*:child*:too_many_references*:*spawn*:*out_of_descriptors:*too_many_open',
    'unit_loop': '*:-*thread*:*child*:*process*',
}


def memcheck(executable, tests, log):
    """What is wrong, one line each."""
    if not (TESTS / executable).exists():
        return [f'{TESTS / executable} is not built: ./dev build']
    ended = subprocess.run(
        # Our own operator new (tests/unit/faults) stays ours: only malloc(3) is valgrind's.
        ['valgrind', '--quiet', '--soname-synonyms=somalloc=nouserintercepts',
         '--leak-check=full', '--errors-for-leak-kinds=definite,indirect',
         '--show-leak-kinds=definite,indirect', '--track-fds=yes', '--error-exitcode=99',
         f'--log-file={log}', TESTS / executable, f'--gtest_filter={tests}'],
        capture_output=True, text=True, errors='replace', timeout=1800)
    report = log.read_text(errors='replace')
    problems = [line for line in report.splitlines() if line.startswith('==')]
    # Inherited descriptors are open at the end as they were at the start.
    open_at_exit = re.findall(r'Open (?:file descriptor|AF_UNIX socket|.*) (\d+):.*\n(.*)', report)
    leaked = [number for number, origin in open_at_exit if '<inherited from parent>' not in origin]
    if ended.returncode == 99 or leaked or 'definitely lost' in report:
        return problems
    if ended.returncode != 0:
        return [ended.stdout[-3000:] + ended.stderr[-1000:]]
    ran = re.search(r'\[  PASSED  \] (\d+) tests?', ended.stdout)
    print(f'{executable}: {ran[1] if ran else 0} tests', flush=True)
    return [] if ran and int(ran[1]) > 0 else ['no test ran']


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('--all', action='store_true')
    arguments = parser.parse_args()
    if not shutil.which('valgrind'):
        print('skipped: there is no valgrind')
        return SKIPPED
    start = time.monotonic()
    failed = 0
    with tempfile.TemporaryDirectory() as directory:
        for executable, tests in (ALL if arguments.all else QUICK).items():
            problems = memcheck(executable, tests, Path(directory) / executable)
            failed += bool(problems)
            for problem in problems[:200]:
                print(f'{executable}: {problem}')
    print(f'{failed} executables with problems, {time.monotonic() - start:.0f} s')
    return 1 if failed else 0


if __name__ == '__main__':
    sys.exit(main())
