"""Whatever bytes others choose: none that steers a terminal gets out, in any verb's output.

On a terminal that goes for messages, and anywhere for logs and errors: 256 bytes in each position,
sequences that are split over messages, bidirectional marks, names of peers, addresses and values.
"""
import os
import re
import socket
import struct
import subprocess
import threading

from _support import DEADLINE, HALLWAY, Peer, Process, Server, Terminal, run

# What turns writing around or breaks lines without being a control character.
TURNING = '\u061c\u200e\u200f\u2028\u2029\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069'

BYTES = [bytes([value]) for value in range(256)]
CORPUS = [
    *BYTES,
    *[b'x' + byte for byte in BYTES], *[byte + b'x' for byte in BYTES],
    *[b'x' + byte + b'x' for byte in BYTES],
    # Within code points of two to four bytes, and after the first half of one.
    *[start + byte for start in (b'\xc3', b'\xe2\x80', b'\xf0\x9f\x9a') for byte in BYTES],
    # Control and operating system commands, in 7 and 8 bits, whole and cut in two.
    b'\x1b[2J', b'\x9b2J', '\u009b2J'.encode(), b'\x1b]0;title\x07', b'\x9d0;title\x9c',
    b'\x1b]52;c;ZXZpbA==\x1b\\', b'\x1bP1$r\x1b\\', b'\x1b]8;;http://x\x1b\\link\x1b]8;;\x1b\\',
    b'\x1b', b'[31m', b'\x1b[?1049h', b'\x1bc', b'\x08' * 20, b'\rrewritten',
    b'\x0e', b'\x7f',
    *[f'a{mark}b{mark}'.encode() for mark in TURNING],
    b'\xc0\xaf', b'\xed\xa0\x80', b'\xf5\x80\x80\x80',
]
END = b'<the end>'
NAME = '\x1b[31m\u202e\x07\u009bnasty'

PLAIN = {'NO_COLOR': '1', 'TERM': 'dumb'}


def assert_harmless(shown, line_ends=b'\n'):
    """Text without anything that steers; line_ends may be in it."""
    text = shown.replace(line_ends, b'').decode()  # a byte that is no UTF-8 fails here
    for letter in text:
        steers = ord(letter) < 0x20 or 0x7f <= ord(letter) < 0xa0 or letter in TURNING
        assert not steers, (hex(ord(letter)), text[max(0, text.index(letter) - 40):][:80])


def frames(messages):
    return b''.join(struct.pack('=I', len(message)) + message for message in messages)


class Speaker:
    """A server that says the corpus to whoever comes."""

    def __init__(self, path):
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(path)
        self.listener.listen()
        threading.Thread(target=self.serve, daemon=True).start()

    def serve(self):
        while True:
            client, _ = self.listener.accept()
            client.sendall(frames([*CORPUS, END]))
            client.shutdown(socket.SHUT_WR)
            threading.Thread(target=client.recv, args=[1 << 20], daemon=True).start()


# serve: messages and the log about them, on a terminal.
server = Terminal('serve', './terminal.sock', '--framing', 'len32', '-vv', env=PLAIN)
server.wait_for('listening')
client = Peer('./terminal.sock')
client.send(frames([*CORPUS, END]))
shown = server.wait_for(END) + server.wait_for(END)
assert shown.count(b'\n') > 2 * len(CORPUS)
assert_harmless(shown, b'\r\n')
server.close()

# The same log, and errors of a client's making, where no terminal is.
with Server('--framing', 'len32', '-vv', '--no-print', address='./log.sock') as server:
    client = server.connect()
    client.send(frames([*CORPUS, END]))
    server.says(END.decode())
    client.send(struct.pack('=I', 1 << 31))
    server.says('closed')
    assert len(server.err.all) > len(CORPUS)
    assert_harmless(b'\n'.join(server.err.all))

# JSON is ASCII wherever it goes.
with Server('--framing', 'len32', '-vv', '--json', address='./json.sock') as server:
    server.connect().send(frames([*CORPUS, END]))
    server.out.wait(lambda: any(END in line for line in server.out.all), 'the end')
    server.says(END.decode())
    for stream in (server.out, server.err):
        assert all(0x20 <= byte < 0x7f for byte in b''.join(stream.all))

# connect, send and request: what a server says.
Speaker('./speaker.sock')
replies = str(len(CORPUS) + 1)
for words in [['connect', './speaker.sock'], ['connect', './speaker.sock', '--hex'],
              ['send', './speaker.sock', 'x', f'--wait-reply={replies}']]:
    client = Terminal(*words, '--framing', 'len32', '-vv', env=PLAIN)
    shown = client.wait_for(END) + client.wait_for(END)  # the message and the log's line about it
    assert shown.count(b'\n') > 2 * len(CORPUS)
    assert_harmless(shown, b'\r\n')
    client.close()
client = Terminal('request', './speaker.sock', 'x', '--framing', 'raw', env=PLAIN)
assert_harmless(client.rest(), b'\r\n')
assert len(client.seen) > 100
client.close()

# Names of processes: the client's in the log, the server's in "in use by".
RENAMED = """
import socket, sys
open('/proc/self/comm', 'wb').write(sys.argv[1].encode()[:15])
mine = socket.socket(socket.AF_UNIX)
mine.connect(sys.argv[2]) if len(sys.argv) == 3 else (mine.bind(sys.argv[3]), mine.listen())
print('ready', flush=True)
sys.stdin.read()
"""


def renamed(*words):
    process = subprocess.Popen(['python3', '-c', RENAMED, NAME, *words], stdin=subprocess.PIPE,
                               stdout=subprocess.PIPE)
    assert process.stdout.readline() == b'ready\n'
    return process


def let_end(process):
    process.communicate(timeout=DEADLINE)


with Server(address='./names.sock') as server:
    process = renamed('./names.sock')
    assert r'\x1b[31m' in server.says('connected')
    let_end(process)
    assert_harmless(b'\n'.join(server.err.all))
process = renamed('', './taken.sock')
failed = run('serve', './taken.sock', check=1)
assert rb'\x1b[31m' in failed.stderr, failed.stderr
assert_harmless(failed.stderr)
let_end(process)

# Names of sockets, ours and a datagram sender's.
hostile = f'@hallway-{os.getpid()}-{NAME}'
server = Process('serve', hostile)
assert r'\x1b[31m' in server.says('listening')
server.signal(15)
assert server.status() == 0
assert_harmless(b'\n'.join(server.err.rest()))
server = Terminal('serve', './datagrams.sock', '--type', 'datagram', '-vv', '--ack', env=PLAIN)
server.wait_for('listening')
sender = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
sender.bind('\0' + hostile)


def send_all():
    for message in [*CORPUS, END]:
        sender.sendto(message, './datagrams.sock')
        sender.recv(100)


threading.Thread(target=send_all, daemon=True).start()
shown = server.wait_for(END) + server.wait_for(END)
# One who hears nobody but his friend: his name is in the line that says so.
friend, deaf = [socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) for _ in range(2)]
friend.bind('./friend.sock')
deaf.bind('\0deaf-' + hostile)
deaf.connect('./friend.sock')
deaf.sendto(b'x', './datagrams.sock')
shown += server.wait_for('not answered') + server.wait_for('\r\n')
assert rb'\x1b[31m' in shown
assert_harmless(shown, b'\r\n')
server.close()

# Errors: whatever stands on a command line or in the environment may be somebody else's text.
values = [NAME, f'./{NAME}', f'@{NAME}', f'unix:/{NAME}/x', f'fd:{NAME}', f'exec:{NAME}',
          f'activation:{NAME}', f'tcp:{NAME}', 'x' * 200 + NAME]
SERVED = (NAME, f'./{NAME}', f'@{NAME}', 'x' * 200 + NAME)
for value in values:
    for words in [['serve', value, '--once'], ['connect', value], ['send', value, 'x'],
                  ['request', value, 'x'], ['wait', value, '--timeout', '10ms']]:
        if words[0] == 'serve' and value in SERVED:
            continue  # it would, and not end
        for form in [[], ['--json']]:
            ended = run(*words, *form)
            assert ended.returncode != 0 and ended.stderr, (words, ended)
            assert_harmless(ended.stderr)
    ended = run('connect', env={'HALLWAY_ADDRESS': value})
    assert ended.returncode != 0
    assert_harmless(ended.stderr)
for flag in ['--type', '--framing', '--max-message', '--timeout', '--mode', '--owner', '--group',
             '--allow', '--full', '--on', '--ready-fd', '--max-connections']:
    assert_harmless(run('serve', './never.sock', flag, NAME, check=2).stderr)
for words in [[NAME], [f'--{NAME}'], ['serve', f'--{NAME}'], ['connect', 'a', NAME],
              ['help', NAME]]:
    assert_harmless(run(*words, check=2).stderr)
command = f"printf '{NAME}' > /dev/null; exit 3"
handled = Process('serve', './handled.sock', '--handler', command, '-v')
handled.says('listening')
handled_client = Peer('./handled.sock')
handled_client.send('x\n')
handled.says('handler')
handled.signal(15)
handled.status()
assert_harmless(b'\n'.join(handled.err.rest()))

# The name under which the command was started.
os.symlink(HALLWAY, NAME)
started = subprocess.run([f'./{NAME}', 'connect', './nothing', '-v'], capture_output=True,
                         timeout=DEADLINE)
assert_harmless(started.stderr)
assert re.search(rb'no such socket', started.stderr)
