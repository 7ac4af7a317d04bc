"""Each kind of failure has its exit status, one line on stderr, and a hint if there is advice."""
import os
import socket

from _support import Server, run


def fails(status, *words, says=(), **options):
    ended = run(*words, check=status, **options)
    lines = ended.stderr.decode().splitlines()
    assert lines[0].startswith('hallway: '), lines
    assert all(line.startswith('hint: ') for line in lines[1:]), lines
    for word in says:
        assert word in lines[0], (word, lines)
    assert ended.stdout == b''


# 2: usage.
fails(2)
fails(2, 'dance', says=['no verb "dance"'])
fails(2, 'sevre', says=['no verb "sevre"; did you mean serve?'])
fails(2, 'serve', '--ecko', says=['unknown flag --ecko; did you mean --echo?'])
fails(2, 'send', '--quite', 'x', says=['unknown flag --quite; did you mean --quiet?'])
fails(2, 'serve', '--dance', says=['--dance'])
fails(2, 'connect', 'a', 'b', says=['unexpected argument b'])
fails(2, 'serve', '--max-message', '4X', says=['--max-message', '4X', 'size'])
fails(2, 'serve', '--timeout', 'soon', says=['--timeout', 'soon', 'duration'])
fails(2, 'serve', '--type', 'tcp', says=['--type', 'tcp'])
fails(2, 'serve', '--framing', 'words', says=['--framing', 'words'])
fails(2, 'serve', '--mode', '999', says=['--mode', '999'])
fails(2, 'serve', '--owner', 'nobody-by-that-name', says=['--owner', 'nobody-by-that-name'])
fails(2, 'serve', '--allow', 'everybody', says=['--allow', 'everybody'])
for overflow in ['uid:65534', 'gid:65534']:
    fails(2, 'serve', '--allow', overflow, says=['--allow', overflow, 'user namespace'])
fails(2, 'serve', '--full', 'sometimes', '--broadcast', says=['--full', 'sometimes'])
fails(2, 'serve', '--on', 'word', says=['--on', 'word'])
fails(2, 'serve', '--on', r'a=\q', says=['--on', r'a=\q'])
fails(2, 'serve', '--ready-fd', '99', says=['--ready-fd', '99'])
fails(2, 'serve', 'tcp:host:80', says=['tcp:host:80', 'an address here is of a Unix socket, not of TCP'])
fails(2, 'serve', '--max-connections', '0', says=['--max-connections', '0'])
fails(2, 'serve', '--', says=['--'])
fails(2, 'send', says=['MESSAGE'])
fails(2, 'send', '--dance', 'x', says=['--dance'])
fails(2, 'request', 'a', 'b', 'c', says=['MESSAGE'])
fails(2, 'connect', '--type')

# A length has 32 bits on the wire; more is not silently less.
fails(2, 'serve', '--max-message', '5G', says=['--max-message 5G', 'too large'])
fails(2, 'request', '--max-message', '4294967295', './nothing', 'x', says=['--max-message', 'too large'])
fails(7, 'request', '--max-message', '4294967294', './nothing', 'x')

fails(2, 'send', 'x', '--wait-reply=', says=['--wait-reply=', 'takes no value'])
fails(2, 'send', './nothing', 'x', '--sized=', says=['--sized=', 'takes no value'])
for count in ['-1', '0', '1.5', 'abc']:
    fails(2, 'send', 'x', f'--wait-reply={count}', says=[f'--wait-reply {count}', 'not a count'])
# A hint of the library is also shown.
for words, hint in [(['serve', '--type', 'tcp'], 'use stream, seqpacket or datagram'),
                    (['serve', '--allow', 'everybody'], 'use uid:U, gid:G, group:NAME'),
                    (['serve', 'tcp:host:80'], 'a file of that name is "./tcp:host:80"'),
                    (['serve', '--max-message', '5G'], 'a message has at most 4294967294 bytes'),
                    (['serve', '--mode', '999'], 'hallway serve --help')]:
    assert f'hint: {hint}' in run(*words, check=2).stderr.decode(), words

# 7: no server.
fails(7, 'request', './nothing', 'x', says=['connect', './nothing'])
fails(7, 'connect', './nothing')
fails(7, 'send', '@nothing-by-that-name', 'x')
fails(7, 'send', '--type', 'datagram', './nothing', 'x')
fails(7, 'connect', 'exec:/nonexistent/program')
left = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
left.bind('left.sock')
left.close()
fails(7, 'request', './left.sock', 'x', says=['./left.sock'])
open('file', 'w').close()
fails(7, 'request', './file', 'x', says=['that is a regular file, not a socket'])

# Where the error may have several causes, the hint names the verb that tells them apart.
for status, words, advice in [
        (7, ['request', './nothing', 'x'], 'hallway diagnose ./nothing'),
        (7, ['request', 'nothing', 'x'], 'hallway diagnose unix:nothing'),
        (7, ['connect', "./it's nothing"], r"hallway diagnose './it'\''s nothing'"),
        (7, ['send', '@nothing-by-that-name', 'x'], 'hallway diagnose abstract:nothing-by-that-name'),
        (7, ['send', '--type', 'datagram', './left.sock', 'x'], 'hallway diagnose ./left.sock'),
        (7, ['publish', '--at', './nothing', 'a', 'x'], 'hallway diagnose ./nothing'),
        (28, ['wait', './nothing', '--timeout', '50ms'], 'hallway diagnose ./nothing'),
        (1, ['serve', './no/such/directory/socket'], 'hallway diagnose ./no/such/directory/socket --bind')]:
    told = run(*words, check=status).stderr.decode()
    assert told.endswith(f'to find out why: {advice}\n') and told.count('hint: ') == 1, (words, told)

# 28: a deadline passed.
silent = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
silent.bind('silent.sock')
silent.listen()
fails(28, 'request', './silent.sock', 'x', '--timeout', '1s',
      says=['./silent.sock: no answer within 1s (--timeout)'])
with Server('--framing', 'raw', '--ack', '7 bytes') as server:
    fails(28, 'request', server.address, 'x', '--timeout', '1s',
          says=['7 bytes came, but no whole message: does the server use the same --framing?'])
fails(28, 'wait', './nothing', '--timeout', '50ms', says=['./nothing', '50ms'])

# 1: failed while running.
with Server() as server:
    fails(7, 'connect', server.address, '--type', 'seqpacket',
          says=[f'{server.address}: it is a stream socket: use --type stream'])
    fails(1, 'serve', server.address, says=[server.address, str(server.pid)])
    fails(1, 'request', server.address, 'exit')
    fails(1, 'send', server.address, 'x' * 100, '--max-message', '10')
    fails(1, 'send', server.address, '-', '--max-message', '10', stdin='x' * 100, says=['10'])
    fails(1, 'connect', server.address, '--max-message', '10', stdin='x' * 100, says=['10'])
fails(1, 'serve', './file', says=['./file'])
# The program is named, and not whoever made the socket pair for it.
fails(1, 'request', 'exec:true', 'x', says=[' exec:true: '])
fails(1, 'connect', 'exec:head -c 100000', stdin='x' * 200000 + '\n',
      says=['exec:head -c 100000'])
assert os.path.exists('file')
fails(1, 'serve', './no/such/directory/socket')

# 77: denied.
with Server() as server:
    other = str(os.geteuid() + 1)
    for words in [['request', server.address, 'x'], ['connect', server.address],
                  ['wait', server.address]]:
        fails(77, *words, '--server-uid', other, says=[server.address])
        fails(77, *words, '--server-uid', '65534', says=[server.address, 'user namespace'])
    if os.geteuid() != 65534:  # which no server can be asked to be
        run('send', server.address, 'x', '--server-uid', str(os.geteuid()), check=0)
with Server('--type', 'datagram', address='./datagrams') as server:
    for words in [['send', server.address, 'x'], ['connect', server.address],
                  ['wait', server.address]]:
        fails(77, *words, '--type', 'datagram', '--server-uid', other, says=[server.address])
        run(*words, '--type', 'datagram', '--server-uid', str(os.geteuid()), check=0)
