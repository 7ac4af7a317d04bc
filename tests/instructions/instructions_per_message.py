#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What a message costs in instructions of ours, and that it does not grow unseen.

    instructions_per_message.py EXCHANGE [--write]

Counts with callgrind what two runs of EXCHANGE differ in, per message: what comes before the first
and after the last falls out. Fails when a count is more than a tenth over the one in recorded.json,
which --write renews: a change that is worth its price says so by changing that file.
"""

import argparse
import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

RECORDED = Path(__file__).parent / 'recorded.json'
FEW, MANY = 4000, 12000
MOST_GROWTH = 1.10
SKIPPED = 77


def instructions(exchange, kind, messages):
    run = subprocess.run(
        ['valgrind', '--tool=callgrind', '--callgrind-out-file=/dev/null', exchange, kind,
         str(messages)], stderr=subprocess.PIPE, text=True, timeout=100)
    if run.returncode != 0:
        sys.exit(f'{kind} failed:\n{run.stderr}')
    return int(re.search(r'Collected : (\d+)', run.stderr).group(1))


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument('exchange')
    parser.add_argument('--write', action='store_true')
    options = parser.parse_args()
    if not shutil.which('valgrind'):
        print('skipped: there is no valgrind')
        sys.exit(SKIPPED)

    recorded = json.loads(RECORDED.read_text()) if RECORDED.exists() else {}
    measured = {}
    grown = False
    for kind in ('send', 'receive', 'echo', 'broadcast', 'publish'):
        cost = instructions(options.exchange, kind, MANY) - instructions(options.exchange, kind, FEW)
        measured[kind] = round(cost / (MANY - FEW), 1)
        before = recorded.get(kind, 0)
        grown = grown or measured[kind] > MOST_GROWTH * before
        print(f'{kind:10} {measured[kind]:8.1f} instructions a message, {before} recorded')
    if options.write:
        RECORDED.write_text(json.dumps(measured, indent=2) + '\n')
    elif grown:
        sys.exit('more than a tenth over what is recorded: see what it buys, and --write it then')


if __name__ == '__main__':
    main()
