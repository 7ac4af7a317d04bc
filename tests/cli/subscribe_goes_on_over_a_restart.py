"""After a restart of the hub its subscribers are subscribed again, and report that."""
import signal

from _hub import HUBS, Subscriber
from _support import Process, run

for start in HUBS:
    with start() as hub:
        at = ['--at', hub.address]
        listening = Subscriber(hub, 'a', '--count', '3')
        run('publish', *at, 'a', 'before', check=0)
        assert listening.out.next() == b'before'
        typing = Process('publish', *at, 'a', '-', stdin=-1)
        typing.type('typed before\n')
        assert listening.out.next() == b'typed before'
        # A message that the hub has not confirmed ends the publisher. What the hub has confirmed to the
        # next client, it has confirmed before.
        run('publish', *at, 'b', 'nothing', check=0)

        hub.stop()
        listening.says('disconnected')
        typing.says('disconnected')
        hub.start()
        listening.says('reconnected to unix:')
        typing.says('reconnected to unix:')
        # That it asked for its subjects again was written with that.
        typing.type('typed after\n')
        assert listening.status() == 0 and listening.out.rest() == [b'typed after']
        typing.process.stdin.close()
        assert typing.status() == 0

        # While it is away, whoever is asked to end does so at once.
        waiting = Subscriber(hub, 'a')
        hub.stop()
        waiting.says('disconnected')
        waiting.signal(signal.SIGTERM)
        assert waiting.status() == 0
