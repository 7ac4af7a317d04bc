#!/usr/bin/env python3
"""Prints how long the steps of a fresh clone take, without a compiler cache, beside their goals.

usage: build_time.py [ci]

run, build and test are taken one after the other in one clone of HEAD: a row includes those above
it. ci is taken in a clone of its own. What a step prints goes to stderr. Ends with 1 if a goal is
missed.
"""

import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent

# The step, what is measured (wall: seconds, processor: seconds of all cores), and its goal.
GOALS = {
    'run': ('wall', 120),
    'build': ('processor', 12 * 60),
    'test': ('wall', 12 * 60),
    'ci': ('wall', 30 * 60),
}


def spent():
    """Wall and processor time until now; the latter of children that have ended."""
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return time.monotonic(), usage.ru_utime + usage.ru_stime


def serve(clone, environment):
    """Runs `./dev run` until it serves."""
    ready, ready_child = os.pipe()
    command = ['./dev', 'run', 'serve', str(clone / 'served.sock'), '--ready-fd', str(ready_child)]
    with subprocess.Popen(command, cwd=clone, env=environment, stdin=subprocess.DEVNULL,
                          stdout=sys.stderr, pass_fds=[ready_child]) as served:
        os.close(ready_child)
        is_ready = os.read(ready, 1) != b''
        os.close(ready)
        served.terminate()
    if not is_ready:
        sys.exit('build_time.py: ./dev run did not serve')


def take(step, clone, environment):
    if step == 'run':
        serve(clone, environment)
        return
    command = ['.ci/run'] if step == 'ci' else ['./dev', step]
    subprocess.run(command, cwd=clone, env=environment, stdin=subprocess.DEVNULL,
                   stdout=sys.stderr, check=True)


def in_words(seconds):
    return f'{int(seconds) // 60} min {int(seconds) % 60:2} s'


def measure(steps):
    """Takes the steps in one fresh clone. Yields each with the times since the first began."""
    environment = os.environ | {'CCACHE_DISABLE': '1'}
    with tempfile.TemporaryDirectory() as folder:
        clone = Path(folder) / 'hallway'
        subprocess.run(['git', 'clone', '--quiet', ROOT, clone], check=True)
        began = spent()
        for step in steps:
            take(step, clone, environment)
            now = spent()
            yield step, {'wall': now[0] - began[0], 'processor': now[1] - began[1]}


def main():
    if sys.argv[1:] not in ([], ['ci']):
        sys.exit(__doc__)
    missed = False
    print(f'{"step":12}{"wall":>14}{"processor":>14}  goal')
    for step, times in measure(sys.argv[1:] or ['run', 'build', 'test']):
        kind, goal = GOALS[step]
        missed = missed or times[kind] > goal
        command = '.ci/run' if step == 'ci' else f'./dev {step}'
        print(f'{command:12}{in_words(times["wall"]):>14}{in_words(times["processor"]):>14}'
              f'  {kind} {in_words(goal)}{" MISSED" if times[kind] > goal else ""}', flush=True)
    sys.exit(missed)


if __name__ == '__main__':
    main()
