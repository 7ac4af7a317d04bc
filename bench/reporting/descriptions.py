# SPDX-License-Identifier: Apache-2.0
"""What the work of each row is, for the page. What is asked of it is in the results."""

OF = {
    'P1': 'A client sends a message and waits until a server on another core, or on whichever the '
          'scheduler picks, has sent it back. What it costs to wake a sleeping process '
          'decides here; the copying hardly matters. Hallway is a server on a loop and a blocking '
          'client, Hallway loop has a loop at both sides.',
    'P1b': 'The same round trip while another program, on whichever core the scheduler puts it, is '
           'awake for one millisecond in every ten. A program that polls loses the core to it now '
           'and then; unless it returns to polling, it answers after two wake-ups from then on.',
    'P2': 'The same round trip with both sides on one core: no wake-up across cores, so the '
          'software path alone.',
    'P3': 'The same round trip while another program computes without pause on every core. A '
          'program that waits by spinning has to notice that another one needs the core.',
    'P4': 'A sender sends as fast as it can, and the receiver checks the number of each message. '
          'A program that makes one system call per message pays for it here; programs called '
          'batch gather messages by hand before they write, those called each do not.',
    'P5': 'A publisher sends to a broker, the broker sends every message to every subscriber, and '
          'every subscriber checks every number. Publisher and subscribers are the same raw '
          'sockets for every broker and speak its protocol, so that the broker is what is '
          'measured. NATS has no Unix sockets and uses TCP over loopback. A figure counts deliveries: '
          'messages times subscribers.',
    'P6': 'The same, but the publisher is a program on the broker’s client library that sends one '
          'message after the other and lets the library decide how to batch them.',
    'P7': 'Messages of a mebibyte, and a receiver that reads every byte of them.',
    'P8': 'Clients connect, send one byte, receive it back and close, many at a time. The clients '
          'are the same for every server.',
    'P9': 'Memory that an idle connection takes in the server’s process. The kernel’s share, which '
          'is much the same for all, is not included.',
    'P10': 'A hundred clients send requests, each the next one after its last answer, among idle '
           'ones: how long an answer takes.',
    'P11': 'The hub’s router alone, in one thread, finds the subscriptions that a message is for; '
           'every second has a wildcard, and each subject has one. Hot: 256 subjects again and '
           'again. All: each of the subjects once before any comes again, in random order, which '
           'is the worst for the processor’s caches.',
    'P12': 'The same as P4 between two programs in Python, in lines. Many: messages are sent and handed '
           'over in lists; with asyncio and uvloop the sender joins them by hand. Batch: one call sends '
           'a message, a list of them is handed over by one call. Each: one call a message at both '
           'ends, as with asyncio streams. The protocol on uvloop splits what arrives by hand. Python '
           'batch is the standard library’s sockets with batches made by hand.',
    'P13': 'The same as P1 between two programs in Python. Without asyncio: blocking calls at both '
           'sides. With asyncio: a handler and a client on a loop each.',
    'P14': 'A receiver in Python takes messages that its socket already holds: what the call costs per '
           'message, its share of reading the socket included.',
    'P15': 'The programs of P4 and P1 on the C interface: the same work as those in C++ beside them.',
    'P16': 'The work of P5 and P6 with clients that are made for a nats-server: the hub listens over '
           'TCP, and where messages are sent one by one, libnats sends them. Beside them the hub on '
           'its Unix socket, with its own client library. In the work "clients", publisher and '
           'subscribers are one program that is made with libnats or nats.go.',
    'P17': 'What the command diagnose does, called as a function: a server that accepts its clients, '
           'with one process beside it, and with a thousand that have ten sockets each.',
}
