"""With signals blocked or ignored by a parent, and its limits, a server can be stopped and commands work."""
import os
import resource
import signal
import subprocess

from _support import DEADLINE, HALLWAY, Hub, Process, Server, run, thread_sanitized


def blocking():
    signal.pthread_sigmask(signal.SIG_BLOCK, range(1, signal.NSIG))


def ignoring(*numbers):
    return lambda: [signal.signal(number, signal.SIG_IGN) for number in numbers]


# Nothing that is blocked or ignored at the start keeps SIGTERM and SIGINT from ending a server.
for number in [signal.SIGTERM, signal.SIGINT]:
    for parent in [blocking, ignoring(signal.SIGTERM, signal.SIGINT)]:
        for kind in [Server, Hub]:
            with kind(preexec_fn=parent) as server:
                server.signal(number)
                assert server.status() == 0
with Hub() as hub:
    for verb in [['subscribe', '>'], ['connect', hub.address]]:
        client = Process(*verb, env={'HALLWAY_HUB': hub.address}, preexec_fn=blocking,
                         stdin=os.pipe()[0])
        hub.says('connected')
        hub.err.all.clear()
        client.signal(signal.SIGTERM)
        client.status()

# Ignored children are not reaped by the kernel behind our back: it is known how they ended.
for parent in [None, blocking, ignoring(signal.SIGCHLD), ignoring(signal.SIGCHLD, signal.SIGPIPE)]:
    with Server('--handler', 'cat', '--no-print', preexec_fn=parent) as server:
        for word in [b'one', b'two']:
            assert run('request', server.address, word, check=0).stdout == word + b'\n'
    with Server('--handler', 'exit 3', '--ack', preexec_fn=parent) as server:
        assert run('request', server.address, 'x', check=0).stdout == b'__ACK__\n'
        assert 'exit status 3' in server.says('handler failed')
    with Server('--', 'sh', '-c', 'cat; exit 4', preexec_fn=parent) as server:
        assert run('request', server.address, 'x', check=0).stdout == b'x\n'
        assert 'exit status 4' in server.says('the program ended')

# What a command gets is what we got, and nothing that we made of it for ourselves.
SHOW = ('grep -E "^Sig(Blk|Ign)" /proc/self/status; umask; ulimit -n; ulimit -f; '
        'cat >/dev/null; yes | head -n 1')


def limited():
    blocking()
    ignoring(signal.SIGPIPE, signal.SIGTERM, signal.SIGCHLD)()
    os.umask(0o027)
    resource.setrlimit(resource.RLIMIT_NOFILE, (200, 300))
    resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 20, 1 << 20))


# Two that the C library keeps to itself are always ignored in what it starts.
INTERNAL = 1 << 31 | 1 << 32
EXPECTED = ['SigBlk:\t0000000000000000', '0027', '200', str((1 << 20) // 512), 'y']
for words in [['--handler', SHOW], ['--', 'sh', '-c', SHOW]]:
    with Server(*words, preexec_fn=limited) as server:
        peer = server.connect()
        peer.send('x\n')
        peer.half_close()
        shown = peer.rest().decode().splitlines()
        ignored = shown.pop(1)
        assert shown == EXPECTED, shown
        assert int(ignored.removeprefix('SigIgn:'), 16) & ~INTERNAL == 0, ignored

# nohup: a terminal that goes away changes nothing, and so SIGHUP neither ends nor reloads.
for kind in [Server, Hub]:
    with kind('-v', preexec_fn=ignoring(signal.SIGHUP)) as server:
        assert 'SIGHUP is ignored' in server.says('no reload')
        server.signal(signal.SIGHUP)
        server.connect().close()
        server.says('closed')
        assert not [line for line in server.err.all if b'reloaded' in line]
        with open(f'/proc/{server.pid}/status') as status:
            ignored = next(line for line in status if line.startswith('SigIgn'))
        assert int(ignored.split()[1], 16) & 1 << signal.SIGHUP - 1

# A file may not grow: what must be written is missed with a word, what is nice to have is not.
def without_files():
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    # The thread sanitizer writes a file before main() begins: the signal would end the process there.
    if thread_sanitized():
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)


for kind in [Server, Hub]:
    with kind(preexec_fn=without_files) as server:
        run('wait', server.address, check=0)
        # The lock holds, though it does not say for whom.
        assert b'in use by' in run(kind.verb, server.address, check=1).stderr
refused = run('bench', '--duration', '0.1', '--report', 'page.html', preexec_fn=without_files)
assert refused.returncode == 1 and b'File too large' in refused.stderr, refused

# Nor does it end without a word where what it prints goes into such a file.
with open('printed', 'wb') as out:
    process = subprocess.Popen([HALLWAY, 'serve', './server.sock'], stdout=out,
                               stderr=subprocess.PIPE, preexec_fn=without_files)
    run('wait', './server.sock', '--timeout', '10s', check=0)
    run('send', './server.sock', 'x')
    said = process.communicate(timeout=DEADLINE)[1]
    assert process.returncode == 1 and b'File too large' in said, (process.returncode, said)
