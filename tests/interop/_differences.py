# SPDX-License-Identifier: Apache-2.0
"""Where our hub is meant to differ from a nats-server; docs/NATS.md tells people."""

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
        "says what is malformed before it closes the connection",
        "A client that hears nothing cannot be mended. There, the connection just ends over arguments "
        "of a wrong number or form, a CONNECT that is no JSON, an HPUB without announced headers, and "
        "an -ERR of a client.",
        b"PUB foo -1\r\n",
        (PARSER_ERROR, CLOSED),
        (CLOSED,)),
    Difference(
        "takes a line feed for the end of a line, wherever it stands",
        "There, one in front of the first argument is part of it, and reaches subscribers as a "
        "broken line.",
        b"CONNECT {}\r\nSUB > 1\r\nPUB \na 1\r\nx\r\n",
        (OK, OK, PARSER_ERROR, CLOSED),
        (OK, OK, OK, b"MSG \na 1 1\r\nx\r\n", PONG), rb"[ \t]\n"),
    Difference(
        "takes a carriage return for a blank, wherever it stands",
        "There, it separates the arguments of a SUB but not those of a PUB, and costs a line that "
        "ends with a line feed alone its last byte.",
        b"SUB a 1\r\nPUB a\r1\r\nx\r\n",
        (OK, OK, b"MSG a 1 1\r\nx\r\n", PONG),
        (OK, CLOSED), rb"\r(?!\n)"),
    Difference(
        "refuses subjects, replies and queue groups with white space of any kind",
        "What another program would read as a blank or a line end makes other fields of a line than "
        "those the rules were asked about: NUL, VT, FF, 0x1c to 0x1f, U+0085, U+00A0, U+2028 and "
        "their like, and U+FEFF.",
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
        "looks at an operation once it is whole",
        "There, an invalid subject is complained about before the payload has come, and once more "
        "where it comes in pieces; an HPUB of a client without headers ends the connection before "
        "its size is looked at.",
        b"HPUB a 12 1048577\r\n",
        (b"-ERR 'Maximum Payload Violation'", CLOSED),
        (CLOSED,)),
    Difference(
        "does not read the INFO of a client",
        "It means nothing to a server. There, the connection ends if it is no JSON.",
        b"INFO nonsense\r\n",
        (PONG,),
        (CLOSED,), rb"INFO"),
    Difference(
        "does not resolve escapes in the names of a CONNECT's members",
        "No client writes them so; the member counts as one that is not known.",
        b'CONNECT {"\\u0065cho":7}\r\n',
        (OK, PONG),
        (CLOSED,)),
    Difference(
        "takes a CONNECT with at most 64 arrays or objects inside of each other",
        "A line of a stranger must not choose how deep we go.",
        b'CONNECT {"a":' + b"[" * 70 + b"]" * 70 + b"}\r\n",
        (PARSER_ERROR, CLOSED),
        (OK, PONG)),
    Difference(
        "knows no accounts",
        "Who somebody is, is the kernel's word; what a CONNECT says of it is ignored.",
        b'CONNECT {"account":"other"}\r\n',
        (OK, PONG),
        (b"-ERR 'Authorization Violation'", CLOSED)),
    Difference(
        "reads the member full of a CONNECT",
        "It is the policy for full queues, and a mistake in it should not go unseen.",
        b'CONNECT {"full":"whatever"}\r\n',
        (b"-ERR 'unknown policy for full queues'", CLOSED),
        (OK, PONG)),
    Difference(
        "reads the members link and seen of a CONNECT",
        "They make a link of a client, and only root and the hub's own user may be one.",
        b'CONNECT {"link":1}\r\n',
        (PARSER_ERROR, CLOSED),
        (OK, PONG)),
    Difference(
        "refuses subscriptions with more than HubLimits::subject_tokens tokens (128)",
        "Each may take up a place of its own. There, the limit is one that the operator can set.",
        b"SUB " + b".".join([b"a"] * 129) + b" 1\r\n",
        (b"-ERR 'Permissions Violation for Subscription to \"a.a...a\", too many tokens'", PONG),
        (OK, PONG)),
    Difference(
        "keeps inboxes private from other users",
        "Answers are for the client that asked: a pattern with a wildcard in the place of an inbox's "
        "name is for root, the hub's own user, and whom a rule names. There, _INBOX.> hears the "
        "answers to everybody. (Not shown here: this client is the hub's own user.)",
        b"SUB _INBOX.> 1\r\n",
        (OK, PONG),
        (OK, PONG)),
    Difference(
        "lets nobody publish below $SYS.HUB",
        "What comes from there is the hub's own word.",
        b"SUB > 1\r\nPUB $SYS.HUB.GAP 0\r\n\r\n",
        (OK, b"-ERR 'Permissions Violation for Publish to \"$SYS.HUB.GAP\"'", PONG),
        (OK, OK, b"MSG $SYS.HUB.GAP 1 0\r\n\r\n", PONG)),
    Difference(
        "answers requests to $SYS.HUB.STATS",
        "They are how programs see what it counts. The answer comes when the hub has nothing else to "
        "do, or after 100 ms: looking at it delays nobody else, and what arrived before is counted "
        "where it could be.",
        b"SUB answer 1\r\nPUB $SYS.HUB.STATS answer 0\r\n\r\n",
        (OK, OK, b"MSG answer 1 ...\r\n{\"connections\":1,...}\r\n", PONG),
        (OK, OK, PONG)),
    Difference(
        "takes header fields away whose names begin with Hallway-",
        "They are the hub's own word on who published, and nobody may forge it.",
        HEADERS + b"SUB a 1\r\nHPUB a 34 34\r\nNATS/1.0\r\nHallway-Uid: 0\r\nA: b\r\n\r\n\r\n",
        (b"HMSG a 1 18 18\r\nNATS/1.0\r\nA: b\r\n\r\n\r\n", PONG),
        (b"HMSG a 1 34 34\r\nNATS/1.0\r\nHallway-Uid: 0\r\nA: b\r\n\r\n\r\n", PONG)),
]
