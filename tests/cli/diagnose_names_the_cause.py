"""`hallway diagnose` names the cause of each situation in _situations_*.py, made on the real kernel,
and docs/DIAGNOSE.md shows what it says.

usage: diagnose_names_the_cause.py [--write] [NAME...]

With --write the table of the page is made again. With names, only those situations are made.
"""

import json
import os
import subprocess
import sys
import traceback

import _situations_binding
import _situations_names
import _situations_namespaces
import _situations_permissions
import _situations_servers
from _diagnose_page import causes, check_page, row, write_page
from _situation import SITUATIONS
from _stage import Missing, Stage, kernel_answer
from _support import DEADLINE, HALLWAY, SKIPPED

EXIT_STATUS = {'healthy': 0, 'unreachable': 7, 'stuck': 28, 'denied': 77, 'wrong': 1}
MEMBERS = ['address', 'state', 'summary', 'findings', 'also', 'unseen']
MEMBERS_OF_FINDING = ['cause', 'certainty', 'sentence', 'evidence', 'fix']
CAUSES = [word for word, *_ in causes()]

# Each file declares its situations as it is imported.
FILES = (_situations_names, _situations_servers, _situations_permissions, _situations_namespaces,
         _situations_binding)


def diagnose(ask):
    ended = subprocess.run([HALLWAY, 'diagnose', *ask.words(), '--json'], capture_output=True,
                           stdin=subprocess.DEVNULL, timeout=DEADLINE, preexec_fn=ask.before,
                           env={**os.environ, **ask.env}, check=False)
    lines = ended.stdout.decode().splitlines()
    assert len(lines) == 1 and not ended.stderr, ended
    said = json.loads(lines[0])
    assert list(said) == MEMBERS, said
    for finding in said['findings'] + said['also']:
        assert list(finding) == MEMBERS_OF_FINDING and finding['cause'] in CAUSES, finding
    assert ended.returncode == EXIT_STATUS[said['state']], ended
    assert (said['state'] == 'healthy') == (not said['findings']), said
    return said


def check(situation, said, answer):
    cause, *also = situation.cause.split(', ')
    found = [finding['cause'] for finding in said['findings']]
    others = [finding['cause'] for finding in said['also']]
    assert found[:1] == ([] if cause == 'healthy' else [cause]), f'{cause} expected'
    assert set(also) <= {*found, *others}, f'{also} expected'
    if found:
        assert said['findings'][0]['certainty'] in situation.certainty, f'{situation.certainty} expected'
        assert said['findings'][0]['fix'], 'a remedy expected'
    assert answer in situation.kernel, f'the kernel answered {answer}, {situation.kernel} expected'


def make(situation):
    """Its row, or None if it cannot be made here; raises AssertionError."""
    with Stage(situation.name) as stage:
        ask = situation.make(stage)
        said = diagnose(ask)
        # Afterwards, because the client that asks the kernel is seen in the server's queue.
        answer = kernel_answer(ask.kernel_address or ask.address, ask.kind, ask.bind,
                               ask.kernel_before or ask.before)
        try:
            check(situation, said, answer)
        except AssertionError as failure:
            raise AssertionError(f'{failure}; {json.dumps(said, indent=1, ensure_ascii=False)}') from None
        return row(situation, said, answer, stage)


def make_all(names):
    rows, skipped, failed = {}, [], 0
    for situation in SITUATIONS:
        if names and situation.name not in names:
            continue
        try:
            rows[situation.name] = make(situation)
        except Missing as missing:
            skipped.append(f'{situation.name}: {missing}')
        except Exception as failure:  # pylint: disable=broad-except
            failed += 1
            print(f'{situation.name} ({situation.words}):', failure)
            if not isinstance(failure, AssertionError):
                traceback.print_exc()
    return rows, skipped, failed


def main():
    os.chmod('.', 0o755)
    names = [word for word in sys.argv[1:] if word != '--write']
    duplicates = len(SITUATIONS) - len({situation.name for situation in SITUATIONS})
    assert not duplicates, 'two situations have the same name'
    rows, skipped, failed = make_all(names)
    for line in skipped:
        print('skipped:', line)
    print(f'{len(rows)} situations made, {len(skipped)} skipped, {failed} failed')
    if failed:
        return 1
    if '--write' in sys.argv:
        assert not skipped and not names, 'the table needs all situations: run it as root'
        write_page(rows)
    elif not names:
        check_page(rows)
    return 0 if rows else SKIPPED


sys.exit(main())
