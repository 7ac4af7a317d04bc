"""`subscribe x | head -1` ends with its reader, and not with the next message; so do serve, connect, and
whoever waits for replies or measures."""
import os
import socket
import subprocess

from _support import HALLWAY, Hub, Peer, Process, Server, run, until


def pipe():
    return os.pipe()


def socket_pair():
    """What a shell of another kind, or inetd, gives as standard output."""
    ours, theirs = socket.socketpair()
    return ours.detach(), theirs.detach()


def start(ends, *words, stdin=subprocess.DEVNULL):
    reader, writer = ends()
    process = subprocess.Popen([HALLWAY, *words], stdout=writer, stdin=stdin, stderr=subprocess.PIPE)
    os.close(writer)
    return reader, process


def ends_with(reader, process):
    assert process.poll() is None
    os.close(reader)
    assert process.wait(30) == 0, process.stderr.read()


with Hub() as hub, Server('--no-print', '-v') as server, \
        Server('--no-print', '-v', '--type', 'datagram', address='./datagrams.sock') as datagrams:
    for ends in pipe, socket_pair:
        reader, subscriber = start(ends, 'subscribe', 'a', '--at', hub.address, '-v')
        while b'subscribed' not in subscriber.stderr.readline():
            pass
        run('publish', 'a', 'one', '--at', hub.address, check=0)
        assert os.read(reader, 100) == b'one\n'
        ends_with(reader, subscriber)

        reader, printing = start(ends, 'serve', './printing.sock')
        run('wait', './printing.sock', check=0)
        ends_with(reader, printing)
        assert not os.path.exists('printing.sock')

        reader, client = start(ends, 'connect', server.address, '-v', stdin=subprocess.PIPE)
        assert b'connected' in client.stderr.readline()
        ends_with(reader, client)

        # Who waits for a reply, in each way there is; the server has what was sent.
        for words in [['request', server.address, 'x'],
                      ['send', server.address, '--wait-reply=2', 'x', 'y'],
                      ['request', './datagrams.sock', 'x', '--type', 'datagram']]:
            asked = datagrams if '--type' in words else server
            before = len(asked.err.all)
            reader, waiting = start(ends, *words, '--timeout', '1h')
            until(lambda: any(b'received' in line for line in asked.err.all[before:]), 'the question')
            ends_with(reader, waiting)
        listening = Process('subscribe', 'question', '--at', hub.address, '-v')
        listening.says('subscribed')
        reader, waiting = start(ends, 'request', '--subject', 'question', 'x', '--at', hub.address, '--timeout', '1h')
        assert listening.out.next() == b'x'
        ends_with(reader, waiting)
        listening.kill()

        # Who measures, unless a report is asked for besides.
        reader, measuring = start(ends, 'bench', '--duration', '1h', '-v')
        while b'ready' not in measuring.stderr.readline():
            pass
        ends_with(reader, measuring)
        reader, measuring = start(ends, 'bench', '--duration', '200ms', '--report', 'page.html')
        os.close(reader)
        assert measuring.wait(30) == 0 and os.path.getsize('page.html') > 1000

    # A process that reads from a socket may write to it: that is not its end.
    reader, printing = start(socket_pair, 'serve', './printing.sock')
    run('wait', './printing.sock', check=0)
    os.write(reader, b'not for us')
    run('send', './printing.sock', 'x', check=0)
    assert os.read(reader, 100) == b'x\n'
    ends_with(reader, printing)

# What is not printed has no reader.
reader, silent = start(pipe, 'serve', './silent.sock', '--no-print', '--echo')
run('wait', './silent.sock', check=0)
os.close(reader)
peer = Peer('./silent.sock')
peer.send('x\n')
assert peer.line() == 'x\n'
silent.terminate()
assert silent.wait(30) == 0
