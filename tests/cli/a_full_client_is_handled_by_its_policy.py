"""--full decides what a broadcast does to a client that does not read."""
import json

from _support import Server

MESSAGE = 'x' * 60000 + '\n'

for policy in ['disconnect', 'drop-newest', 'drop-oldest']:
    with Server('--broadcast', '--ack', '--no-print', '--json', '--full', policy) as server:
        deaf, speaker = server.connect(), server.connect()
        server.says('"connection":2')
        for _ in range(300):
            speaker.send(MESSAGE)
            assert speaker.line() == '__ACK__\n', 'the speaker is not held up'
        if policy == 'disconnect':
            assert server.event('closed')['connection'] == 1
        speaker.close()
        deaf.close()
        server.stop()
        closed = [json.loads(line) for line in server.err.rest() if b'"closed"' in line]
        dropped = {event['connection']: event['counters']['dropped'] for event in closed}
        assert (dropped[1] > 0) == policy.startswith('drop'), dropped
