# SPDX-License-Identifier: Apache-2.0
"""How figures, sizes and programs are written for people."""

import math

PROGRAMS = {'hallway': 'Hallway', 'asio': 'Asio', 'zmq': 'ZeroMQ', 'redis': 'Redis',
            'nats': 'NATS', 'mosquitto': 'Mosquitto', 'python': 'Python', 'node': 'Node.js'}

WORKS = {'pingpong': 'Round trip', 'oneway': 'One way', 'large': 'Large messages',
         'fanout': 'Fan-out'}

SIZES = ['B', 'KiB', 'MiB', 'GiB']


def significant(value):
    """Three digits that mean something, never an exponent: 0.0989, 3.50, 77.6, 1,474."""
    if value == 0:
        return '0'
    rounded = float(f'{value:.3g}')
    if abs(rounded) >= 1000:
        return f'{value:,.0f}'
    return f'{rounded:.{max(0, 2 - math.floor(math.log10(abs(rounded))))}f}'


def scaled(value, step, names):
    """`value` in the largest unit that leaves 1 or more; each is `step` times the one before."""
    for name in names[:-1]:
        if abs(value) < step * 0.9995:
            return value, name
        value /= step
    return value, names[-1]


def in_unit(value, unit):
    """(number, unit) as it is read best."""
    if unit in ('ns', 'us', 'ms', 's'):
        times = ['ns', 'µs', 'ms', 's']
        return scaled(value, 1000, times[['ns', 'us', 'ms', 's'].index(unit):])
    if unit in ('B', 'bytes', 'B/connection'):
        return (value, 'B') if value < 10_000 else scaled(value, 1024, SIZES)
    if unit in ('B/s', 'bytes/s'):
        return scaled(value, 1000, ['B/s', 'kB/s', 'MB/s', 'GB/s'])
    if unit.endswith('s/s'):  # messages/s, deliveries/s, connections/s
        return scaled(value, 1000, ['/s', 'k/s', 'M/s', 'G/s'])
    return value, unit


def figure(value, unit):
    if value is None:
        return ''
    number, name = in_unit(value, unit)
    return f'{significant(number)} {name}'.rstrip()


def tick(value, unit):
    """A round value on an axis."""
    number, name = in_unit(value, unit)
    return f'{number:,g} {name}'.rstrip() if value else '0'


def times(value):
    """A ratio: 21.3×, and 1/424 instead of 0.00236×."""
    return f'1/{significant(1 / value)}' if 0 < value < 0.5 else f'{significant(value)}×'


def size(count):
    """64 B, 256 KiB: sizes of messages are exact."""
    number, name = scaled(count, 1024, SIZES)
    return f'{number:g} {name}'


def capital(words):
    return words[:1].upper() + words[1:]


def several(count, thing):
    return f'{count:,} {thing}' if count == 1 else f'{count:,} {thing}s'


def program(name):
    """`zmq_pair`: ZeroMQ pair, `raw_stream_256k`: raw stream_256k."""
    first, _, rest = name.partition('_')
    return f'{PROGRAMS.get(first, first)} {rest}'.rstrip()


def work(name):
    return WORKS.get(name, name.replace('_', ' '))


def parameters(values):
    """What was set for a work: `64 B, 10 subscribers, batches`."""
    words = []
    for name, value in values.items():
        if name == 'duration':  # how long it was measured, not what
            continue
        if name == 'size':
            words.append(size(value))
        elif isinstance(value, str):
            words.append(value)
        else:
            words.append(several(value, name.removesuffix('s')))
    return ', '.join(words)


def counted(unit):
    """What there is one of per figure of CPU time."""
    return {'deliveries/s': 'delivery', 'connections/s': 'connection', 'B/connection': 'connection',
            'us': 'round trip'}.get(unit, 'message')
