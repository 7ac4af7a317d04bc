"""When the reader of standard output goes away, the server drains and exits 0, as `serve | head` needs."""
import os
import signal
import subprocess

from _support import Server, run, until

with Server() as server:
    run('send', server.address, 'one', check=0)
    assert server.out.next() == b'one'
    server.kill()

pipeline = subprocess.Popen(
    ['sh', '-c', '"$HALLWAY" serve ./piped.sock -q; echo "exit $?" >status'], stdout=subprocess.PIPE)
run('wait', './piped.sock', check=0)
run('send', './piped.sock', 'one', check=0)
assert pipeline.stdout.readline() == b'one\n'
pipeline.stdout.close()
assert pipeline.wait(30) == 0
assert open('status').read() == 'exit 0\n'
assert not os.path.exists('piped.sock')

# One that is merely slow is waited for, and does not keep the server from hearing signals.
reader, writer = os.pipe()
server = subprocess.Popen([os.environ['HALLWAY'], 'serve', './slow.sock', '-q'], stdout=writer,
                          stderr=subprocess.DEVNULL)
os.close(writer)
run('wait', './slow.sock', check=0)
run('send', './slow.sock', '-', stdin=b'x' * 500000, check=0)
until(lambda: os.path.exists('slow.sock'), 'the server')
server.send_signal(signal.SIGTERM)
server.send_signal(signal.SIGTERM)
read = 0
while chunk := os.read(reader, 1 << 16):
    read += len(chunk)
assert server.wait(30) in (0, 128 + signal.SIGTERM)

# A full disk is a failure.
if os.path.exists('/dev/full'):
    with open('/dev/full', 'w') as full:
        server = subprocess.Popen([os.environ['HALLWAY'], 'serve', './full.sock'], stdout=full,
                                  stderr=subprocess.PIPE)
    run('wait', './full.sock', check=0)
    run('send', './full.sock', 'x', check=0)
    said = server.communicate(timeout=30)[1]
    assert server.returncode == 1 and b'standard output' in said
