"""Answers that are lost, late or doubled are counted and reported, and make bench fail."""
import json

from _bench import LineServer, measure
from _support import run

kept = []


def lose_and_mix(line, number):
    if number == 10:
        return  # lost
    if number == 20:
        kept.append(line)
        return
    yield line
    if number == 21:
        yield kept.pop()  # late
    if number == 30:
        yield line  # doubled


server = LineServer(lose_and_mix)
words = ['bench', server.address, '--pattern', 'stream', '--rate', '200', '--duration', '500ms']
ended = run(*words, '--json', check=1)
measured, failure = json.loads(ended.stdout), json.loads(ended.stderr)
assert (measured['lost'], measured['reordered'], measured['repeated']) == (1, 1, 1), measured
# Who comes late was given up when the next one came, and has no latency.
assert measured['answers'] == measured['sent'] - 2, measured
assert failure['why'] == '1 lost, 1 out of order, 1 repeated' and failure['exit'] == 1

shown = run(*words, check=1)
assert b'missing  1 lost, 1 out of order, 1 repeated' in shown.stdout, shown.stdout
assert b'hallway: bench: unix:./lines.sock: 1 lost' in shown.stderr, shown.stderr

# What is still missing at the end is waited for, and lost.
tail = LineServer(lambda line, number: [line] if number < 50 else [], address='./tail.sock')
measured = measure(tail.address, '--pattern', 'stream', '--rate', '200', '--duration', '500ms',
                   '--timeout', '1s', check=28)
assert measured['answers'] == 50 and measured['lost'] == measured['sent'] - 50 > 0, measured
assert measured['cut_short'] == 'no answer within 1s (--timeout)'
