"""--retry waits for a server that starts later, and says for how long it tried."""
import subprocess

from _support import Process, Server, run

for words in [['send', './server.sock', 'x'], ['request', './server.sock', 'x'], ['connect', './server.sock']]:
    failed = run(*words, '--retry', '50ms', check=7)
    assert b'there is no such socket (tried for 50ms)' in failed.stderr, failed

sending = Process('send', './server.sock', 'one', '--retry', '1m')
asking = Process('request', './server.sock', 'two', '--retry', '1m')
talking = Process('connect', './server.sock', '--retry', '1m', stdin=subprocess.PIPE)
assert [one.process.poll() for one in (sending, asking, talking)] == [None] * 3
with Server('--echo'):
    assert sending.status() == 0
    assert asking.status() == 0
    assert asking.out.rest() == [b'two']
    talking.type('three\n')
    assert talking.out.next() == b'three'
    talking.process.stdin.close()
    assert talking.status() == 0
