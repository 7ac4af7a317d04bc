# SPDX-License-Identifier: Apache-2.0
"""What is measured, and what has to come out: one Row for each target of docs/PERFORMANCE.md.

A Case is one work done by several programs in several placements. A Check asks something of the
measured lines, nearly always the ratio of two programs in the same round, because absolute times
drift. A Curve runs a work at growing values of one argument.
"""

import os
from dataclasses import dataclass, field
from statistics import median
from typing import Callable

SPLIT, SAME, UNPINNED = 'split', 'same', 'unpinned'
EVERYWHERE = (SPLIT, SAME, UNPINNED)


@dataclass(frozen=True)
class Case:
    work: str
    programs: tuple[str, ...]
    placements: tuple[str, ...] = EVERYWHERE
    size: int = 64
    arguments: dict = field(default_factory=dict)  # {"subscribers": 10}: further --options
    better: str = 'less'  # or "more"
    rounds: int | None = None  # fewer than the run asks for


@dataclass(frozen=True)
class Check:
    text: str
    asked: str  # ">= 0.6"
    reached: Callable  # of a Measured; None where a program is not there


@dataclass(frozen=True)
class Curve:
    title: str
    x: str
    y: str
    work: str
    programs: tuple[str, ...]
    argument: str  # the option that grows
    values: tuple[int, ...]
    point: Callable  # of one line: its y
    placement: str = SPLIT
    arguments: dict = field(default_factory=dict)
    rounds: int = 3


@dataclass(frozen=True)
class Row:
    name: str
    title: str
    target: str
    cases: tuple[Case, ...] = ()
    checks: tuple[Check, ...] = ()
    curves: tuple[Curve, ...] = ()
    limit: str = ''  # what stops us where the target is missed; docs/PERFORMANCE.md shows it


def ratio(program, others, work, placement, size=64, value='value', **arguments):
    """The median of program / other in the same round. Of several others the best one counts, in
    each round anew; others that are not there do not count."""
    if isinstance(others, str):
        others = (others,)

    def of(measured):
        ours = measured.lines(work, program, placement, size, arguments)
        theirs = [measured.lines(work, other, placement, size, arguments) for other in others]
        theirs = [lines for lines in theirs if lines]
        if not ours or not theirs:
            return None
        best = min if measured.better(work) == 'less' else max
        return median(
            mine[value] / best(line[value] for line in same_round)
            for mine, *same_round in zip(ours, *theirs)
        )

    return of


def worst_ratio(program, other, work, placement, size=64, value='value', **arguments):
    """The largest program / other in the same round: no round may be worse."""

    def of(measured):
        ours = measured.lines(work, program, placement, size, arguments)
        theirs = measured.lines(work, other, placement, size, arguments)
        ratios = [mine[value] / line[value] for mine, line in zip(ours, theirs)]
        return max(ratios) if ratios else None

    return of


def absolute(program, work, placement, size=64, value='value', **arguments):
    """The median of a figure."""

    def of(measured):
        lines = measured.lines(work, program, placement, size, arguments)
        return median(line[value] for line in lines) if lines else None

    return of


def grown(program, work, placement, few, many, value='value', **arguments):
    """The median of a figure with many connections / the same with few, in the same round."""

    def of(measured):
        pair = (
            measured.lines(work, program, placement, 64, {**arguments, 'connections': connections})
            for connections in (many, few)
        )
        ratios = [more[value] / less[value] for more, less in zip(*pair)]
        return median(ratios) if ratios else None

    return of


def everywhere(placements, text, asked, program, others, work, **more):
    """One check for each placement."""
    return tuple(
        Check(f'{placement}: {text}', asked, ratio(program, others, work, placement, **more))
        for placement in placements
    )


KIB, MIB = 1 << 10, 1 << 20


def memory_of(arguments):
    """Bytes that a measurement may take before what it frees is used again: the kernel grants each
    subscriber two megabytes of socket buffers."""
    return 256 * MIB + 2 * MIB * arguments.get('subscribers', 0)


# --- round trips ----------------------------------------------------------------------------------

OURS = ('hallway', 'hallway_loop')  # a blocking client, and a loop at both sides
RAW = ('raw_blocking', 'raw_epoll', 'raw_hybrid')
PEERS = ('asio', 'libuv', 'libevent', 'zmq', 'nng', 'python', 'python_asyncio', 'node')
SOME = ('hallway', 'hallway_loop', 'raw_blocking', 'raw_hybrid', 'asio', 'zmq', 'nng')


def round_trips(placements):
    """64 B with all programs, larger ones with a few and in the first placement only."""
    larger = (Case('pingpong', SOME, placements[:1], size, rounds=3) for size in (KIB, 64 * KIB))
    return (Case('pingpong', OURS + RAW + PEERS, placements), *larger)


LOAD = {'hogs': os.cpu_count(), 'duration': 0.5}
QUIET, DISTURBED = ({'disturbers': count, 'duration': 0.5} for count in (0, 1))

# --- one way --------------------------------------------------------------------------------------

STREAMS = (
    'hallway',
    'raw_stream_256k',
    'raw_stream_1m',
    'raw_each',
    'asio_each',
    'asio_batch',
    'libuv_each',
    'libuv_batch',
    'zmq',
    'nng',
    'python_batch',
)

# --- other languages --------------------------------------------------------------------------------

PYTHON_STREAMS = (
    'hallway_python_many',
    'hallway_python_batch',
    'hallway_python_each',
    'python_asyncio_streams',
    'python_asyncio_streams_many',
    'python_batch',
    'uvloop_protocol',
    'uvloop_protocol_many',
)
PYTHON_ROUND_TRIPS = ('hallway_python', 'python', 'hallway_python_asyncio', 'python_asyncio')

# --- diagnosis ------------------------------------------------------------------------------------

# Socket pairs: two sockets each.
FEW_AROUND = {'processes': 1, 'connections': 1, 'duration': 1}
MANY_AROUND = {'processes': 1000, 'connections': 5000, 'duration': 2}

# --- fan-out --------------------------------------------------------------------------------------

BROKER_PEERS = ('zmq', 'nats', 'redis')
# A server that passes everything on, and the hub, which has subjects.
BROKERS = ('hallway', 'hallway_hub', 'raw_epoll', *BROKER_PEERS)


def fan_out(mode, placements, subscribers, programs=BROKERS, rounds=None, **further):
    arguments = {'mode': mode, 'subscribers': subscribers, **further}
    return Case('fanout', programs, placements, arguments=arguments, better='more', rounds=rounds)


def fan_out_checks(mode, subscribers):
    further = {'mode': mode, 'subscribers': subscribers}
    return tuple(
        check
        for program, name, asked, others in (
            ('hallway', 'x raw epoll', '>= 0.6', 'raw_epoll'),
            ('hallway', 'x the best peer', '>= 5', BROKER_PEERS),
            ('hallway_hub', 'the hub, x the best peer', '>= 5', BROKER_PEERS),
        )
        for check in everywhere(
            (SPLIT, UNPINNED), f'{subscribers} subscribers, {name}', asked, program, others,
            'fanout', **further,
        )
    )


def apart(subscribers, placements):
    """Each subscriber is a process of its own."""
    return fan_out('batches', placements, subscribers, rounds=3, processes=subscribers)


def apart_checks(subscribers, placements):
    return everywhere(
        placements, f'{subscribers} processes that subscribe, the hub, x the best peer', '>= 3',
        'hallway_hub', BROKER_PEERS, 'fanout', mode='batches', subscribers=subscribers,
        processes=subscribers,
    )


def over_tcp(mode, asked):
    """The hub to clients of NATS that know nothing of it, beside a nats-server and its own socket."""
    programs = ('hallway_hub_tcp', 'nats', 'hallway_hub')
    cases = tuple(fan_out(mode, (SPLIT, UNPINNED), few, programs) for few in (10, 100))
    checks = tuple(
        check
        for few in (10, 100)
        for check in everywhere(
            (SPLIT, UNPINNED), f'{mode}, {few} subscribers, the hub over TCP, x a nats-server', asked,
            'hallway_hub_tcp', ('nats',), 'fanout', mode=mode, subscribers=few,
        )
    )
    return cases, checks


CLIENT_LIBRARIES = ('libnats', 'go')


def clients(few):
    """Programs that know nothing of the hub: both ends are made with a client library of NATS."""
    programs = ('hallway_hub_tcp', 'nats')
    cases = tuple(
        Case(
            'clients', programs, EVERYWHERE, better='more',
            arguments={'mode': library, 'subscribers': few},
        )
        for library in CLIENT_LIBRARIES
    )
    checks = tuple(
        check
        for library in CLIENT_LIBRARIES
        for check in everywhere(
            EVERYWHERE, f'{library} at both ends, {few} subscribers, x a nats-server', '>= 1.5',
            'hallway_hub_tcp', ('nats',), 'clients', mode=library, subscribers=few,
        )
    )
    return cases, checks


# --- the hub's router -----------------------------------------------------------------------------

SUBSCRIPTIONS = 100_000

# --- a crowd of connections -----------------------------------------------------------------------

CROWD = ('hallway', 'raw_epoll', 'asio', 'libuv', 'libevent')


def crowd(mode, programs, placements, connections, better, rounds=None):
    arguments = {'mode': mode, 'connections': connections}
    return Case('crowd', programs, placements, arguments=arguments, better=better, rounds=rounds)


ROWS = (
    Row(
        'P1',
        'round trip of 64 B, on two cores and wherever the scheduler puts it',
        'at most 1.10x raw hybrid, so at most 1/15 of every peer',
        round_trips((SPLIT, UNPINNED)),
        tuple(
            check
            for ours in OURS
            for check in (
                *everywhere(
                    (SPLIT, UNPINNED), f'{ours}, x raw hybrid', '<= 1.10', ours, 'raw_hybrid',
                    'pingpong',
                ),
                *everywhere(
                    (SPLIT, UNPINNED), f'{ours}, x the best peer', '<= 0.067', ours, PEERS,
                    'pingpong',
                ),
            )
        ),
        limit=(
            'Being registered with epoll costs 0.3 us per side and round trip, which the best '
            'hand-written program does not pay; the rest is some 500 instructions of ours per '
            'side. That program does not reach a fifteenth of every peer either: it is at a '
            'fourteenth.'
        ),
    ),
    Row(
        'P1b',
        'round trip of 64 B on two cores, quiet and beside one process that is awake 1 ms in 10',
        'median at most 1.5x raw hybrid, in every round',
        tuple(
            Case('pingpong', (*OURS, 'raw_hybrid'), (SPLIT,), arguments=beside)
            for beside in (QUIET, DISTURBED)
        ),
        tuple(
            Check(
                f'{name}: {ours}, the worst round, x raw hybrid',
                '<= 1.5',
                worst_ratio(ours, 'raw_hybrid', 'pingpong', SPLIT, **beside),
            )
            for name, beside in (('quiet', QUIET), ('disturbed', DISTURBED))
            for ours in OURS
        ),
    ),
    Row(
        'P2',
        'round trip of 64 B on one core',
        'at most 1.10x raw blocking',
        round_trips((SAME,)),
        tuple(
            Check(
                f'same: {ours}, x raw blocking',
                '<= 1.10',
                ratio(ours, 'raw_blocking', 'pingpong', SAME),
            )
            for ours in OURS
        ),
    ),
    Row(
        'P3',
        'round trip of 64 B beside a CPU hog on each core',
        'median at most 1.1x raw blocking, mean at most 1.5x',
        (Case('pingpong', (*OURS, 'raw_blocking', 'raw_hybrid'), (UNPINNED,), arguments=LOAD),),
        tuple(
            Check(
                f'unpinned: {ours}, {name}, x raw blocking',
                asked,
                ratio(ours, 'raw_blocking', 'pingpong', UNPINNED, value=value, **LOAD),
            )
            for ours in OURS
            for name, value, asked in (('median', 'p50', '<= 1.1'), ('mean', 'mean', '<= 1.5'))
        ),
        limit=(
            'A program that polls yields its core in between, and sometimes gets it back only '
            'after a whole time slice of a hog; the hand-written hybrid also has a mean above '
            '1.5x for that reason.'
        ),
    ),
    Row(
        'P4',
        'one way, 64 B frames, one send() each',
        'at least 0.6x raw stream_256k, at least 8x ZeroMQ',
        (Case('oneway', STREAMS, better='more'),),
        everywhere(
            EVERYWHERE, 'x raw stream_256k', '>= 0.6', 'hallway', 'raw_stream_256k', 'oneway'
        )
        + everywhere(EVERYWHERE, 'x ZeroMQ', '>= 8', 'hallway', 'zmq', 'oneway'),
        (
            Curve(
                'cost per message against message size',
                'bytes',
                'ns per message',
                'oneway',
                ('hallway', 'raw_stream_1m', 'zmq'),
                'size',
                tuple(64 * 4**step for step in range(11)),  # to 64 MiB
                lambda line: 1e9 / line['value'],
                arguments={'duration': 0.1},
            ),
        ),
        limit=(
            'Rounds in which the kernel makes socket buffers of pages that the host has to find '
            'first, 15 us each, are ten times slower, for the program by hand as well.'
        ),
    ),
    Row(
        'P5',
        'fan-out of 64 B messages, every one delivered',
        'at least 0.6x the broker by hand, at least 5x the best peer, with 10 and 100 subscribers; '
        'the hub at least 5x the best peer, and 3x where each subscriber is a process',
        (
            fan_out('batches', EVERYWHERE, 10),
            fan_out('batches', EVERYWHERE, 100),
            apart(10, (SPLIT, UNPINNED)),
            apart(100, (SPLIT,)),
            fan_out('batches', (SPLIT,), 1, rounds=3),
            fan_out('batches', (SPLIT,), 10, ('mosquitto',), rounds=1),
        ),
        fan_out_checks('batches', 10)
        + fan_out_checks('batches', 100)
        + apart_checks(10, (SPLIT, UNPINNED))
        + apart_checks(100, (SPLIT,)),
        (
            Curve(
                'cost per delivery against subscribers',
                'subscribers',
                'ns per delivery',
                'fanout',
                ('hallway', 'hallway_hub', 'raw_epoll', 'zmq'),
                'subscribers',
                (1, 3, 10, 30, 100, 300, 1000),
                lambda line: 1e9 / line['value'],
                arguments={'mode': 'batches'},
                rounds=2,
            ),
        ),
        limit=(
            'Rounds in which the kernel makes socket buffers of pages that the host has to find '
            'first, 15 us each, are ten times slower, for the broker by hand as well.'
        ),
    ),
    Row(
        'P6',
        'fan-out of 64 B messages that a program sends one at a time',
        'as P5: each client library sends as it likes, the broker by hand gets 64 KiB at a time',
        (
            fan_out('each', EVERYWHERE, 10),
            fan_out('each', (SPLIT, UNPINNED), 100, rounds=3),
            fan_out('each', (SPLIT,), 10, ('mosquitto',), rounds=1),
        ),
        fan_out_checks('each', 10) + fan_out_checks('each', 100),
        limit=(
            'Rounds in which the kernel makes socket buffers of pages that the host has to find '
            'first, 15 us each, are ten times slower, for the broker by hand as well.'
        ),
    ),
    Row(
        'P7',
        '1 MiB messages, the receiver reads every byte',
        'at least 0.9x raw stream_1m (1.8x of it with a pool of buffers waits for shared memory)',
        (
            Case(
                'large', ('hallway', 'raw_stream_1m', 'asio', 'zmq', 'nng'), size=MIB,
                better='more',
            ),
        ),
        everywhere(
            EVERYWHERE, 'x raw stream_1m', '>= 0.9', 'hallway', 'raw_stream_1m', 'large', size=MIB
        ),
        limit=(
            'Data that the kernel does not take at once is copied; otherwise two programs that '
            'both send before they receive would wait for each other for ever.'
        ),
    ),
    Row(
        'P8',
        'connect, one byte there and back, close; 1 and 32 at a time',
        'at least 0.95x raw epoll, 32 at a time',
        (
            crowd('visits', (*CROWD, 'python_asyncio'), EVERYWHERE, 32, 'more'),
            crowd('visits', (*CROWD, 'python_asyncio'), EVERYWHERE, 1, 'more', rounds=3),
        ),
        everywhere(
            EVERYWHERE, 'x raw epoll', '>= 0.95', 'hallway', 'raw_epoll', 'crowd',
            mode='visits', connections=32,
        ),
        limit=(
            "SO_PEERCRED, which identifies the client, takes 0.6 us of a connection's 11 in the "
            'server, leaving epoll before the close 0.2, and our own code about 1.2.'
        ),
    ),
    Row(
        'P9',
        'memory of an idle connection, in user space',
        'at most 512 B',
        (crowd('idle', CROWD, (SPLIT,), 5000, 'less', rounds=3),),
        (
            Check(
                'bytes',
                '<= 512',
                absolute('hallway', 'crowd', SPLIT, mode='idle', connections=5000),
            ),
        ),
        (
            Curve(
                'memory of an idle connection against connections',
                'connections',
                'B per connection',
                'crowd',
                CROWD,
                'connections',
                (100, 1000, 10_000),
                lambda line: line['value'],
                arguments={'mode': 'idle'},
                rounds=1,
            ),
        ),
        limit=(
            'Each connection has its own task: the frames of its coroutines take 472 B, the '
            'connection 408.'
        ),
    ),
    Row(
        'P10',
        '10,000 connections, a hundred of them active',
        'p99 of the active ones at most 2x that of 100 connections',
        (
            crowd('active', ('hallway', 'raw_epoll'), EVERYWHERE, 100, 'less'),
            crowd('active', ('hallway', 'raw_epoll'), EVERYWHERE, 10_000, 'less'),
        ),
        tuple(
            Check(
                f'{placement}: p99 with 10,000, x that with 100',
                '<= 2',
                grown('hallway', 'crowd', placement, 100, 10_000, mode='active'),
            )
            for placement in EVERYWHERE
        ),
        (
            Curve(
                'cost of an answer against connections, at most a hundred of them active',
                'connections',
                "ns of the server's CPU",
                'crowd',
                ('hallway', 'raw_epoll'),
                'connections',
                (1, 10, 100, 1000, 10_000),
                lambda line: line['cpu_ns']['server'],
                arguments={'mode': 'active'},
            ),
        ),
    ),
    Row(
        'P11',
        f'the hub finds the subscribers of a message among {SUBSCRIPTIONS:,} subscriptions',
        'at most 300 ns',
        tuple(
            Case(
                'routing',
                ('hallway',),
                (SPLIT,),
                arguments={'mode': mode, 'connections': SUBSCRIPTIONS, 'subscribers': 1},
            )
            for mode in ('hot', 'all')
        ),
        tuple(
            Check(
                f'{mode} subjects: ns',
                '<= 300',
                absolute(
                    'hallway', 'routing', SPLIT, mode=mode, connections=SUBSCRIPTIONS, subscribers=1
                ),
            )
            for mode in ('hot', 'all')
        ),
        (
            Curve(
                'a match against subscriptions, all subjects in random order',
                'subscriptions',
                'ns per match',
                'routing',
                ('hallway',),
                'connections',
                (100, 1000, 10_000, SUBSCRIPTIONS),
                lambda line: line['value'],
                arguments={'mode': 'all', 'subscribers': 1},
            ),
        ),
        limit=(
            'Where memory is slow, as beside busy programs, and no subject comes again soon: nothing '
            'hides the load of the node that a way ends at, which misses the caches.'
        ),
    ),
    Row(
        'P12',
        'Python, one way, 64 B',
        'at least 10x asyncio streams and 2.5x a protocol on uvloop',
        (Case('oneway', PYTHON_STREAMS, (SPLIT, SAME), better='more'),),
        tuple(
            check
            for other, name, asked in (
                ('python_asyncio_streams', 'asyncio streams', '>= 10'),
                ('uvloop_protocol', 'a protocol on uvloop', '>= 2.5'),
            )
            for check in everywhere(
                (SPLIT, SAME), f'x {name}', asked, 'hallway_python_batch', other, 'oneway'
            )
        ),
    ),
    Row(
        'P13',
        'Python, round trip of 64 B',
        'blocking at most 0.4x raw sockets on two cores and never more than them; asyncio at most '
        "1x asyncio's own protocols",
        (Case('pingpong', PYTHON_ROUND_TRIPS),),
        everywhere(
            (SPLIT,), 'blocking, x raw sockets', '<= 0.4', 'hallway_python', 'python', 'pingpong'
        )
        + everywhere(
            (SAME, UNPINNED), 'blocking, x raw sockets', '<= 1', 'hallway_python', 'python',
            'pingpong',
        )
        + everywhere(
            EVERYWHERE, 'asyncio, x its protocols', '<= 1', 'hallway_python_asyncio',
            'python_asyncio', 'pingpong',
        ),
    ),
    Row(
        'P14',
        'Python, a call that hands over messages of 64 B which have arrived',
        'at most 40 ns a message in a batch, at most 100 ns alone',
        tuple(
            Case('calls', ('hallway_python',), (SPLIT,), arguments={'mode': mode})
            for mode in ('batch', 'each')
        ),
        tuple(
            Check(f'{mode}: ns', asked, absolute('hallway_python', 'calls', SPLIT, mode=mode))
            for mode, asked in (('batch', '<= 40'), ('each', '<= 100'))
        ),
    ),
    Row(
        'P15',
        'C, one way and round trip of 64 B',
        'at most 1.05x the same in C++',
        (
            Case('oneway', ('hallway_c', 'hallway'), better='more'),
            Case('pingpong', ('hallway_c', 'hallway')),
        ),
        everywhere(EVERYWHERE, 'one way, x C++', '>= 0.952', 'hallway_c', 'hallway', 'oneway')
        + everywhere(EVERYWHERE, 'round trip, x C++', '<= 1.05', 'hallway_c', 'hallway', 'pingpong'),
    ),
    Row(
        'P16',
        'fan-out of 64 B messages to clients of NATS over TCP',
        'the hub at least 4x a nats-server with raw clients, and 1.5x with libnats and the Go client',
        over_tcp('batches', '>= 4')[0] + over_tcp('each', '>= 1.5')[0] + clients(1)[0] + clients(10)[0],
        over_tcp('batches', '>= 4')[1] + over_tcp('each', '>= 1.5')[1] + clients(1)[1] + clients(10)[1],
        limit=(
            'With a client library at both ends, the client limits both: libnats takes 625 ns to '
            'publish a message and hand it to one callback, a nats-server 490 to 650, the hub 160 '
            'to 240.'
        ),
    ),
    Row(
        'P17',
        'diagnosis of a healthy path',
        'below 50 ms; below 300 ms among 1,000 processes and 10,000 sockets',
        tuple(
            Case('diagnosis', ('hallway',), (SPLIT,), arguments=around)
            for around in (FEW_AROUND, MANY_AROUND)
        ),
        tuple(
            Check(f'{text}: ms', asked, absolute('hallway', 'diagnosis', SPLIT, **around))
            for text, asked, around in (
                ('one process beside', '<= 50', FEW_AROUND),
                ('1,000 processes, 10,000 sockets', '<= 300', MANY_AROUND),
            )
        ),
    ),
)
