"""Datagrams: senders with an address get answers, one without is reported, and nothing stops."""
import os
import socket

from _support import DEADLINE, Server, run

with Server('--type', 'datagram', '--echo', '--ack') as server:
    unbound = server.connect(socket.SOCK_DGRAM)
    unbound.send('no address')
    assert server.out.next() == b'no address'
    server.says('not answered')

    bound = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    bound.settimeout(DEADLINE)
    bound.bind('client.sock')
    bound.sendto(b'hello', server.address)
    assert bound.recv(100) == b'hello' and bound.recv(100) == b'__ACK__'
    bound.sendto(b'', server.address)
    assert bound.recv(100) == b'' and bound.recv(100) == b'__ACK__', 'an empty datagram is also one'

    talk = run('connect', server.address, '--type', 'datagram', stdin='a\nb\n', check=0)
    assert talk.stdout == b'a\n__ACK__\nb\n__ACK__\n'

# A client that does not read its answers does not stop the others for long.
with Server('--type', 'datagram', '--echo', '--timeout', '10ms') as server:
    for number in range(30):
        bound.sendto(b'%d' % number, server.address)
    assert run('request', server.address, 'me', '--type', 'datagram', check=0).stdout == b'me\n'
    server.says('not answered')
bound.close()

with Server('--type', 'datagram', '--max-message', '10') as server:
    peer = server.connect(socket.SOCK_DGRAM)
    peer.send('x' * 11)
    peer.send('x' * 10)
    assert server.out.next() == b'x' * 10
    server.says('larger than --max-message')

with Server('--type', 'datagram', '--allow', f'uid:{os.geteuid() + 1}', '--json') as server:
    peer = server.connect(socket.SOCK_DGRAM)
    peer.send('let me in')
    assert server.event('turned away')['peer']['uid'] == os.geteuid()
    server.stop()
    assert server.out.rest() == []
