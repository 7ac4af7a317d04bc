"""Flags that contradict each other are refused by name, before anything is changed."""
import os

from _support import run

for words, names in [
        (['serve', '--echo', '--handler', 'cat'], ['--echo', '--handler']),
        (['serve', '--type', 'seqpacket', '--framing', 'null'], ['--type', '--framing']),
        (['serve', '--type', 'datagram', '--broadcast'], ['datagram', '--broadcast']),
        (['serve', '--type', 'datagram', '--max-connections', '3'], ['--max-connections']),
        (['serve', '--type', 'datagram', '--hangup'], ['--hangup']),
        (['serve', '--type', 'datagram', '--exit-word', 'x'], ['--exit-word']),
        (['serve', '--type', 'datagram', '--once'], ['--once']),
        (['serve', '--type', 'datagram', '--sized'], ['--sized']),
        (['serve', '--type', 'datagram', '--', 'cat'], ['datagram', '--']),
        (['serve', '--sized', '--broadcast'], ['--sized', '--broadcast']),
        (['serve', '--full', 'wait'], ['--full', '--broadcast']),
        (['serve', '--handlers', '3'], ['--handlers', '--handler']),
        (['serve', '--handler-timeout', '3s'], ['--handler-timeout', '--handler']),
        (['serve', '--echo', '--', 'cat'], ['--', '--echo']),
        (['serve', '--stop-word', 'x', '--', 'cat'], ['--', '--stop-word']),
        (['serve', '--max-message', '6', '--ack'], ['--max-message', '--ack']),
        (['serve', '--max-message', '2', '--on', 'a=abc'], ['--max-message', '--on', '3 bytes']),
        (['serve', '--max-message', '2', '--on', 'abc=a'], ['--max-message', '--on']),
        (['serve', '--max-message', '0'], ['--max-message 0']),
        (['hub', '--max-message', '0'], ['--max-message 0']),
        (['serve', '--handler', 'cat', '--handler-timeout', '0'], ['--handler-timeout 0']),
        (['bench', '--duration', '0s'], ['--duration 0']),
        (['serve', '--timeout', '0.0001us'], ['--timeout 0.0001us', 'too short']),
        (['serve', '-q', '-v'], ['--quiet', '--verbose']),
        (['serve', 'exec:cat'], ['exec:cat']),
        (['connect', '--hex', '--json'], ['--hex', '--json']),
        (['connect', '@d', '--type', 'datagram', '--server-uid', '0'], ['datagram', '--server-uid']),
        (['connect', 'exec:cat', '--type', 'datagram'], ['datagram']),
        (['connect', 'exec:cat', '--retry', '1s'], ['--retry']),
        (['send', 'x', '--type', 'datagram', '--retry', '1s'], ['datagram', '--retry']),
        (['request', 'x', '--subject', 'a', '--retry', '1s'], ['--subject', '--retry']),
        (['send', 'x', '--sized'], ['--sized', '--wait-reply']),
        (['request', 'x', '--sized', '--type', 'datagram'], ['--sized', 'datagram']),
        (['wait', 'exec:cat'], ['exec:cat'])]:
    ended = run(*words, check=2, env={'HALLWAY_ADDRESS': './untouched'})
    line = ended.stderr.decode().splitlines()[0]
    assert all(name in line for name in names), (words, line)
assert os.listdir() == []
