"""If standard output is not read, the clients that print wait; the loop, the log and signals go on."""
import os
import select
import signal
import subprocess

from _support import HALLWAY, Peer, refuses, run, stopped_terminal, until

LINE = b'x' * 99999 + b'\n'


def full_pipe():
    return os.pipe()


for ends in full_pipe, stopped_terminal:
    reader, writer = ends()
    server = subprocess.Popen([HALLWAY, 'serve', './server.sock', '-v', '--exit-word', 'exit'], stdout=writer,
                              stderr=subprocess.PIPE)
    os.close(writer)
    run('wait', './server.sock', check=0)
    peer = Peer('./server.sock')
    sent = 0
    while sent < 200:  # far more than waits anywhere
        if not select.select([], [peer.socket], [], 1)[1]:
            break
        peer.socket.send(LINE)
        sent += 1
    assert sent < 200, 'a client is held back'
    other = Peer('./server.sock')
    other.send(b'exit\n')
    assert other.rest() == b'', 'the loop goes on'
    # It drains, and a second signal ends it.
    server.send_signal(signal.SIGTERM)
    until(refuses, 'draining')
    server.send_signal(signal.SIGTERM)
    said = server.communicate(timeout=30)[1]
    assert server.returncode == 128 + signal.SIGTERM, (ends, server.returncode, said)
    assert b'connection' in said
    os.close(reader)

# One signal is enough: what nobody takes is given up when the time for draining is over.
reader, writer = full_pipe()
server = subprocess.Popen([HALLWAY, 'serve', './server.sock'], stdout=writer, stderr=subprocess.PIPE)
os.close(writer)
run('wait', './server.sock', check=0)
run('send', './server.sock', '-', stdin=b'x' * 500000, check=0)
server.terminate()
said = server.communicate(timeout=60)[1]
assert server.returncode == 1 and b'hallway: ' in said, (server.returncode, said)
os.close(reader)
