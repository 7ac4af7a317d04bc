"""request --subject sends a request to the subscribers of SUBJECT, and reports why there is no answer."""
import json

from _hub import HUBS, Responder
from _support import Process, run

for start in HUBS:
    with start() as hub:
        responder = Responder(hub, 'time.*')
        for words, question, printed in [
                (['now?'], 'now?', b'12:00\n'),
                (['-'], 'two\nlines', b'12:00\n'),
                (['now?', '--json'], 'now?', None)]:
            asking = Process('request', '--subject', 'time.now', *words, stdin=-1,
                             env={'HALLWAY_HUB': hub.address})
            asking.type('two\nlines\n')
            asking.process.stdin.close()
            reply, asked = responder.request()
            assert asked == question, asked
            responder.answer(reply, '12:00')
            assert asking.status() == 0
            answer = b'\n'.join(asking.out.rest()) + b'\n'
            if printed:
                assert answer == printed
            else:
                message = json.loads(answer)
                assert message['data'] == '12:00' and message['subject'] == reply

        at = ['--at', hub.address]
        nobody = run('request', '--subject', 'nobody.here', 'x', *at, check=1).stderr.decode()
        assert 'hallway: request: nobody.here: this subject has no subscribers' in nobody and 'hint: ' in nobody
        late = run('request', '--subject', 'time.never', 'x', *at, '--timeout', '1s', check=28)
        assert b'time.never' in late.stderr

        # A hub that goes away takes the question with it.
        asking = Process('request', '--subject', 'time.now', 'x', *at)
        responder.request()
        responder.request()
        hub.stop()
        assert asking.status() == 1
        assert asking.err.rest()[0].startswith(b'hallway: ')
