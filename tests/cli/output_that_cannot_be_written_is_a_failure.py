"""Each verb that prints exits 1 when its output cannot be written, and reports the reason."""
import json
import os
import subprocess

from _support import HALLWAY, Hub, Server, run, skip

if not os.path.exists('/dev/full'):
    skip('/dev/full is missing')


def fails(*words, out='/dev/full', stdin=b'', before=''):
    ended = subprocess.run(['sh', '-c', f'{before}exec "$HALLWAY" "$@" >{out}', 'sh', *words], input=stdin,
                           stderr=subprocess.PIPE, timeout=30)
    assert ended.returncode == 1 and b'standard output' in ended.stderr, (words, ended)


for words in ('--help',), ('--version',), ('serve', '--help'), ('completions', 'bash'):
    fails(*words)
    fails(*words, out='&-')

with Server('--echo', '--no-print') as server:
    for form in (), ('--json',):
        fails('request', server.address, 'x', *form)
        fails('request', server.address, 'x', *form, out='&-')
        fails('send', server.address, '--wait-reply=2', 'a', 'b', *form)
        fails('connect', server.address, *form, stdin=b'x\n')
        fails('connect', server.address, *form, stdin=b'x\n', out='&-')
    fails('bench', server.address, '--duration', '100ms', '-q')

with Hub() as hub:
    for words in ('subscribe', 'a', '--count', '1'), ('subscribe', 'a', '--json'):
        subscriber = subprocess.Popen([HALLWAY, *words, '--at', hub.address, '-v'],
                                      stdout=open('/dev/full', 'w'), stderr=subprocess.PIPE)
        while b'subscribed' not in subscriber.stderr.readline():
            pass
        run('publish', 'a', 'x', '--at', hub.address, check=0)
        said = subscriber.communicate(timeout=30)[1]
        assert subscriber.returncode == 1 and b'standard output' in said, said
    answering = subprocess.Popen([HALLWAY, 'subscribe', 'ask', '--at', hub.address, '--json', '-v', '--count', '1'],
                                 stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    while b'subscribed' not in answering.stderr.readline():
        pass
    asking = subprocess.Popen(['sh', '-c', 'exec "$HALLWAY" request --subject ask --at "$1" x >/dev/full', 'sh',
                               hub.address], stderr=subprocess.PIPE)

    reply = json.loads(answering.stdout.readline())['reply']
    run('publish', reply, 'answer', '--at', hub.address, check=0)
    said = asking.communicate(timeout=30)[1]
    assert asking.returncode == 1 and b'standard output' in said, said

# A reader that has seen enough is not a failure.
assert subprocess.run(['sh', '-c', '{ "$HALLWAY" --help; echo $? >status; } | true'], timeout=30).returncode == 0
assert open('status').read() in ('0\n',)

# --ready-fd: a process that waits for the newline would wait for ever.
with open('/dev/full', 'w') as full:
    server = subprocess.run([HALLWAY, 'serve', './ready.sock', '--ready-fd', str(full.fileno())],
                            pass_fds=(full.fileno(),), stderr=subprocess.PIPE, timeout=30)
    assert server.returncode == 1 and b'--ready-fd' in server.stderr, server
read_end, write_end = os.pipe()
os.set_blocking(write_end, False)
try:
    while True:
        os.write(write_end, b'x' * 4096)
except BlockingIOError:
    pass
os.set_blocking(write_end, True)
server = subprocess.run([HALLWAY, 'serve', './ready.sock', '--ready-fd', str(write_end)],
                        pass_fds=(write_end,), stderr=subprocess.PIPE, timeout=30)
assert server.returncode == 1 and b'--ready-fd' in server.stderr, server
