"""--handler gives a message to a command and answers with its output."""
import os
import signal

from _support import Server, run

with Server('--handler', 'tr a-z A-Z') as server:
    peer = server.connect()
    peer.send('one\ntwo\n')
    peer.half_close()
    assert peer.rest() == b'ONE\nTWO\n', 'in order'

# One newline is dropped and no more; nothing printed is no answer.
with Server('--handler', r'cat >/dev/null; printf "a\n\n"', '--framing', 'null') as server:
    assert run('request', server.address, 'x', '--framing', 'null', check=0).stdout == b'a\n\n'
with Server('--handler', 'true', '--ack') as server:
    assert run('request', server.address, 'x', check=0).stdout == b'__ACK__\n'

# It need not read its input, however much that is.
with Server('--handler', 'echo done') as server:
    assert run('request', server.address, '-', stdin='x' * 900000, check=0).stdout == b'done\n'

# A failing one is reported and answers nothing, not even what it printed.
with Server('--handler', 'echo half; exit 3', '--ack') as server:
    assert run('request', server.address, 'x', check=0).stdout == b'__ACK__\n'
    assert 'exit status 3' in server.says('connection 1: handler failed')
with Server('--handler', 'kill -9 $$', '--ack') as server:
    assert run('request', server.address, 'x', check=0).stdout == b'__ACK__\n'
    assert 'signal 9' in server.says('handler failed')

# A signal that the C library has no words for is told by its number, and ends nobody else.
with Server('--handler', f'kill -{signal.SIGRTMIN} $$', '--ack') as server:
    assert run('request', server.address, 'x', check=0).stdout == b'__ACK__\n'
    assert f'signal {signal.SIGRTMIN.value} (real-time signal)' in server.says('handler failed')
    assert run('request', server.address, 'x', check=0).stdout == b'__ACK__\n'

# The answer is complete when the command has ended, whatever it left behind: that holds the pipe,
# and would print more once the gate gives it a byte.
os.mkfifo('gate')
for words in [['--framing', 'null'], ['--type', 'datagram']]:
    command = '(head -c 1 gate >/dev/null; echo late) & seq 20000; echo the end'
    with Server('--handler', command, *words) as server:
        answer = run('request', server.address, 'x', *words, check=0).stdout
        assert answer.endswith(b'\n20000\nthe end\n') and answer.count(b'\n') == 20001
        with open('gate', 'w') as gate:
            gate.write('x')

for kind in ['seqpacket', 'datagram']:
    with Server('--handler', 'rev', '--type', kind) as server:
        assert run('request', server.address, 'abc', '--type', kind, check=0).stdout == b'cba\n'

# A word that --on knows is not the handler's business.
with Server('--handler', 'rev', '--on', 'abc=known') as server:
    assert run('request', server.address, 'abc', check=0).stdout == b'known\n'
