# SPDX-License-Identifier: Apache-2.0
"""Where our hub is meant to differ from a nats-server; docs/NATS.md documents it."""

from typing import NamedTuple


class Difference(NamedTuple):
    what: str  # the hub does
    why: str
    said: bytes  # by a client; then it says PING
    ours: tuple  # what it hears before the PONG; ... stands for anything
    theirs: tuple
    avoided: bytes = rb"(?!)"  # what it is about: no transcript that is made up may have it


OK = b"+OK"
PONG = b"PONG"
CLOSED = b"(closed)"
HEADERS = b'CONNECT {"verbose":false,"headers":true}\r\n'

# A reason that a nats-server keeps to itself.
PARSER_ERROR = b"-ERR 'Parser Error: ...'"

DIFFERENCES = [
    Difference(
        "reports what is malformed before it closes the connection",
        "A client that gets no error cannot be corrected. There, the connection ends without an error "
        "for arguments of a wrong number or form, a CONNECT that is not JSON, an HPUB without "
        "announced headers, and an -ERR of a client.",
        b"PUB foo -1\r\n",
        (PARSER_ERROR, CLOSED),
        (CLOSED,)),
    Difference(
        "treats a line feed as the end of a line in any position",
        "There, a line feed in front of the first argument is part of that argument, and reaches "
        "subscribers as a broken line.",
        b"CONNECT {}\r\nSUB > 1\r\nPUB \na 1\r\nx\r\n",
        (OK, OK, PARSER_ERROR, CLOSED),
        (OK, OK, OK, b"MSG \na 1 1\r\nx\r\n", PONG), rb"[ \t]\n"),
    Difference(
        "treats a carriage return as a blank in any position",
        "There, it separates the arguments of a SUB but not those of a PUB, and a line that ends with "
        "only a line feed loses its last byte.",
        b"SUB a 1\r\nPUB a\r1\r\nx\r\n",
        (OK, OK, b"MSG a 1 1\r\nx\r\n", PONG),
        (OK, CLOSED), rb"\r(?!\n)"),
    Difference(
        "refuses subjects, replies and queue groups with white space of any kind",
        "If another program reads such a byte as a blank or a line end, it sees fields other than "
        "those that the rules were applied to: NUL, VT, FF, 0x1c to 0x1f, U+0085, U+00A0, U+2028 and "
        "similar, and U+FEFF.",
        b"SUB > 1\r\nPUB a\fb 1\r\nx\r\n",
        (OK, b"-ERR 'Invalid Publish Subject'", PONG),
        (OK, OK, b"MSG a\fb 1 1\r\nx\r\n", PONG), rb"[\0\v\f\x1c-\x1f]"),
    Difference(
        "writes sizes without leading zeros",
        "They are numbers. There, subscribers get the digits of the publisher.",
        b"SUB a 1\r\nPUB a 001\r\nx\r\n",
        (OK, OK, b"MSG a 1 1\r\nx\r\n", PONG),
        (OK, OK, b"MSG a 1 001\r\nx\r\n", PONG), rb"[ \t]0\d"),
    Difference(
        "processes an operation once it is complete",
        "There, an invalid subject causes an error before the payload has arrived, and a second one "
        "if the operation arrives in pieces; an HPUB of a client without headers ends the connection "
        "before its size is checked.",
        b"HPUB a 12 1048577\r\n",
        (b"-ERR 'Maximum Payload Violation'", CLOSED),
        (CLOSED,)),
    Difference(
        "does not read the INFO of a client",
        "It means nothing to a server. There, the connection ends if it is not JSON.",
        b"INFO nonsense\r\n",
        (PONG,),
        (CLOSED,), rb"INFO"),
    Difference(
        "does not resolve escapes in the names of a CONNECT's members",
        "No client writes them with escapes; the member counts as an unknown one.",
        b'CONNECT {"\\u0065cho":7}\r\n',
        (OK, PONG),
        (CLOSED,)),
    Difference(
        "accepts a CONNECT with at most 64 nested arrays or objects",
        "A line from an unknown client must not choose the depth.",
        b'CONNECT {"a":' + b"[" * 70 + b"]" * 70 + b"}\r\n",
        (PARSER_ERROR, CLOSED),
        (OK, PONG)),
    Difference(
        "knows no accounts",
        "The kernel proves the user of each client; the credentials in a CONNECT are ignored.",
        b'CONNECT {"account":"other"}\r\n',
        (OK, PONG),
        (b"-ERR 'Authorization Violation'", CLOSED)),
    Difference(
        "reads the member full of a CONNECT",
        "It is the policy for full queues, and a mistake in it should be reported.",
        b'CONNECT {"full":"whatever"}\r\n',
        (b"-ERR 'unknown policy for full queues'", CLOSED),
        (OK, PONG)),
    Difference(
        "reads the members link, seen and publishers of a CONNECT",
        "They make a client a link, and only root and the hub's own user may be one.",
        b'CONNECT {"link":1}\r\n',
        (PARSER_ERROR, CLOSED),
        (OK, PONG)),
    Difference(
        "refuses subscriptions with more than HubLimits::max_subject_tokens tokens (128)",
        "Each may take up a place of its own. There, the operator can set this limit.",
        b"SUB " + b".".join([b"a"] * 129) + b" 1\r\n",
        (b"-ERR 'Permissions Violation for Subscription to \"a.a...a\", too many tokens'", PONG),
        (OK, PONG)),
    Difference(
        "keeps inboxes private from other users",
        "Answers are for the client that asked: a pattern with a wildcard in the place of an inbox's "
        "name is for root, the hub's own user, and users that a rule names. There, _INBOX.> receives "
        "the answers to all clients. (Not shown here: this client is the hub's own user.)",
        b"SUB _INBOX.> 1\r\n",
        (OK, PONG),
        (OK, PONG)),
    Difference(
        "lets no client publish below $SYS.HUB",
        "Only the hub itself publishes there.",
        b"SUB > 1\r\nPUB $SYS.HUB.GAP 0\r\n\r\n",
        (OK, b"-ERR 'Permissions Violation for Publish to \"$SYS.HUB.GAP\"'", PONG),
        (OK, OK, b"MSG $SYS.HUB.GAP 1 0\r\n\r\n", PONG)),
    Difference(
        "answers requests to $SYS.HUB.STATS",
        "Programs use them to read the hub's counters. The answer comes when the hub has nothing else "
        "to do, or after 100 ms: producing it delays no other client, and what arrived before is "
        "counted as far as possible.",
        b"SUB answer 1\r\nPUB $SYS.HUB.STATS answer 0\r\n\r\n",
        (OK, OK, b"MSG answer 1 ...\r\n{\"connections\":1,...}\r\n", PONG),
        (OK, OK, PONG)),
    Difference(
        "answers requests to $SYS.HUB.DELIVERED and $SYS.HUB.MATCHES",
        "A publisher can learn how many subscriptions got its last message, or match a subject. There, "
        "a publisher learns only that nobody answers a request.",
        b"SUB answer 1\r\nPUB a 0\r\n\r\nPUB $SYS.HUB.DELIVERED answer 0\r\n\r\n",
        (OK, OK, OK, b"MSG answer 1 29\r\n{\"subscriptions\":0,\"links\":0}\r\n", PONG),
        (OK, OK, OK, PONG)),
    Difference(
        "removes header fields whose names begin with Hallway-",
        "Only the hub states the publisher, and no client may forge it.",
        HEADERS + b"SUB a 1\r\nHPUB a 34 34\r\nNATS/1.0\r\nHallway-Uid: 0\r\nA: b\r\n\r\n\r\n",
        (b"HMSG a 1 18 18\r\nNATS/1.0\r\nA: b\r\n\r\n\r\n", PONG),
        (b"HMSG a 1 34 34\r\nNATS/1.0\r\nHallway-Uid: 0\r\nA: b\r\n\r\n\r\n", PONG)),
]
