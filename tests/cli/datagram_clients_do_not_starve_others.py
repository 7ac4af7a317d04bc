"""Datagram clients that read no answers, under ever new names, do not delay answers to others."""
import socket
import time

from _support import DEADLINE, Server, run


def client(name):
    made = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    made.settimeout(DEADLINE)
    made.bind(name)
    return made


def fill_up(name):
    """So that no answer fits into its queue."""
    crowd = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    crowd.setblocking(False)
    try:
        while True:
            crowd.sendto(b'full', name)
    except BlockingIOError:
        crowd.close()


# Each answer would wait for 10 s. One after the other, the last client would wait for minutes.
with Server('--type', 'datagram', '--echo', '--timeout', '10s') as server:
    deaf = []
    begun = time.monotonic()
    for number in range(100):
        deaf.append(client(f'deaf{number}'))
        fill_up(f'deaf{number}')
        deaf[-1].sendto(b'not read', server.address)
    assert run('request', server.address, 'me', '--type', 'datagram', check=0).stdout == b'me\n'
    assert time.monotonic() - begun < 9, 'no client waited for those that do not read'
    assert 'already wait for such clients' in server.says('not answered'), 'they are also bounded'
    # The one that reads after all gets what waited.
    while (answer := deaf[0].recv(100)) == b'full':
        pass
    assert answer == b'not read'
    for other in deaf:
        other.close()  # what waits for them ends at once

# A client that sends much before it reads is answered in order, as far as its line is long.
with Server('--type', 'datagram', '--echo', '--ack', '--timeout', '10s') as server:
    burst = client('burst')
    fill_up('burst')
    for number in range(5):
        burst.sendto(b'%d' % number, server.address)
    answers = []
    while len(answers) < 10:
        if (answer := burst.recv(100)) != b'full':
            answers.append(answer)
    assert answers == [part for n in range(5) for part in (b'%d' % n, b'__ACK__')], answers
    fill_up('burst')
    for number in range(20):
        burst.sendto(b'%d' % number, server.address)
    assert '16 answers already wait for it' in server.says('not answered')
    # A drain gives what waits its time.
    server.signal(15)
    answers = []
    while len(answers) < 16:
        if (answer := burst.recv(100)) != b'full':
            answers.append(answer)
    assert answers[:4] == [b'0', b'__ACK__', b'1', b'__ACK__'], answers
    assert server.status() == 0
    burst.close()

# Who never reads costs nothing but its own answers.
with Server('--type', 'datagram', '--echo', '--timeout', '20ms') as server:
    never = client('never')
    fill_up('never')
    never.sendto(b'1', server.address)
    server.says('not answered')
