"""LISTEN_*, NOTIFY_SOCKET and WATCHDOG_* end here: no handler, program or exec: child sees them."""
import os
import socket
import subprocess

from _support import DEADLINE, HALLWAY, Peer, atexit, run

LOOK = "env | grep -cE '^(LISTEN_|NOTIFY_|WATCHDOG_)' || true"

manager = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
manager.bind('notify.sock')
listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
listener.bind('server.sock')
listener.listen()

SERVICE = (f'exec 3<&{listener.fileno()}; LISTEN_PID=$$ LISTEN_FDS=1 LISTEN_FDNAMES=a '
           'NOTIFY_SOCKET=$PWD/notify.sock WATCHDOG_USEC=60000000 WATCHDOG_PID=$$ exec "$@"')


def service(*words):
    process = subprocess.Popen(['bash', '-c', SERVICE, 'bash', HALLWAY, *words],
                               pass_fds=(listener.fileno(),), stdout=subprocess.DEVNULL)
    atexit.register(process.kill)
    return process


for words in [['--handler', LOOK], ['--', 'sh', '-c', 'read line; ' + LOOK]]:
    server = service('serve', 'activation:a', '-q', *words)
    peer = Peer('server.sock')
    peer.send('look\n')
    assert peer.line() == '0\n'
    peer.close()
    server.terminate()
    assert server.wait(DEADLINE) == 0

open('look', 'w').write('#!/bin/sh\n' + LOOK)
os.chmod('look', 0o755)
given = {'LISTEN_PID': '1', 'LISTEN_FDS': '1', 'NOTIFY_SOCKET': '/x', 'WATCHDOG_USEC': '1'}
assert run('request', 'exec:./look', 'x', env=given, check=0).stdout == b'0\n'
