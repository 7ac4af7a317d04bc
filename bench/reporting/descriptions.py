# SPDX-License-Identifier: Apache-2.0
"""What the work of each row is, for the page. What is asked of it is in the results."""

OF = {
    'P1': 'A client sends a message and waits until a server on another core, or on whichever the '
          'scheduler picks, has sent it back. What it costs to wake a sleeping process '
          'decides here; the copying hardly matters. Hallway is a server on a loop and a blocking '
          'client, Hallway loop has a loop at both sides.',
    'P1b': 'The same round trip while another program, on whichever core the scheduler puts it, is '
           'awake for one millisecond in every ten. Whoever polls loses the core to it now and then '
           'and has to find back to polling; a program that does not, answers after two wake-ups '
           'from then on.',
    'P2': 'The same round trip with both sides on one core: no wake-up across cores, so the '
          'software path alone.',
    'P3': 'The same round trip while another program computes without pause on every core. Whoever '
          'waits by spinning has to notice that somebody else needs the core.',
    'P4': 'A sender sends as fast as it can, and the receiver checks the number of each message. '
          'Whoever makes one system call per message pays for it here; programs called '
          'batch gather messages by hand before they write, those called each do not.',
    'P5': 'A publisher sends to a broker, the broker sends every message to every subscriber, and '
          'every subscriber checks every number. Publisher and subscribers are the same raw '
          'sockets for every broker and speak its protocol, so that the broker is what is '
          'measured. NATS has no Unix sockets and gets TCP over loopback. A figure counts deliveries: '
          'messages times subscribers.',
    'P6': 'The same, but the publisher is a program on the broker’s client library that sends one '
          'message after the other and leaves it to the library how they travel.',
    'P7': 'Messages of a mebibyte, and a receiver that reads every byte of them.',
    'P8': 'Clients come, say one byte, hear it again and go, many at a time. They are the same for '
          'every server.',
    'P9': 'What an idle connection takes of the memory of the server’s process. The kernel’s '
          'share, much the same for everybody, is not in it.',
    'P10': 'A hundred clients ask, each its next question when the last one was answered, among '
           'others that are only there: how long an answer takes.',
    'P11': 'The hub’s router alone, in one thread, finds the subscriptions that a message is for; '
           'every second has a wildcard, and each subject has one. Hot: 256 subjects again and '
           'again. All: each of the subjects once before any comes again, in random order, which '
           'is the worst for the processor’s caches.',
}
