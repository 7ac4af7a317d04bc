"""subscribe prints the subject before a payload where several subjects can match, and warns of "a.b*"."""
import json
import os

from _hub import HUBS
from _support import Process, Terminal, run

for start in HUBS:
    with start() as hub:
        at = ['--at', hub.address]

        def subscribed(*words):
            """The process, once the newline at --ready-fd says that the hub knows of it."""
            read_end, write_end = os.pipe()
            process = Process('subscribe', *at, *words, '--ready-fd', str(write_end), pass_fds=(write_end,))
            os.close(write_end)
            assert os.read(read_end, 10) == b'\n' and os.read(read_end, 10) == b'', 'closed'
            os.close(read_end)
            return process

        for words, printed in [
                (['a.*'], b'a.b: hi'), (['>'], b'a.b: hi'), (['a.b', 'other'], b'a.b: hi'),
                (['a.b'], b'hi'), (['a.*', '--raw'], b'hi'), (['a.b', 'other', '--raw'], b'hi')]:
            process = subscribed(*words, '--count', '1')
            run('publish', *at, 'a.b', 'hi', check=0)
            assert process.status() == 0
            assert process.out.rest() == [printed] and process.err.rest() == [], words

        # Programs have it in any case.
        process = subscribed('a.b', '--json', '--count', '1')
        run('publish', *at, 'a.b', 'hi', check=0)
        assert json.loads(process.out.next())['subject'] == 'a.b'

        # A subject is as untrusted as a payload.
        shown = Terminal('subscribe', *at, '-v', 'a.*', '--count', '1')
        shown.wait_for('subscribed')
        run('publish', *at, 'a.\x1b[31m', 'x', check=0)
        shown.wait_for('a.\\x1b[31m: x')
        assert shown.status() == 0

        # Such a token is no wildcard, which is said, and it works as what it is.
        process = subscribed('a.b*', '--count', '1')
        assert '"b*" matches only itself' in process.says('no wildcard: a.b*')
        run('publish', *at, 'a.b*', 'hi', check=0)
        assert process.status() == 0 and process.out.rest() == [b'hi']
        assert subscribed('a.*', '>', '--count', '1').err.all == []
