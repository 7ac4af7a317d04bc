"""--handler-timeout kills a command with everything it started, reports it, and answers nothing."""
import os

from _support import Server, run, until


def alive(pid):
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    # The dead who wait for their parent do not count.
    return open(f'/proc/{pid}/stat').read().rsplit(') ', 1)[1][0] != 'Z'


COMMAND = 'echo $$ > pids; sleep 1000 & echo $! >> pids; wait'
with Server('--handler', COMMAND, '--handler-timeout', '200ms', '--ack') as server:
    assert run('request', server.address, 'x', check=0).stdout == b'__ACK__\n'
    assert 'longer than 200ms' in server.says('handler failed')
    pids = [int(word) for word in open('pids').read().split()]
    assert len(pids) == 2
    until(lambda: not any(alive(pid) for pid in pids), 'their end')
    assert run('request', server.address, 'still there', check=0).stdout == b'__ACK__\n'
