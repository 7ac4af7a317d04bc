"""subscribe --json shows the status and description that a server sends in place of an answer."""
import json

from _hub import HUBS, Subscriber
from _support import Peer

SAID = [
    (b'NATS/1.0 503\r\n\r\n', {'status': 503}),
    (b'NATS/1.0 100 Idle Heartbeat\r\nA: b\r\n\r\n',
     {'status': 100, 'description': 'Idle Heartbeat', 'header': {'A': ['b']}}),
    (b'NATS/1.0 odd\t\xff\r\n\r\n', {'status': 'odd', 'description_base64': '/w=='}),
    (b'NATS/1.0\r\nA: b\r\n\r\n', {'header': {'A': ['b']}}),
]

for start in HUBS:
    with start() as hub:
        subscriber = Subscriber(hub, 'a', '--json')
        peer = Peer(hub.address)
        assert peer.line().startswith('INFO {')
        peer.send(b'CONNECT {"verbose":false,"headers":true}\r\n')
        for header, shown in SAID:
            peer.send(b'HPUB a %d %d\r\n' % (len(header), len(header)) + header + b'\r\n')
            message = json.loads(subscriber.out.next())
            assert message == {'event': 'message', 'subject': 'a', **shown, 'data': ''}, message
