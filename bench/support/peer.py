# SPDX-License-Identifier: Apache-2.0
"""What the Python programs share: the same options, sides, checks and line as the C++ ones."""

import argparse
import json
import mmap
import os
import pathlib
import shutil
import struct
import sys
import tempfile
import time

LAST = 2**64 - 1  # the number of a message that says: no more comes
WARM_UP = 200
NUMBER = struct.Struct('=Q')
LENGTH = struct.Struct('=I')
ACCOUNT = struct.Struct('=dddd4d')  # began, ended, CPU seconds, messages; p50, p99, mean, max


def options(**choices):
    """The options of every program, and --NAME with one of the words in `choices`, the first by default."""
    parser = argparse.ArgumentParser()
    for name, words in choices.items():
        parser.add_argument(f'--{name}', choices=words, default=words[0])
    parser.add_argument('--placement', choices=('split', 'same', 'unpinned'), default='split')
    parser.add_argument('--size', type=int, default=64)
    parser.add_argument('--count', type=int, default=0)
    parser.add_argument('--duration', type=float, default=0.2)
    return parser.parse_args()


def fail(why):
    print(f'{pathlib.Path(sys.argv[0]).name}: {why}', file=sys.stderr, flush=True)
    os._exit(1)


def pin(options, core):
    """To the processor of a side: 0 of the server's, 1 of the client's."""
    if options.placement != 'unpinned':
        os.sched_setaffinity(0, {0 if options.placement == 'same' else core})


class Side:
    """What one process measures between begin() and end()."""

    def __init__(self, account, ready):
        self._account = account
        self._ready = ready
        self._began = self._cpu = 0.0

    def ready(self):
        os.write(self._ready, b'r')

    def begin(self):
        self._began = time.monotonic()
        self._cpu = time.process_time()

    def end(self, messages, latencies=(0,)):
        ended, cpu = time.monotonic(), time.process_time() - self._cpu
        ordered = sorted(latencies)
        last = len(ordered) - 1
        self._account[:] = ACCOUNT.pack(
            self._began,
            ended,
            cpu,
            messages,
            ordered[last // 2] / 1e3,
            ordered[int(last * 0.99)] / 1e3,
            sum(ordered) / len(ordered) / 1e3,
            ordered[last] / 1e3,
        )


def run_halves(serve, ask):
    """Runs serve(side, options, path) and ask(...) in a process each, the second once the first is
    ready(). Their accounts, in this order."""
    chosen = options()
    directory = tempfile.mkdtemp(prefix='hallway-bench-')
    accounts, children = [], []
    try:
        for core, body in enumerate((serve, ask)):
            accounts.append(mmap.mmap(-1, ACCOUNT.size))
            wait, ready = os.pipe()
            child = os.fork()
            if child == 0:
                pin(chosen, core)
                body(Side(accounts[core], ready), chosen, f'{directory}/socket')
                os._exit(0)
            children.append(child)
            os.close(ready)
            if body is serve and not os.read(wait, 1):
                fail('the server ended before it was ready')
            os.close(wait)
        for child in children[::-1]:
            if os.waitpid(child, 0)[1] != 0:
                fail('a side failed')
    finally:
        shutil.rmtree(directory)
    return [ACCOUNT.unpack(account) for account in accounts]


def print_line(server, client, fields):
    count = int(server[3])
    if count < 1 or count != int(client[3]):
        fail('the two sides counted different numbers of messages')
    cpu = {'server': server[2] * 1e9 / count, 'client': client[2] * 1e9 / count}
    print(json.dumps({'count': count, **fields, 'cpu_ns': cpu, 'lost': 0}))


class RoundTrips:
    """The client's half of pingpong, whatever carries its messages."""

    def __init__(self, side, options):
        self._side, self._options = side, options
        self._filler = b'h' * (options.size - NUMBER.size)
        self._latencies = []
        self._next = self._asked = self._end = 0
        self._message = b''

    def question(self):
        self._message = NUMBER.pack(self._next) + self._filler
        self._asked = time.monotonic_ns()
        return self._message

    def answered(self, answer):
        """Checks an answer and notes how long it took. False when it was the last."""
        now = time.monotonic_ns()
        if answer != self._message:
            fail('this is not the answer to the question')
        if self._next >= WARM_UP:
            self._latencies.append(now - self._asked)
        self._next += 1
        if self._next == WARM_UP:
            self._side.begin()
            self._end = time.monotonic_ns() + int(self._options.duration * 1e9)
        count = self._options.count
        if self._next <= WARM_UP or (len(self._latencies) < count if count else now < self._end):
            return True
        self._side.end(len(self._latencies), self._latencies)
        return False


class Echoes:
    """The server's half: it counts what it sends back, until the client is gone."""

    def __init__(self, side, size):
        self._side, self._size, self._next = side, size, 0

    def asked(self, question):
        if self._next == WARM_UP:
            self._side.begin()
        if len(question) != self._size or NUMBER.unpack_from(question)[0] != self._next:
            fail('lost or out of order')
        self._next += 1

    def end(self):
        self._side.end(self._next - WARM_UP)


def run_round_trips(serve, ask):
    """The main function of a pingpong: serve and ask take (side, options, path)."""
    server, client = run_halves(serve, ask)
    p50, p99, mean, most = client[4:]
    fields = {'seconds': client[1] - client[0], 'value': p50, 'unit': 'us'}
    print_line(server, client, {**fields, 'p50': p50, 'p99': p99, 'mean': mean, 'max': most})


class Numbered:
    """The messages of oneway. Making and checking them must cost next to nothing beside moving them, or
    this is what is measured: they are made in advance, each carries its number modulo WINDOW, and the
    two sides compare how many there were. None contains a line feed."""

    WINDOW = 1024

    def __init__(self, size):
        self.window = [b'%08d' % number + b'h' * (size - 8) for number in range(self.WINDOW)]
        self.last = b'the last' + b'h' * (size - 8)


class Departures:
    """The client's half of oneway: iterating gives the messages, the last one included."""

    LOOK = 256  # messages between looks at the clock, and in a batch

    def __init__(self, side, options):
        self._side, self._options = side, options
        self._count = 0

    def batches(self):
        """Lists of messages."""
        numbered = Numbered(self._options.size)
        slices = [numbered.window[at : at + self.LOOK] for at in range(0, numbered.WINDOW, self.LOOK)]
        most = self._options.count - 1  # and the last one
        self._side.begin()
        end = time.monotonic() + self._options.duration
        turn = 0
        while self._count < most if most >= 0 else time.monotonic() < end:
            batch = slices[turn % len(slices)]
            if 0 <= most < self._count + self.LOOK:
                batch = batch[: most - self._count]
            yield batch
            self._count += len(batch)
            turn += 1
        self._count += 1
        yield [numbered.last]

    def __iter__(self):
        for batch in self.batches():
            yield from batch

    def end(self):
        self._side.end(self._count)


class Arrivals:
    """The server's half."""

    def __init__(self, side, size):
        self._side = side
        self._numbered = Numbered(size)
        # Twice, so that a batch which goes over the end is one slice.
        self._expected = self._numbered.window * 2
        self._at = self._count = 0

    def take(self, message):
        """Takes a message. False when it was the last: then everything has arrived."""
        if message == self._expected[self._at]:
            if self._count == 0:
                self._side.begin()
            self._count += 1
            self._at = self._count % Numbered.WINDOW
            return True
        return self._end(message)

    def take_all(self, batch):
        """Takes a list of messages. False when the last was among them."""
        if self._count == 0:
            self._side.begin()
        for first in range(0, len(batch), Numbered.WINDOW):
            some = batch[first : first + Numbered.WINDOW]
            if some != self._expected[self._at : self._at + len(some)]:
                return all(self.take(message) for message in some)
            self._count += len(some)
            self._at = self._count % Numbered.WINDOW
        return True

    def _end(self, message):
        if message != self._numbered.last:
            fail('lost or out of order')
        self._side.end(self._count + 1)
        return False


def run_one_way(receive, send):
    """The main function of a oneway: receive and send take (side, options, path)."""
    server, client = run_halves(receive, send)
    seconds = server[1] - client[0]
    print_line(
        server,
        client,
        {'seconds': seconds, 'value': server[3] / seconds, 'unit': 'messages/s'},
    )


def print_alone(rounds, messages):
    """The line of a program with one process: `rounds` are nanoseconds a message, of `messages` messages each."""
    typical = sorted(rounds)[len(rounds) // 2]
    count = len(rounds) * messages
    print(json.dumps({'count': count, 'seconds': sum(rounds) * messages / 1e9, 'value': typical, 'unit': 'ns',
                      'cpu_ns': {}, 'lost': 0}))
