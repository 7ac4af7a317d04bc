"""Ctrl-C ends bench early, with what was measured; the server it started is gone, however it ends."""
import glob
import json
import os
import signal
import threading

from _bench import LineServer, nothing_is_left
from _support import Process, Server, until

LONG = ('--duration', '1h')

with Server('--echo', '--no-print', '-v') as server:
    size = 20
    for number in [signal.SIGINT, signal.SIGTERM]:
        for pace in [[], ['--rate', '1'], ['--rate', '100', '--pattern', 'stream']]:
            size += 1  # by which the server's words about this load are known
            load = Process('bench', server.address, *LONG, *pace, '--size', str(size), '--json')
            server.says(f'received: {size} bytes: 0')  # the first that is measured
            load.signal(number)
            assert load.status() == 0, load.err.rest()
            measured = json.loads(load.out.next())
            assert measured['answers'] == measured['sent'] > 0 and measured['lost'] == 0, measured
            assert measured['cut_short'] == 'stopped by a signal' and measured['seconds'] < 3000

# A second one does not wait for answers.
asked = threading.Event()


def never(line, number):
    asked.set()
    return []


silent = LineServer(never)
load = Process('bench', silent.address, *LONG, '--timeout', '1h')
assert asked.wait(30)
load.signal(signal.SIGINT)
load.signal(signal.SIGTERM)
assert load.status() in (128 + signal.SIGINT, 128 + signal.SIGTERM), load.err.rest()
assert load.out.rest() == []

# Its own server hears nothing of Ctrl-C, and ends with the load.
for number, status in [(signal.SIGINT, 0), (signal.SIGTERM, 0), (signal.SIGKILL, -signal.SIGKILL)]:
    load = Process('bench', *LONG, start_new_session=True)
    # By name: the thread sanitizer has a file of its own there while a program starts.
    until(lambda: glob.glob('temporary/*/server.sock'), 'the server')
    os.killpg(load.pid, number)
    assert load.status() in (status, -number), load.err.rest()
    until(nothing_is_left, 'the tidying up')

# And the load notices when the server is killed, and tidies up for it.
load = Process('bench', *LONG)
until(lambda: os.path.exists(f'/proc/{load.pid}/task/{load.pid}/children')
      and open(f'/proc/{load.pid}/task/{load.pid}/children').read() != '', 'the server')
child = int(open(f'/proc/{load.pid}/task/{load.pid}/children').read())
os.kill(child, signal.SIGKILL)
assert load.status() in (1, 7), load.err.rest()
assert nothing_is_left()
