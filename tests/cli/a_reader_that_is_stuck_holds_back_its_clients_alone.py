"""Nobody reads standard output: its clients wait, and the loop, the log and signals go on."""
import os
import pty
import select
import signal
import subprocess

from _support import HALLWAY, Peer, run, until

LINE = b'x' * 99999 + b'\n'


def full_pipe():
    return os.pipe()


def stopped_terminal():
    master, slave = pty.openpty()
    os.write(master, b'\x13')  # Ctrl-S
    until(lambda: not select.select([], [slave], [], 0)[1], 'Ctrl-S')
    return master, slave


def refuses():
    """Whether the server refuses new clients, as it does once it drains."""
    try:
        Peer('./server.sock').close()
    except ConnectionError:
        return True
    return False


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
