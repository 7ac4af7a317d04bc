"""wait --subject exits once the subject has subscribers at the hub, and leaves no failure in the hub's log."""
from _hub import DENYING, Subscriber
from _hub import Hub as BareHub
from _support import Hub, Process, run

# The hub need not be there yet.
early = Process('wait', './hub.sock', '--subject', 'jobs', '--timeout', '1m')
with Hub() as hub:
    late = run('wait', hub.address, '--subject', 'jobs', '--timeout', '1s', check=28).stderr.decode()
    assert 'jobs: 0 subscriptions within 1s, 1 expected' in late, late
    assert early.process.poll() is None
    two = Process('wait', '--subject', 'jobs', '--expect', '2', '-v', env={'HALLWAY_HUB': hub.address})
    Subscriber(hub, 'jobs', '--queue', 'workers')
    assert early.status() == 0
    assert two.process.poll() is None
    # All members of a group count, and so does what a wildcard covers.
    Subscriber(hub, 'jobs', '--queue', 'workers')
    assert two.status() == 0 and 'jobs: 2 subscriptions' in two.says('subscribers')
    Subscriber(hub, 'j.>')
    run('wait', hub.address, '--subject', 'j.k.l', check=0)

    # A server that greets sees a client that wanted nothing.
    run('wait', hub.address, check=0)
    closed = hub.says('connection')
    hub.stop()
    assert not [line for line in hub.err.rest() if b'reset' in line or b'before it had read' in line], closed

for words, says in [
        (['--expect', '2'], '--expect'), (['--subject', 'a.*'], '--subject a.*'),
        (['--subject', 'a', '--type', 'stream'], '--subject --type'),
        (['--subject', 'a', '--expect', '0'], '--expect 0')]:
    assert says in run('wait', './hub.sock', *words, check=2).stderr.decode(), words

with BareHub(config=DENYING) as hub:
    assert b'Permissions Violation' in run('wait', hub.address, '--subject', 'secret.a', check=77).stderr
