"""reply answers requests: with what was asked, with a text, or with the output of a command."""
import json
import os
import signal

from _hub import DENYING, HUBS, Hub
from _support import Hub as HubCommand
from _support import Process, run, until


RUNNING = []


class Replying(Process):
    """hallway reply, once the hub knows of it."""

    def __init__(self, hub, *words, **options):
        super().__init__('reply', '--at', hub.address, '-v', *words, **options)
        RUNNING.append(self)
        self.says('"event":"subscribed"' if '--json' in words else 'subscribed')


def ask(hub, subject, text, *words, check=0):
    return run('request', '--at', hub.address, '--subject', subject, text, *words, check=check)


with open('input', 'w') as file:
    file.write('two\nlines\n')
for start in HUBS:
    with start() as hub:
        # Without anything else: what was asked.
        with_echo = Replying(hub, 'echo.*')
        assert ask(hub, 'echo.a', 'one').stdout == b'one\n'
        assert ask(hub, 'echo.b', '').stdout == b'\n'
        # A message that nobody waits for an answer to is no request.
        run('publish', '--at', hub.address, 'echo.c', 'x', check=0)
        with_echo.says('no request')
        assert ask(hub, 'echo.a', 'two').stdout == b'two\n'
        with_echo.signal(signal.SIGTERM)
        assert with_echo.status() == 0 and with_echo.out.rest() == []

        # A text, which may be empty.
        Replying(hub, 'name', 'the kitchen')
        Replying(hub, 'nothing', '')
        assert ask(hub, 'name', 'who?').stdout == b'the kitchen\n'
        assert ask(hub, 'nothing', 'what?').stdout == b'\n'

        Replying(hub, 'typed', '-', stdin=open('input', 'rb'))
        assert ask(hub, 'typed', 'x').stdout == b'two\nlines\n'

        # A command, with the request on its input; only one final newline is not part of the answer.
        upper = Replying(hub, 'upper', '--handler', 'tr a-z A-Z; echo; echo')
        assert ask(hub, 'upper', 'abc').stdout == b'ABC\n\n'
        Replying(hub, 'silent', '--handler', 'true')
        assert ask(hub, 'silent', 'abc').stdout == b'\n', 'an empty answer is one'
        Replying(hub, 'where.*', '--handler', 'printf "%s %s" "$HALLWAY_SUBJECT" "$HALLWAY_REPLY"')
        answer = json.loads(ask(hub, 'where.x', '', '--json').stdout)
        assert answer['data'] == f'where.x {answer["subject"]}', answer

        # A failure is answered at once, and the requester is told.
        failing = Replying(hub, 'fails', '--handler', 'echo half; exit 3')
        failed = ask(hub, 'fails', 'x', check=1)
        assert failed.stdout == b'' and b'the responder failed: exit status 3' in failed.stderr, failed
        assert 'exit status 3' in failing.says('handler failed')
        Replying(hub, 'slow', '--handler', 'sleep 60', '--handler-timeout', '50ms')
        assert b'it took longer than 50ms' in ask(hub, 'slow', 'x', check=1).stderr

        # --count: of requests.
        twice = Replying(hub, 'twice', 'yes', '--count', '2')
        run('publish', '--at', hub.address, 'twice', 'no request', check=0)
        assert ask(hub, 'twice', 'a').stdout == b'yes\n'
        assert ask(hub, 'twice', 'b').stdout == b'yes\n'
        assert twice.status() == 0

        # --queue: each request goes to one of the group.
        first = Replying(hub, 'shared', '--queue', 'g', '--count', '2', '1st')
        second = Replying(hub, 'shared', '--queue', 'g', '--count', '2', '2nd')
        answers = [ask(hub, 'shared', 'x').stdout for _ in range(4)]
        assert sorted(answers) == [b'1st\n', b'1st\n', b'2nd\n', b'2nd\n'], answers
        assert first.status() == 0 and second.status() == 0

        # At most --handlers run at once, and a stop waits for those that run.
        os.mkfifo('gate')
        command = 'read word; echo "$word" >> begun; head -c 1 gate >/dev/null; echo "$word"'
        busy = Replying(hub, 'busy', '--handler', command, '--handlers', '2')
        asking = [Process('request', '--at', hub.address, '--subject', 'busy', word) for word in 'abc']
        until(lambda: os.path.exists('begun') and len(open('begun').read().split()) == 2, 'two')
        gate = os.open('gate', os.O_RDWR)
        os.write(gate, b'x')
        until(lambda: len(open('begun').read().split()) == 3, 'the third')
        busy.signal(signal.SIGTERM)
        os.write(gate, b'xx')
        assert busy.status() == 0, busy.err.rest()
        assert [one.status() for one in asking] == [0, 0, 0]
        os.close(gate)
        os.unlink('gate')
        os.unlink('begun')

        # A second signal kills what runs.
        stuck = Replying(hub, 'stuck', '--handler', 'echo $$ > pid; exec sleep 60')
        Process('request', '--at', hub.address, '--subject', 'stuck', 'x')
        pid = until(lambda: os.path.exists('pid') and open('pid').read().strip(), 'a process')
        stuck.signal(signal.SIGTERM)
        stuck.signal(signal.SIGINT)
        stuck.status()
        until(lambda: not os.path.exists(f'/proc/{pid}') or
              open(f'/proc/{pid}/stat').read().split()[2] == 'Z', 'its end')
        os.unlink('pid')

        # --ready-fd: once the hub knows of it; --json: events on stderr.
        read_end, write_end = os.pipe()
        ready = Process('reply', '--at', hub.address, 'ready', 'yes', '--json', '-v', '--ready-fd',
                        str(write_end), pass_fds=(write_end,))
        os.close(write_end)
        assert os.read(read_end, 10) == b'\n' and os.read(read_end, 10) == b''
        os.close(read_end)
        assert ask(hub, 'ready', 'q').stdout == b'yes\n'
        assert ready.event('received')['data'] == 'q' and ready.event('sent')['data'] == 'yes'

    # They would answer for the next hub at this address.
    while RUNNING:
        RUNNING.pop().kill()

    # Where the answer goes is the choice of who asks: a place that is denied ends nothing.
    with start(config=DENYING) as hub:
        denied = Replying(hub, 'open.a', 'yes')
        run('publish', '--at', hub.address, 'open.a', 'x', '--reply', 'secret.b', check=0)
        denied.says('not answered')
        assert ask(hub, 'open.a', 'x').stdout == b'yes\n'
        assert b'Permissions Violation' in run('reply', '--at', hub.address, 'secret.a', check=77).stderr

for words, says in [
        (['reply'], 'SUBJECT'), (['reply', 'a', 'b', 'c'], 'SUBJECT'), (['reply', 'a..b'], 'a..b'),
        (['reply', 'a', 'text', '--handler', 'true'], 'TEXT --handler'),
        (['reply', 'a', '--handlers', '2'], '--handlers'),
        (['reply', 'a', '--count', '0'], '--count 0'), (['reply', 'a', '--queue', 'b c'], '--queue b c')]:
    assert says in run(*words, check=2).stderr.decode(), words

# What the hub states about the publisher is in the handler's environment, and nothing else.
with open('hub.toml', 'w') as file:
    file.write('[hub]\nstamped = ["who.>"]\n')
with HubCommand('--config', 'hub.toml') as hub:
    show = 'echo "$HALLWAY_UID,$HALLWAY_PID,$HALLWAY_EXECUTABLE"'
    Replying(hub, 'who.am.i', '--handler', show, env={'HALLWAY_UID': 'inherited'})
    Replying(hub, 'plain', '--handler', show, env={'HALLWAY_UID': 'inherited'})
    uid, pid, executable = ask(hub, 'who.am.i', '').stdout.decode().strip().split(',')
    assert uid == str(os.geteuid()) and pid.isdigit() and executable.endswith('hallway'), executable
    assert ask(hub, 'plain', '').stdout == b',,\n'

# A restart of the hub ends no responder.
with Hub() as hub:
    again = Replying(hub, 'again', 'yes')
    hub.stop()
    again.says('disconnected')
    hub.start()
    again.says('reconnected')
    assert ask(hub, 'again', 'x').stdout == b'yes\n'
