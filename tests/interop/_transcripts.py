# SPDX-License-Identifier: Apache-2.0
"""What clients of a hub say, made from a seed: the same seed, the same transcript.

A transcript is a list of steps. In each, one client says something, in pieces that end anywhere. A
step ends in a way that lets who plays it wait for its effects: either the client can be asked for a
PONG afterwards, or it goes.

The sid of a member of a queue group begins with "q" and the group's name: who of them gets a
message is the server's choice.
"""

import random
import re
from typing import NamedTuple

MAX_LINE = 4096

# Each combination of these may be in a CONNECT.
SETTINGS = [b'"verbose":%s', b'"pedantic":%s', b'"echo":%s']
OTHER_MEMBERS = [b'"name":"n"', b'"lang":"python"', b'"version":"1.2"', b'"protocol":0',
                 b'"protocol":1', b'"user":"u","pass":"p"', b'"verbose":null', b'"sig":""',
                 b'"unknown":{"a":[1,-2.5e3,{"b":"\\u00e4"}]}', b'"tls_required":false']

# None is what a server itself says when nobody listens.
HEADERS = [b"NATS/1.0\r\n\r\n", b"NATS/1.0\r\nA: b\r\nC:d\r\n\r\n", b"NATS/1.0 503 No\r\n\r\n",
           b"NATS/1.0\r\nA: \xc3\xa4\r\n\r\n", b"NATS/1.0\r\nA: 1\r\na: 2\r\nA: 3\r\n\r\n",
           b"no header at all"]

# Most of these are none to publish to.
ODD_SUBJECTS = [b"a..b", b".a", b"a.", b"a.*b", b">", b"*.a", b"..", b"a>b"]

# These end the connection, or the client is told what it did wrong.
MALFORMED = [
    b"\r\n", b"FOO\r\n", b"PU\r\n", b"PUB\r\n", b"SUB\r\n", b"UNSUB\r\n", b"HPUB\r\n", b"+OX\r\n",
    b"MSG a 1 0\r\n\r\n", b"PUBa 0\r\n\r\n", b"PING", b"C\r\n", b"-ERR 'what'\r\n", b"-ERR\r\n",
    b"PUB a\r\n", b"PUB a b c 1\r\nx\r\n", b"PUB a x\r\n", b"PUB a -1\r\n", b"PUB a 1.5\r\n",
    b"PUB a 0x1\r\nx\r\n", b"PUB a 1048577\r\n", b"PUB a 999999999\r\n", b"PUB a 9999999999\r\n",
    b"PUB a 99999999999999999999\r\n", b"PUB a 0000000001\r\nx\r\n",
    b"PUB a 5\r\nhello, world\r\n", b"PUB a 5\r\nhello\n", b"PUB a 0\r\nx\r\n",
    b"PUB a +1\r\nx\r\n",
    b"HPUB a 12 12\r\nNATS/1.0\r\n\r\n\r\n", b"HPUB a 12\r\nNATS/1.0\r\n\r\n\r\n",
    b"HPUB a 13 12\r\nNATS/1.0\r\n\r\n\r\n", b"HPUB a -1 12\r\nNATS/1.0\r\n\r\n\r\n",
    b"HPUB a b c 12 12\r\nNATS/1.0\r\n\r\n\r\n", b"HPUB a 0 3\r\nabc\r\n", b"HPUB a 1 3\r\nabc\r\n",
    b"HPUB a x 12\r\n", b"HPUB a 12 x\r\n",
    b"SUB a\r\n", b"SUB a b c d\r\n", b"SUB a..b 1\r\n", b"SUB .a 1\r\n", b"SUB a. 1\r\n",
    b"SUB >.a 1\r\n", b"SUB a.>.b q 1\r\n", b"SUB . 1\r\n", b"SUB ..> 1\r\n",
    b"UNSUB 1 2 3\r\n", b"UNSUB 1 x\r\n", b"UNSUB 1 -5\r\n", b"UNSUB 1 0\r\n", b"UNSUB nobody\r\n",
    b"UNSUB 1 9999999999\r\n", b"UNSUB 1 1.5\r\n",
    b"CONNECT\r\n", b"CONNECT {\r\n", b"CONNECT []\r\n", b"CONNECT 1\r\n", b'CONNECT "a"\r\n',
    b"CONNECT {}{}\r\n", b"CONNECT {} x\r\n", b"CONNECT {,}\r\n", b"CONNECT null\r\n",
    b'CONNECT {"verbose":1}\r\n', b'CONNECT {"verbose":"true"}\r\n', b'CONNECT {"name":1}\r\n',
    b'CONNECT {"protocol":2}\r\n', b'CONNECT {"protocol":-1}\r\n', b'CONNECT {"protocol":"1"}\r\n',
    b'CONNECT {"protocol":1.5}\r\n', b'CONNECT {"no_responders":true,"headers":false}\r\n',
    b'CONNECT {"a":"\xff"}\r\n', b'CONNECT {"protocol":1e0}\r\n', b'CONNECT {"headers":1}\r\n',
    b'CONNECT {"echo":tru}\r\n', b'CONNECT {"a":01}\r\n', b'CONNECT {"a":"\\x"}\r\n',
    b'CONNECT {"VERBOSE":false}\r\n', b'connect{"Echo":false}\r\n',
    b"INFO {}\r\n",
    b"PUB " + MAX_LINE * b"a" + b" 1\r\nx\r\n", b"SUB " + (MAX_LINE - 2) * b"a" + b" 1\r\n",
    b"SUB " + (MAX_LINE - 1) * b"a" + b" 1\r\n", b"CONNECT {" + MAX_LINE * b" " + b"}\r\n",
    b"UNSUB " + MAX_LINE * b"a" + b"1\r\n", b"SUB " + 2 * MAX_LINE * b"a" + b" 1\r\n",
]


class Operation(NamedTuple):
    text: bytes
    pongs: int = 0  # that answer it


class Step(NamedTuple):
    who: int
    operations: tuple
    cuts: tuple = ()  # where pieces end, as shares of the whole
    goes: bool = False  # the client closes its side after it

    @property
    def text(self):
        return b"".join(operation.text for operation in self.operations)

    @property
    def pongs(self):
        return sum(operation.pongs for operation in self.operations)

    def pieces(self):
        text, start = self.text, 0
        for end in sorted(int(cut * len(text)) for cut in self.cuts):
            if end > start:
                yield text[start:end]
                start = end
        yield text[start:]


class Transcript(NamedTuple):
    clients: int
    steps: list

    def without(self, index):
        """Without one of its operations; index counts them all."""
        steps = []
        for step in self.steps:
            kept = tuple(op for number, op in enumerate(step.operations) if number != index)
            index -= len(step.operations)
            if kept or step.goes:
                steps.append(step._replace(operations=kept))
        return Transcript(self.clients, steps)

    def size(self):
        return sum(len(step.operations) for step in self.steps)

    def __str__(self):
        return "\n".join(f"  {step.who}: {shortened(step.text)}{' and goes' if step.goes else ''}"
                         for step in self.steps)


def shortened(text):
    shown = repr(text)
    return shown if len(shown) < 400 else f"{shown[:300]}... ({len(text)} bytes)"


class Writer:
    """Writes one transcript."""

    def __init__(self, seed, unwanted=()):
        self.random = random.Random(seed)
        self.unwanted = [re.compile(pattern, re.IGNORECASE) for pattern in unwanted]
        self.published = 0
        self.subscribed = 0

    def transcript(self):
        clients = self.random.randint(1, 4)
        # Or else it would count to whom of a group a message with headers goes.
        headers = self.chance(0.7)
        steps = [Step(who, (self.connect(headers),), self.cuts(0.3))
                 for who in range(clients) if headers or self.chance(0.8)]
        self.random.shuffle(steps)
        there = list(range(clients))
        for _ in range(self.random.randint(3, 25)):
            if not there:
                break
            step = self.step(self.random.choice(there), headers)
            if step.goes:
                there.remove(step.who)
            steps.append(step)
        return Transcript(clients, steps)

    def step(self, who, headers):
        operations = [self.operation(headers) for _ in range(self.random.choice((1, 1, 2, 3, 8)))]
        goes = self.chance(0.06)
        if goes and self.chance(0.8):
            operations.append(Operation(self.broken(headers)))
        elif self.chance(0.05):
            text = self.random.choice(MALFORMED)
            operations.append(Operation(text))
        return Step(who, tuple(operations), self.cuts(), goes)

    # --- operations ---

    def operation(self, headers):
        kinds = (self.publish, self.subscribe, self.unsubscribe, self.ping, self.mean_nothing)
        make = self.random.choices(kinds, (10, 6, 2, 1, 1))[0]
        if make == self.publish and headers and self.chance(0.35):
            make = self.publish_headers
        made = make()
        if self.chance(0.01):
            made = self.connect(headers)
        return made

    def connect(self, headers):
        members = [setting % self.random.choice((b"true", b"false")) for setting in SETTINGS
                   if self.chance(0.6)]
        if headers:
            members.append(b'"headers":true')
            if self.chance(0.6):
                members.append(b'"no_responders":%s' % self.random.choice((b"true", b"false")))
        members += self.random.sample(OTHER_MEMBERS, self.random.randint(0, 3))
        self.random.shuffle(members)
        return Operation(self.verb(b"CONNECT") + b" {" + b",".join(members) + b"}" + self.end())

    def subscribe(self):
        self.subscribed += 1
        arguments = [self.pattern()]
        sid = b"%d" % self.random.randint(1, 9)
        kind = self.random.random()
        if kind < 0.25:
            group = self.random.choice((b"red", b"blue"))
            arguments.append(group)
            sid = b"q%s.%d" % (group, self.random.randint(1, 3))
        elif kind < 0.35:  # alone in its group
            arguments.append(b"solo%d" % self.subscribed)
        return self.line(b"SUB", *arguments, sid)

    def unsubscribe(self):
        if self.chance(0.2):  # with a max, it would count who of them was chosen
            return self.line(b"UNSUB", self.random.choice((b"qred.1", b"qblue.2", b"qred.3")))
        arguments = [b"%d" % self.random.randint(1, 9)]
        if self.chance(0.6):
            arguments.append(b"%d" % self.random.randint(0, 5))
        return self.line(b"UNSUB", *arguments)

    def publish(self):
        payload = self.payload()
        line = self.line(b"PUB", *self.where(), b"%d" % len(payload))
        return Operation(line.text + payload + b"\r\n")

    def publish_headers(self):
        payload = self.payload()
        header = self.random.choice(HEADERS)
        size = len(header) + len(payload)
        line = self.line(b"HPUB", *self.where(), b"%d" % len(header), b"%d" % size)
        return Operation(line.text + header + payload + b"\r\n")

    def ping(self):
        behind = b" and more" if self.chance(0.1) else b""
        return Operation(self.verb(b"PING") + behind + self.end(), pongs=1)

    def mean_nothing(self):
        """What is a client's to say and is not answered."""
        return Operation(self.verb(self.random.choice((b"PONG", b"+OK"))) + self.end())

    def broken(self, headers):
        """What a client might say that has a fault, or stops in the middle."""
        while True:
            text = bytearray(self.operation(headers).text)
            for _ in range(self.random.choice((1, 1, 1, 2, 4))):
                at = self.random.randrange(len(text) + 1)
                byte = self.random.choice(b"\0\t\n\f !*.019>AEUabz{}\"',:\x7f\xff")
                text[at:at + self.random.randint(0, 1)] = bytes([byte])[:self.random.randint(0, 1)]
            if self.chance(0.4):
                del text[self.random.randrange(len(text) + 1):]
            if not any(pattern.search(text) for pattern in self.unwanted):
                return bytes(text)

    # --- what they are made of ---

    def where(self):
        """Subject and perhaps reply."""
        subject = self.pattern() if self.chance(0.05) else self.subject()
        if self.chance(0.04):
            subject = self.random.choice(ODD_SUBJECTS)
        return [subject, self.subject()] if self.chance(0.35) else [subject]

    def subject(self):
        tokens = [self.random.choice((b"a", b"b", b"c", b"\xc3\xa4")) for _ in range(4)]
        return b".".join(tokens[:self.random.choice((1, 2, 2, 3, 4))])

    def pattern(self):
        tokens = [token if self.chance(0.7) else b"*" for token in self.subject().split(b".")]
        if self.chance(0.2):
            tokens[-1] = b">"
        return b".".join(tokens)

    def payload(self):
        """Each is another one, nearly: so it is seen who got what."""
        self.published += 1
        kind = self.random.random()
        if kind < 0.1:
            return b""
        text = b"%d" % self.published
        if kind < 0.2:
            return text + b"\r\nPING\r\n"
        if kind < 0.23:
            return text + bytes(self.random.randrange(256) for _ in range(50))
        if kind < 0.24:
            return text.ljust(self.random.choice((3000, 20_000)), b"x")
        return text

    def line(self, verb, *arguments):
        text = self.verb(verb)
        for argument in arguments:
            text += self.blank() + argument
        return Operation(text + (self.blank() if self.chance(0.03) else b"") + self.end())

    def verb(self, name):
        if self.chance(0.85):
            return name
        return bytes(self.random.choice((letter, letter | 0x20)) if letter >= 65 else letter
                     for letter in name)

    def blank(self):
        return b" " if self.chance(0.95) else self.random.choice((b"\t", b"  ", b" \t "))

    def end(self):
        return b"\r\n" if self.chance(0.95) else b"\n"

    def cuts(self, often=0.5):
        if not self.chance(often):
            return ()
        return tuple(self.random.random() for _ in range(self.random.choice((1, 1, 2, 5, 20))))

    def chance(self, share):
        return self.random.random() < share
