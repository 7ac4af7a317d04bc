"""What a peer sends is escaped on a terminal: control characters, bad UTF-8, bidirectional marks."""

from _support import Server, Terminal, run

HOSTILE = (b'\x00\x01\x07\x08\x0b\x1b[2J\x1b]0;title\x07\x7f\x9b31m\xc2\x9b31m\xc2\x85\r\t'
           b'\xe2\x80\xae\xe2\x81\xa6\xd8\x9c\xe2\x80\xa8\xff\xc0\xaf\xed\xa0\x80\xf5\x80\x80\x80')
HARMLESS = 'größer 日本 🚪'
MESSAGE = HOSTILE + b'\0' + HARMLESS.encode()

server = Terminal('serve', './server.sock', '--framing', 'len32', '-vv', '--ack')
server.wait_for('listening')
run('send', './server.sock', '-', '--framing', 'len32', stdin=MESSAGE + b'<end>', check=0)
shown = server.wait_for('<end>') + server.wait_for('<end>')
assert HARMLESS.encode() in shown
assert br'\x1b[2J' in shown and br'\u202e' in shown and br'\xff' in shown and br'\x00' not in shown
# Colours of our own are the only escape sequences.
for own in [b'\x1b[32m', b'\x1b[m', b'\x1b[0m', b'\r\n']:
    shown = shown.replace(own, b'')
text = shown.decode()
assert all(ord(letter) >= 0x20 and not 0x7f <= ord(letter) < 0xa0 for letter in text), shown
assert not set('\u202e\u2066\u061c\u2028') & set(text)
server.close()

# Without colours there is none at all.
plain = Terminal('serve', './plain.sock', env={'NO_COLOR': '1'})
plain.wait_for('listening')
assert b'\x1b' not in plain.seen
plain.close()

# A client is as careful, and so are the lines about failures.
with Server('--on', r'x=\x1b[31m') as server:
    client = Terminal('request', server.address, 'x')
    assert client.rest() == b'\\x1b[31m\r\n'
    client.close()
failed = run('connect', './\x1b[31m\u202e', check=7)
assert b'\x1b' not in failed.stderr and '\u202e'.encode() not in failed.stderr
