"""--spin: whether, and for how long, a server polls for the next message before it sleeps."""
import os
import shutil

from _support import Server, run, skip

ROUNDS = 20
SILENCE = 0.05

if not shutil.which('strace'):
    skip('there is no strace')

# From the side (-D), so that signals go to the server itself.
TRACED = ('strace', '-D', '-f', '-qq', '-e', 'trace=sched_yield', '-o', 'trace')


def processor_time(pid):
    """Of a process since it began, in seconds."""
    fields = open(f'/proc/{pid}/stat').read().rpartition(')')[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf('SC_CLK_TCK')


def talk(*flags, **options):
    """A client that says something now and then. Gives the processor's time for it, in seconds."""
    with Server('--echo', *flags, **options) as server:
        client = server.connect()
        before = processor_time(server.pid)
        client.socket.settimeout(SILENCE)
        for number in range(ROUNDS):
            client.send(f'{number}\n')
            assert client.line() == f'{number}\n'
            try:
                client.socket.recv(1)
                raise AssertionError('more than the answer')
            except TimeoutError:
                pass
        return processor_time(server.pid) - before


def yields(*flags):
    """How often a traced server has given its core away between two looks."""
    # The leak sanitizer traces, too, and nobody is traced twice.
    talk(*flags, prefix=TRACED, env={'ASAN_OPTIONS': 'detect_leaks=0'})
    return sum('sched_yield' in line for line in open('trace'))


assert yields('--spin', 'off') == 0
assert yields('--spin', '1ms') > 0

for flags in [], ['--spin', 'off'], ['--spin', '100us']:
    spent = talk(*flags)
    assert spent < 0.2 * ROUNDS * SILENCE, (flags, spent)

assert b'or a duration' in run('serve', '--spin', 'sometimes', check=2).stderr
assert run('send', '--spin', 'off', './none.sock', 'x').returncode != 2
