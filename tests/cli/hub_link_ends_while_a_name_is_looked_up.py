"""A name server that never answers delays neither the hub nor its end."""
import signal
import socket
import time

from _hostile_nats import Client
from _isolation import seeing
from _support import Hub, skip

silent = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
try:
    silent.bind(('127.0.0.77', 53))
except OSError as error:
    skip(f'no silent name server: {error}')
with open('resolv.conf', 'w') as file:
    file.write('nameserver 127.0.0.77\noptions timeout:30 attempts:5\n')
with open('nsswitch.conf', 'w') as file:
    file.write('hosts: files dns\n')

with Hub('--link', 'nats://no.such.host.example:4222', '--export', 'a',
         prefix=seeing('resolv.conf', 'nsswitch.conf')) as hub:
    silent.settimeout(30)
    silent.recv(512)  # it is asked
    client = Client(hub)
    client.subscribe('a', '1')
    client.publish('a', b'local')
    assert client.next()[4] == b'local'
    begin = time.monotonic()
    hub.signal(signal.SIGTERM)
    assert hub.status() == 0, hub.err.all
    # The name server would have had 150 s.
    assert time.monotonic() - begin < 20, time.monotonic() - begin
