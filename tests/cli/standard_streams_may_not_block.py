"""A standard stream that another process made non-blocking (node, ssh) is waited for like any other."""
import os
import subprocess
import threading

from _support import HALLWAY, Hub, Server, run

SIZE = 300000


def slow_reader():
    """A pipe that does not block, and what comes out of it."""
    reader, writer = os.pipe()
    os.set_blocking(writer, False)
    return reader, writer


def all_of(reader):
    got = b''
    while piece := os.read(reader, 4096):
        got += piece
    os.close(reader)
    return got


def printed_by(*words, stdin=subprocess.DEVNULL):
    reader, writer = slow_reader()
    process = subprocess.Popen([HALLWAY, *words], stdout=writer, stdin=stdin)
    os.close(writer)
    got = all_of(reader)
    assert process.wait(30) == 0, words
    return got


with Server('--echo', '--no-print', address='./echo.sock') as server:
    text = 'x' * (SIZE // 3)
    assert len(printed_by('request', server.address, text)) == len(text) + 1
    assert len(printed_by('send', server.address, '--wait-reply=3', text, text, text)) == SIZE + 3
    with open('lines', 'w') as lines:
        lines.write((text + '\n') * 3)
    with open('lines') as lines:
        assert len(printed_by('connect', server.address, stdin=lines)) == SIZE + 3
assert printed_by('completions', 'bash') == run('completions', 'bash', check=0).stdout

# Input that is not there yet.
with Server() as server, Hub() as hub:
    for words in ('send', server.address, '-'), ('connect', server.address), ('publish', 'a', '-', '--at', hub.address):
        reader, writer = os.pipe()
        os.set_blocking(reader, False)
        process = subprocess.Popen([HALLWAY, *words, '-v'], stdin=reader, stdout=subprocess.DEVNULL,
                                   stderr=subprocess.PIPE)
        os.close(reader)
        if words[0] == 'connect':
            assert b'connected' in process.stderr.readline()
        threading.Timer(0.1, lambda: (os.write(writer, b'late\n'), os.close(writer))).start()
        said = process.communicate(timeout=30)[1]
        assert process.returncode == 0, (words, said)
        if words[0] != 'publish':
            assert server.out.next() == b'late'

# Standard error that does not block: all of a long line arrives.
reader, writer = slow_reader()
server = subprocess.Popen([HALLWAY, 'serve', './said.sock', '--echo', '--no-print', '-vv'], stderr=writer)
os.close(writer)
run('wait', './said.sock', check=0)
run('request', './said.sock', 'x' * 100000, check=0)
server.terminate()
said = all_of(reader)
assert server.wait(30) == 0 and said.count(b'x' * 100000) == 2
