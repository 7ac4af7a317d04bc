"""bench measures each pattern, on a server that it starts and on a running one, and leaves nothing behind."""
from _bench import BRIEF, measure, nothing_is_left
from _support import Server, run

QUANTILES = ['min', 'p50', 'p90', 'p99', 'p99.9', 'max']


def is_sound(measured, receivers=1):
    """Whether everything that was sent came back, and the figures agree with each other."""
    assert measured['event'] == 'measured'
    assert measured['answers'] == measured['sent'] * receivers > 0, measured
    assert measured['lost'] == measured['reordered'] == measured['repeated'] == 0, measured
    assert measured['cut_short'] is None and measured['unsent'] == 0
    assert abs(measured['rate'] * measured['seconds'] / measured['answers'] - 1) < 1e-6
    assert measured['bytes_per_second'] == measured['rate'] * measured['size']
    latencies = [measured['latency_us'][name] for name in QUANTILES]
    assert latencies == sorted(latencies) and latencies[0] > 0, latencies
    assert measured['latency_us']['min'] <= measured['latency_us']['mean'] <= latencies[-1]
    assert measured['intervals'][0]['begin'] == 0
    assert 0 < sum(interval['answers'] for interval in measured['intervals']) <= measured['answers']
    assert measured['busy_cores']['load'] > 0


for pattern in ['pingpong', 'stream', 'connect']:
    own = measure('--pattern', pattern, *BRIEF)
    is_sound(own)
    assert own['pattern'] == pattern and own['address'] is None and own['size'] == 64
    assert own['seconds'] >= 0.3 and own['connections'] == 1 and own['asked_rate'] is None
    assert own['busy_cores']['server'] > 0
    for flags in [['--connections', '7', '--size', '1'], ['--size', '100K', '--framing', 'len32be'],
                  ['--type', 'seqpacket', '--size', '15']]:
        is_sound(measure('--pattern', pattern, *BRIEF, *flags))

own = measure('--pattern', 'broadcast', *BRIEF)
is_sound(own, receivers=7)
assert own['connections'] == 8
is_sound(measure('--pattern', 'broadcast', '--connections', '2', '--type', 'seqpacket', *BRIEF))
assert nothing_is_left()

with Server('--echo', '--no-print', '-q') as server:
    for pattern in ['pingpong', 'stream', 'connect']:
        measured = measure(server.address, '--pattern', pattern, '--connections', '3', *BRIEF)
        is_sound(measured)
        assert measured['address'] == 'unix:./server.sock' and measured['connections'] == 3
        assert measured['busy_cores']['server'] is None

# Who broadcasts may be answered, too.
for answers in [[], ['--ack']]:
    with Server('--broadcast', '--no-print', '-q', *answers, address='@bench') as server:
        is_sound(measure(server.address, '--pattern', 'broadcast', '--connections', '4', *BRIEF),
                 receivers=3)

# By a clock: as many as were due, each connection with its share of them.
measured = measure('--rate', '500', '--connections', '5', '--pattern', 'stream', '--duration', '1s')
assert measured['asked_rate'] == 500 and measured['sent'] + measured['unsent'] == 500, measured

assert b'ready: 2 connections to unix:' in run('bench', *BRIEF, '-v', '--connections', '2').stderr

# For people.
shown = run('bench', *BRIEF, '--rate', '1000', check=0)
assert shown.stderr == b'', 'without a terminal there is no progress'
for words in ['pingpong, own server: 1 connection, 64 bytes a message, stream, framing lines',
              'round trips in', '/s', 'asked    1,000/s', 'p50', 'p90', 'p99.9', 'max',
              'missing  none', 'of a core']:
    assert words in shown.stdout.decode(), (words, shown.stdout)
assert nothing_is_left()
