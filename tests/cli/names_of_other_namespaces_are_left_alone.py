"""A socket that a server in another network namespace has bound, and does not listen on yet, is not
taken for dead; nor is a process named by a number of another pid namespace."""
import atexit
import os
import subprocess
import sys

from _support import DEADLINE, HALLWAY, Server, run, skip, until

if os.geteuid() != 0 or subprocess.run(['unshare', '-n', '-p', '-f', 'true'],
                                       capture_output=True).returncode != 0:
    skip('needs root and namespaces')

binder = '''
import socket, sys, time
s = socket.socket(socket.AF_UNIX, getattr(socket, sys.argv[2]))
s.bind(sys.argv[1])
print(flush=True)
sys.stdin.read()
'''


def elsewhere(*words, namespaces=('-n',)):
    started = subprocess.Popen(['unshare', *namespaces, *words], stdin=subprocess.PIPE,
                               stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    atexit.register(started.kill)
    return started


for kind, verb, name in (('SOCK_STREAM', 'serve', './a'), ('SOCK_SEQPACKET', 'serve', './b'),
                         ('SOCK_STREAM', 'hub', './c')):
    starting = elsewhere(sys.executable, '-c', binder, name, kind)
    assert starting.stdout.readline() == b'\n'
    inode = os.stat(name).st_ino
    flags = ('--type', 'seqpacket') if kind == 'SOCK_SEQPACKET' else ()
    refused = run(verb, name, *flags, check=1)
    assert b'has not started listening yet' in refused.stderr, refused
    assert os.stat(name).st_ino == inode
    starting.stdin.close()
    starting.wait(DEADLINE)
    # Once it is dead, and only then, it is replaced, as what any program left is.
    with Server('--ack', *flags, address=name):
        if not flags:
            assert run('request', name, 'x', check=0).stdout == b'__ACK__\n'

# In its own pid namespace this one is number 1 or 2, which is somebody else here.
inside = elsewhere(HALLWAY, 'serve', './d', namespaces=('-p', '-f', '--mount-proc', '--kill-child'))
until(lambda: os.path.exists('d') and run('wait', './d', '--timeout', '100ms').returncode == 0,
      'a server in a pid namespace')
refused = run('serve', './d', check=1)
assert b'in use by a process in another pid namespace' in refused.stderr, refused
