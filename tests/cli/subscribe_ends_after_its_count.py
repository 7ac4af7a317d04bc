"""subscribe shares messages with its group, ends after --count, and drains on a signal."""
import signal
import subprocess

from _hub import HUBS, Subscriber
from _support import DEADLINE, Terminal, run

for start in HUBS:
    with start() as hub:
        at = ['--at', hub.address]

        # --count: of all subjects together.
        two = Subscriber(hub, 'a', 'b', '--count', '2')
        for subject in 'abab':
            run('publish', *at, subject, subject, check=0)
        assert two.status() == 0 and two.out.rest() == [b'a: a', b'b: b']

        # --queue: each message goes to one of the group; whoever counts takes none for nothing.
        first = Subscriber(hub, 'jobs', '--queue', 'workers', '--count', '3')
        second = Subscriber(hub, 'jobs', '--queue', 'workers', '--count', '3')
        run('publish', *at, 'jobs', *'123456', check=0)
        assert first.status() == 0 and second.status() == 0
        assert sorted(first.out.rest() + second.out.rest()) == [b'1', b'2', b'3', b'4', b'5', b'6']

        # SIGTERM: what has arrived is printed, and the status is 0.
        for number in (signal.SIGINT, signal.SIGTERM):
            listening = Subscriber(hub, 'a')
            run('publish', *at, 'a', *map(str, range(1000)), check=0)
            listening.signal(number)
            assert listening.status() == 0
            assert listening.out.rest() == [str(n).encode() for n in range(1000)]

        # A reader who has seen enough is no failure.
        pipeline = subprocess.Popen(
            ['bash', '-o', 'pipefail', '-c',
             f'"$HALLWAY" subscribe --at {hub.address} a -v | head -n 1'],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        while b'subscribed' not in (line := pipeline.stderr.readline()):
            assert line, 'it ended'
        run('publish', *at, 'a', 'seen', check=0)
        assert pipeline.stdout.readline() == b'seen\n'
        run('publish', *at, 'a', 'unseen', check=0)
        assert pipeline.wait(DEADLINE) == 0

        # Nothing that is published can move the cursor.
        shown = Terminal('subscribe', '--at', hub.address, '-v', 'a', '--count', '1')
        shown.wait_for('subscribed')
        run('publish', *at, 'a', 'red \x1b[31m', check=0)
        shown.wait_for('red \\x1b[31m')
        assert shown.status() == 0
