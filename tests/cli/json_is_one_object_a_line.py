"""With --json every line is an object: messages on stdout, events and failures on stderr."""
import json
import os

from _support import Server, run

with Server('--json', '-v', '--ack') as server:
    peer = server.connect()
    peer.send(b'text \xc3\xa9\x1b\n\xff\xfe\n')
    assert peer.line() == '__ACK__\n'
    peer.half_close()
    peer.rest()
    assert json.loads(server.out.next()) == {'event': 'message', 'connection': 1,
                                             'data': 'text \u00e9\x1b'}
    assert json.loads(server.out.next()) == {'event': 'message', 'connection': 1,
                                             'data_base64': '//4='}
    closed = server.event('closed')
    assert closed['connection'] == 1 and closed['process'] == 'hallway'
    assert closed['pid'] == server.pid and closed['time'].endswith('Z')
    assert closed['counters']['messages_received'] == 2
    assert server.event('listening')['address'] == 'unix:./server.sock'
    assert server.event('connected')['peer']['pid'] == os.getpid()
    server.stop()
    events = [json.loads(line)['event'] for line in server.err.rest()]
    assert events == ['sandbox', 'listening', 'connected', 'received', 'sent', 'received', 'sent', 'closed',
                      'stopped'], events

with Server('--echo') as server:
    reply = run('request', server.address, 'hi', '--json', check=0)
    assert json.loads(reply.stdout) == {'event': 'message', 'data': 'hi'}
    talk = run('connect', server.address, '--json', stdin='one\ntwo\n', check=0)
    assert [json.loads(line)['data'] for line in talk.stdout.splitlines()] == ['one', 'two']

failed = json.loads(run('request', './nothing', 'x', '--json', check=7).stderr)
assert failed['event'] == 'error' and failed['exit'] == 7 and failed['what'] == 'connect'
assert failed['subject'] == 'unix:./nothing' and failed['why'] and failed['hint']
