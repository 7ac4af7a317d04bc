# SPDX-License-Identifier: Apache-2.0
"""A nats-server, our hub, and clients of either that are played from transcripts."""

import contextlib
import json
import re
import socket
from collections import Counter
from typing import NamedTuple

from _support import DEADLINE, HALLWAY, Process, example, need, start, wait_until


class NatsServer:
    """Debian's, on loopback."""

    name = "nats-server"

    def __init__(self, directory):
        need("nats-server")
        self.ports = directory / "ports"
        self.ports.mkdir()
        self.process = Process("nats-server", "-a", "127.0.0.1", "-p", "-1", "--ports_file_dir",
                               self.ports)
        self.port = wait_until(self._port, "nats-server listens")

    def _port(self):
        for file in self.ports.iterdir():
            with contextlib.suppress(ValueError):
                return int(json.loads(file.read_text())["nats"][0].rpartition(":")[2])
        return None

    def connect(self):
        return connect_to_port(self.port)


def connect_to_port(port):
    client = socket.socket()
    client.settimeout(DEADLINE)
    client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    # Room for all it is sent: a server that refuses it has TCP throw away what is under way.
    client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
    client.connect(("127.0.0.1", port))
    return client


class Hub:
    """Ours, on a Unix socket."""

    name = "the hub"

    def __init__(self, directory):
        self.directory = directory
        self.address = directory / "hub"
        self.where = str(self.address)  # for a program that opens a Unix socket or a URL
        self.process = start(example("hub"), self.address)

    def connect(self):
        client = socket.socket(socket.AF_UNIX)
        client.settimeout(DEADLINE)
        client.connect(self.where)
        return client

    def url(self):
        """For a program that knows TCP only: socat makes it this Unix socket."""
        need("socat")
        bridge = Process("socat", "-d", "-d", "TCP-LISTEN:0,bind=127.0.0.1,fork",
                         f"UNIX-CONNECT:{self.address}")
        listening = re.compile(rb"listening on \S+ (\S+:\d+)\n")
        told = bridge.err.wait_for(listening.search, "an address")
        return "nats://" + listening.search(told)[1].decode()

    def again(self):
        """Another one at the same place, after this one has ended."""
        return Hub(self.directory)


class TcpHub:
    """Ours, whose clients know nothing of Unix sockets."""

    name = "the hub over TCP"

    def __init__(self, directory, port=0):
        self.directory = directory
        self.process = Process(HALLWAY, "hub", directory / "hub", "--listen",
                               f"tcp:127.0.0.1:{port}")
        listening = re.compile(rb"listening: tcp:127\.0\.0\.1:(\d+) \(hub\)\n")
        told = self.process.err.wait_for(listening.search, "a port")
        self.port = int(listening.search(told)[1])
        self.where = self.url()

    def connect(self):
        return connect_to_port(self.port)

    def url(self):
        return f"nats://127.0.0.1:{self.port}"

    def again(self):
        return TcpHub(self.directory, self.port)


def hubs(directory):
    """A hub of each kind, one after the other, each in a directory of its own."""
    for kind in (TcpHub, Hub):
        place = directory / kind.__name__
        place.mkdir()
        yield kind(place)


# --- one client -----------------------------------------------------------------------------------


class Heard(NamedTuple):
    """A line from the server; a message has more."""

    line: bytes
    payload: bytes = b""
    subject: bytes = b""
    sid: bytes = b""

    @property
    def group(self):
        """The queue group it was received for; see _transcripts."""
        return self.sid[1:].partition(b".")[0] if self.sid.startswith(b"q") else b""


CLOSED = Heard(b"(closed)")
NOBODY_LISTENS = b"NATS/1.0 503\r\n\r\n"


class Client:
    def __init__(self, server):
        self.socket = server.connect()
        self.bytes = b""
        self.heard = []
        self.open = True
        self._next()  # INFO

    def close(self):
        self.socket.close()

    def play(self, step):
        """What it says and, after that, all that comes of it."""
        if not self.open:
            return
        with contextlib.suppress(OSError):  # the server may have had enough
            for piece in step.pieces():
                self.socket.sendall(piece)
            if step.goes:
                self.socket.shutdown(socket.SHUT_WR)
            else:
                self.socket.sendall(b"PING\r\n")
        self.listen(None if step.goes else step.pongs + 1)

    def fence(self):
        if self.open:
            with contextlib.suppress(OSError):
                self.socket.sendall(b"PING\r\n")
            self.listen(1)

    def leave(self):
        """Once this is done, the server knows it, too."""
        if self.open:
            with contextlib.suppress(OSError):
                self.socket.shutdown(socket.SHUT_WR)
            self.listen(None)
        self.socket.close()

    def listen(self, pongs):
        """Until so many PONGs; None: until the end."""
        while self.open and pongs != 0:
            heard = self._next()
            if heard.line == b"PONG" and pongs:
                pongs -= 1

    def _next(self):
        heard = self._read()
        if heard.line != b"PING":  # comes when it comes
            self.heard.append(heard)
        self.open = heard is not CLOSED
        return heard

    def _read(self):
        line = self._until(lambda got: got.find(b"\r\n") + 2 or None)
        if line is None:
            return CLOSED
        words = line.split()
        if words[:1] not in ([b"MSG"], [b"HMSG"]):
            return Heard(without_what_differs(line[:-2]))
        size = int(words[-1]) + 2
        payload = self._until(lambda got: size if len(got) >= size else None)
        return Heard(line, payload, words[1], words[2]) if payload else CLOSED

    def _until(self, whole):
        """So much of what came as is `whole`; None: it never will be."""
        while (end := whole(self.bytes) if self.bytes else None) is None or end == 1:
            try:
                piece = self.socket.recv(1 << 18)
            except ConnectionError:  # it closed before it had read all we said
                piece = b""
            if not piece:
                assert not self.bytes, f"half a line: {self.bytes!r}"
                return None
            self.bytes += piece
        taken, self.bytes = self.bytes[:end], self.bytes[end:]
        return taken


def without_what_differs(line):
    """Of INFO only what is the same for all servers of that protocol."""
    if not line.startswith(b"INFO "):
        return line
    info = json.loads(line[5:])
    return b"INFO %r" % {key: info[key] for key in ("proto", "headers", "max_payload", "version")}


# --- all of a transcript --------------------------------------------------------------------------


def play(server, transcript):
    """What each of its clients heard."""
    clients = [Client(server) for _ in range(transcript.clients)]
    try:
        for step in transcript.steps:
            clients[step.who].play(step)
        for client in clients:
            client.fence()
        for client in clients:
            client.leave()
        return [client.heard for client in clients]
    finally:
        for client in clients:
            client.close()


INVALID_SUBJECT = Heard(b"-ERR 'Invalid Publish Subject'")

# Why our hub closes a connection where a nats-server says nothing.
LAST_WORDS = b"-ERR 'Parser Error", b"-ERR 'message headers not supported'", b"-ERR 'Client Error"


def normalised(heard_by_all):
    """What must be the same, whatever a server may choose: who of a queue group gets a message, in
    which order one client gets a message for which it has several subscriptions, and to which of
    these it is told that nobody listens. Without what our hub alone says before it closes."""
    groups = Counter()
    streams = []
    for heard_by_one in heard_by_all:
        stream = []
        run, run_of = [], None
        for heard in heard_by_one:
            if heard.line.startswith(LAST_WORDS):
                continue
            if heard.payload == NOBODY_LISTENS + b"\r\n":
                heard = heard._replace(line=heard.line.replace(heard.sid, b"?", 1), sid=b"")
            if heard.group:
                line = heard.line.replace(heard.sid, heard.group)
                groups[heard._replace(line=line, sid=heard.group)] += 1
                continue
            same_as = heard.subject, heard.payload
            if same_as != run_of:
                stream += sorted(run)
                run, run_of = [], same_as if heard.subject else None
            (run if heard.subject else stream).append(heard)
        streams.append(once_complained(stream + sorted(run)))
    return streams, groups


def once_complained(stream):
    """nats-server looks at the subject of a message before the payload is there, and again where it
    came in pieces."""
    ends = len(stream)
    while ends and (stream[ends - 1] is CLOSED or stream[ends - 1].line.startswith(b"-ERR")):
        ends -= 1
    return [heard for index, heard in enumerate(stream)
            if heard != INVALID_SUBJECT or index < ends and stream[index + 1] != INVALID_SUBJECT]
