"""With any umask a server that was killed can start again, and the error of a second one is right."""
import os
import signal
import subprocess

from _support import HALLWAY, Server, run

ordinary = ()
if os.geteuid() == 0:
    # Root may open what has no permissions at all.
    os.chmod('.', 0o777)
    ordinary = ('setpriv', '--reuid', '5000', '--regid', '5000', '--clear-groups')
    if subprocess.run([*ordinary, HALLWAY, '--version'], capture_output=True).returncode != 0:
        ordinary = ()

for mask in 0o777, 0o377, 0o400:
    prefix = ('sh', '-c', f'umask {mask:o} && exec "$@"', 'sh', *ordinary)
    for flags in (), ('--takeover',):
        server = Server('--echo', *flags, prefix=prefix)
        assert os.stat('server.sock.lock').st_mode & 0o777 == 0o600
        if flags:
            assert os.stat('server.sock.control').st_mode & 0o777 == 0o600
        second = subprocess.run([*prefix, HALLWAY, 'serve', './server.sock'], capture_output=True)
        assert b'in use by pid' in second.stderr, second
        server.signal(signal.SIGKILL)
        server.status()
        with Server('--echo', prefix=prefix) as again:
            peer = again.connect()
            peer.send('hello\n')
            assert peer.line() == 'hello\n'
            peer.close()

# What a killed server of an older version left.
os.close(os.open('server.sock.lock', os.O_CREAT | os.O_WRONLY, 0))
with Server('--echo') as again:
    assert run('request', './server.sock', 'x', check=0).stdout == b'x\n'
