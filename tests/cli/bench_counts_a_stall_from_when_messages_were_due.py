"""A server that stands still spoils all messages that were due meanwhile, not only the one on its
way: bench --rate counts from when a message was due."""
import threading

from _bench import LineServer, measure

STALL = 0.6


def stall_once(line, number):
    if number == 40:
        threading.Event().wait(STALL)  # the stall is what is measured
    yield line


server = LineServer(stall_once)
for pattern in ['pingpong', 'stream']:
    by_the_clock = measure(server.address, '--pattern', pattern, '--rate', '100', '--duration', '2s')
    # Of 200 messages 60 were due in that time, and every other one of them waited for half of it.
    latencies = by_the_clock['latency_us']
    assert by_the_clock['sent'] + by_the_clock['unsent'] == 200, by_the_clock
    assert latencies['p90'] > STALL / 4 * 1e6, latencies
    assert latencies['max'] > STALL * 0.9 * 1e6, latencies
    still = [interval for interval in by_the_clock['intervals'] if interval['answers'] == 0]
    assert len(still) * by_the_clock['intervals'][0]['seconds'] > STALL / 2, 'the plot shows it'

# Without a clock the client stands still with the server, and one message shows it.
as_it_goes = measure(server.address, '--duration', '1s')
assert as_it_goes['latency_us']['max'] > STALL * 0.9 * 1e6, as_it_goes['latency_us']
assert as_it_goes['latency_us']['p90'] < STALL / 4 * 1e6, as_it_goes['latency_us']
