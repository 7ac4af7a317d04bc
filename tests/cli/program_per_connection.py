"""-- PROGRAM gets each connection as its input and output, and the peer in its environment."""
import os
import signal

from _support import Server, run

with Server('--', 'sh', '-c', 'env | grep -E "^(PROTO|IPC)" | sort; cat') as server:
    first, second = server.connect(), server.connect()
    for number, peer in enumerate([first, second], 1):
        environment = dict(peer.line().rstrip('\n').split('=', 1) for _ in range(6))
        assert environment == {
            'PROTO': 'IPC', 'IPCREMOTEEUID': str(os.geteuid()), 'IPCREMOTEEGID': str(os.getegid()),
            'IPCREMOTEPID': str(os.getpid()), 'IPCREMOTEPATH': '', 'IPCCONNNUM': str(number)}
    second.send('to the program\n')
    second.half_close()
    assert second.rest() == b'to the program\n'
    assert 'exit status 0' in server.says('connection 2: closed')
    first.close()

# It has nothing of ours but that and stderr.
with Server('--', 'ls', '/proc/self/fd') as server:
    peer = server.connect()
    assert peer.rest().split() == [b'0', b'1', b'2', b'3'], 'the last one is the listed directory'

# A drain asks it to finish, and waits for it.
script = 'trap "echo bye; exit 0" TERM; echo ready; while :; do sleep 0.01; done'
with Server('--', 'sh', '-c', script) as server:
    peer = server.connect()
    assert peer.line() == 'ready\n'
    server.signal(signal.SIGTERM)
    assert peer.rest() == b'bye\n'
    assert server.status() == 0

# One that does not listen is killed when the drain's time is up, with all that it started; and at
# once when the server is told a second time.
script = ('trap "echo asked" TERM; (trap "" TERM; exec sleep 1000) & '
          'echo ready; while :; do wait; done')
for impatient in [False, True]:
    with Server('--', 'sh', '-c', script) as server:
        peer = server.connect()
        assert peer.line() == 'ready\n'
        server.signal(signal.SIGTERM)
        assert peer.line() == 'asked\n'
        if impatient:
            server.signal(signal.SIGTERM)
        assert server.status() == (128 + signal.SIGTERM if impatient else 1)
        assert peer.rest() == b'', 'no process holds the connection'
        said = server.err.rest()  # nor the standard error that they were given
        assert impatient or b'the drain time is over' in said[-1], said
        assert impatient or any(b'not ended: 1 task in ' in line for line in said), said

# However one ends, the others are not concerned: not even by a real-time signal, which the C
# library has no words for.
with Server('--', 'sh') as server:
    stays, ends = server.connect(), server.connect()
    ends.send(f'kill -{signal.SIGRTMAX} $$\n')
    assert ends.rest() == b''
    assert f'signal {signal.SIGRTMAX.value} (real-time signal)' in server.says('connection 2: closed')
    stays.send('echo still there\n')
    assert stays.line() == 'still there\n'
    stays.half_close()
    assert stays.rest() == b''

with Server('--', '/nonexistent/program') as server:
    assert server.connect().rest() == b''
    assert '/nonexistent/program' in server.says('program failed')
    run('wait', server.address, check=0)
