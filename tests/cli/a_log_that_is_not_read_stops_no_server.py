"""If standard error is full or stopped, lines are dropped and counted: no client waits, no signal is lost."""
import fcntl
import os
import re
import signal
import subprocess

from _support import DEADLINE, HALLWAY, Peer, refuses, run, stopped_terminal, until

F_SETPIPE_SZ = 1031


def small_pipe():
    reader, writer = os.pipe()
    fcntl.fcntl(writer, F_SETPIPE_SZ, 4096)
    return reader, writer


def start(verb, error, *flags):
    server = subprocess.Popen([HALLWAY, verb, './server.sock', *flags], stderr=error,
                              stdout=subprocess.DEVNULL, stdin=subprocess.DEVNULL)
    os.close(error)
    run('wait', './server.sock', '-q', check=0)
    return server


def ask(verb, peer):
    if verb == 'hub':
        peer.send('PING\r\n')
        while peer.line() != 'PONG\r\n':
            pass
    else:
        peer.send('x\n')
        assert peer.line() == 'x\n'


for verb, flags in ('serve', ('--echo', '--no-print')), ('hub', ()):
    for end in small_pipe, stopped_terminal:
        reader, error = end()
        server = start(verb, error, '-vv' if verb == 'serve' else '-v', *flags)
        honest = Peer('./server.sock')
        for _ in range(300):
            peer = Peer('./server.sock')
            ask(verb, peer)
            peer.close()
        ask(verb, honest)
        server.terminate()
        assert server.wait(DEADLINE) == 0, (verb, end)
        os.close(reader)

# A second signal ends a server that drains at once, whatever its log does.
reader, error = small_pipe()
server = start('serve', error, '-vv', '--handler', 'sleep 600')
busy = Peer('./server.sock')
busy.send('x' * 100000 + '\n')
until(lambda: subprocess.run(['pgrep', '-P', str(server.pid)], stdout=subprocess.DEVNULL).returncode == 0,
      'the handler')
server.terminate()
until(refuses, 'draining')
server.terminate()
status = server.wait(DEADLINE)
assert status == 128 + signal.SIGTERM, (status, os.read(reader, 1 << 20)[-300:])
os.close(reader)

# What was dropped is counted where it is missing, as soon as there is room.
reader, error = small_pipe()
server = start('serve', error, '-vv', '--echo', '--no-print', '--max-message', '4M')
peer = Peer('./server.sock')
for _ in range(8):
    peer.send('x' * 1000000 + '\n')
    assert len(peer.line()) == 1000001
ask('serve', peer)
said = b''
while b' dropped' not in said or b'received: 1 byte: x' not in said:
    said += os.read(reader, 1 << 20)
missing = int(re.search(rb'log: (\d+) log lines? dropped', said)[1])
whole = said.count(b'1000000 bytes: ')
assert missing + whole == 16, (missing, whole)
assert said.index(b' dropped') < said.index(b'received: 1 byte: x')
server.terminate()
while os.read(reader, 1 << 20):
    pass
assert server.wait(DEADLINE) == 0
