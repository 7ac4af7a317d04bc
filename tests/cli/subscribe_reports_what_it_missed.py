"""A subscriber that stands still delays no other client, and learns exactly how many messages it missed."""
import re
import signal

from _hub import Hub, Subscriber
from _support import run

MANY = 20_000
SIZE = 1000

for policy, last_is_there in [('drop-oldest', True), ('drop-newest', False)]:
    with Hub() as hub:
        at = ['--at', hub.address]
        subscriber = Subscriber(hub, 'a', '--full', policy)
        subscriber.signal(signal.SIGSTOP)
        lines = ''.join(f'{number:0{SIZE}}\n' for number in range(MANY))
        run('publish', *at, 'a', '-', stdin=lines, check=0)
        subscriber.signal(signal.SIGCONT)
        subscriber.says('a: lost ')
        # Whatever waited is there before this.
        run('publish', *at, 'a', 'the end', check=0)
        subscriber.out.wait(lambda: b'the end' in subscriber.out.all, 'the end')
        subscriber.signal(signal.SIGTERM)
        assert subscriber.status() == 0
        heard = [int(line) for line in subscriber.out.all if line.isdigit()]
        lost = sum(int(count) for count in
                   re.findall(rb'lost (\d+) messages? \(this subscriber was too slow\)', b'\n'.join(subscriber.err.all)))
        assert lost > 0 and len(heard) + lost == MANY, (policy, len(heard), lost)
        assert heard == sorted(heard) and heard[0] == 0
        assert (heard[-1] == MANY - 1) == last_is_there, (policy, heard[-1])
