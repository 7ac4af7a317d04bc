#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Every system call of the command fails once, for real: under strace's fault injection.

What tests/unit/faults does at the seam of src/sys, seen from outside: `hallway serve` and `hallway
request` make the calls of a short conversation, and one of them is answered by strace instead of
the kernel. Whatever comes of it: an exit status that is documented, with a line on standard error
where it is not 0; no signal, no hang, and a name that the next server can take. EINTR is always
recovered from.

    strace_injection.py [--all] [--seed N] [--jobs N]

Without --all a sample that takes less than 20 s. Needs strace; no privilege.
"""

import argparse
import concurrent.futures
import os
import random
import re
import select
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
HALLWAY = os.environ.get('HALLWAY', str(ROOT / 'build/bin/hallway'))
SKIPPED = 77
LONGEST = 10  # seconds of one run: strace makes each call slow
SAMPLE_TIME = 17

# What the kernel can answer; the seam's names are in tests/support/errnos.cpp.
ERRNOS = {
    'socket': ['EMFILE', 'ENFILE', 'ENOBUFS', 'ENOMEM', 'EACCES', 'EAFNOSUPPORT'],
    'bind': ['EADDRINUSE', 'EACCES', 'EROFS', 'ENOSPC', 'ENOMEM', 'EPERM'],
    'listen': ['EADDRINUSE', 'EOPNOTSUPP', 'ENOMEM'],
    'connect': ['ECONNREFUSED', 'EAGAIN', 'EACCES', 'ENOENT', 'EPROTOTYPE', 'ENOMEM', 'EINTR'],
    'accept4': ['EMFILE', 'ENFILE', 'ECONNABORTED', 'ENOBUFS', 'ENOMEM', 'EPERM', 'EPROTO',
                'EAGAIN', 'EINTR'],
    'sendmsg': ['EAGAIN', 'ENOBUFS', 'ENOMEM', 'EPIPE', 'ECONNRESET', 'EMSGSIZE', 'ETOOMANYREFS',
                'EPERM', 'EINTR'],
    'recvmsg': ['EAGAIN', 'ECONNRESET', 'ENOMEM', 'EINTR'],
    'recvfrom': ['EAGAIN', 'ECONNRESET', 'ENOMEM', 'EINTR'],
    'shutdown': ['EACCES', 'ENOTCONN'],
    'getsockopt': ['ENOPROTOOPT', 'ENOMEM', 'EPERM'],
    'setsockopt': ['ENOPROTOOPT', 'ENOMEM', 'EPERM'],
    'epoll_create1': ['EMFILE', 'ENFILE', 'ENOMEM'],
    'epoll_ctl': ['ENOMEM', 'ENOSPC'],
    'epoll_pwait2': ['EINTR', 'ENOSYS', 'EPERM'],
    'eventfd2': ['EMFILE', 'ENFILE', 'ENOMEM'],
    'openat': ['EMFILE', 'ENFILE', 'EACCES', 'ENOENT', 'ENOSPC', 'EROFS', 'ELOOP', 'EINTR'],
    'flock': ['EAGAIN', 'ENOLCK', 'EINTR'],
    'newfstatat': ['EACCES', 'ENOMEM'],
    'fchmod': ['EPERM', 'EROFS', 'EIO'],
    'unlinkat': ['EACCES', 'EBUSY', 'EROFS', 'EPERM'],
    'ftruncate': ['EIO', 'EINTR'],
    'pwrite64': ['ENOSPC', 'EDQUOT', 'EIO', 'EINTR'],
    'pread64': ['EIO', 'EINTR'],
    'pidfd_open': ['EMFILE', 'ENOSYS', 'ENOMEM'],
    'pipe2': ['EMFILE', 'ENFILE'],
    'waitid': ['EINTR'],
    'ppoll': ['ENOMEM', 'EINTR'],
}
# Made by the loader and by libc before main(), too: there only calls about our own directory count.
OURS_ONLY = {'openat', 'newfstatat', 'pread64'}

# Of the manual page; no fault makes a usage error.
DOCUMENTED = {0, 1, 7, 28, 77}


class Failed(Exception):
    pass


def strace(directory, inject=None):
    """Words to put in front of a command; -D: the command itself is our child."""
    words = ['strace', '-D', '-f', '-qq', '-o', str(directory / 'trace'),
             '-e', 'trace=' + ','.join(ERRNOS), '-e', 'signal=none']
    return words + (['-e', 'inject=' + inject] if inject else [])


def ended(process, what):
    try:
        out, err = process.communicate(timeout=LONGEST)
    except subprocess.TimeoutExpired:
        process.kill()
        process.communicate()
        raise Failed(f'{what} hangs') from None
    return process.returncode, out.decode(), err.decode()


def judge(status, err, what):
    if status < 0:
        raise Failed(f'{what} was ended by {signal.Signals(-status).name}: {err}')
    if status not in DOCUMENTED:
        raise Failed(f'{what} exits with {status}: {err}')
    if status != 0:
        failure = [line for line in err.splitlines() if line.startswith('hallway: ')]
        if not failure or failure[-1].count(': ') < 2:
            raise Failed(f'{what} exits with {status} and does not say why: {err!r}')


def serve(address, *flags, prefix=()):
    """(process, whether it is listening)"""
    read_end, write_end = os.pipe()
    process = subprocess.Popen(
        [*prefix, HALLWAY, 'serve', address, '--no-print', '--ready-fd', str(write_end), *flags],
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        pass_fds=(write_end,))
    os.close(write_end)
    ready, _, _ = select.select([read_end], [], [], LONGEST)
    listening = bool(ready) and os.read(read_end, 1) == b'\n'
    os.close(read_end)
    if not ready:
        process.kill()
        process.communicate()
        raise Failed('the server neither listens nor ends')
    return process, listening


def request(address, prefix=()):
    return ended(subprocess.Popen(
        [*prefix, HALLWAY, 'request', address, 'question', '--timeout', '1s'],
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE), 'the client')


def next_start_works(address):
    server, listening = serve(address, '--echo')
    if listening:
        status, out, err = request(address)
        listening = (status, out) == (0, 'question\n')
    server.terminate()
    _, _, err = ended(server, 'the next server')
    if not listening:
        raise Failed(f'the next server cannot work: {err}')
    left = [name for name in os.listdir(os.path.dirname(address)) if name != 'trace']
    if left:
        raise Failed(f'left behind: {left}')


def conversation(part, inject, must_work):
    """One run with `inject` in force on one side. Gives the trace."""
    directory = Path(tempfile.mkdtemp(prefix='hallway-'))
    address = str(directory / 's')
    try:
        traced = strace(directory, inject)
        flags = ['--handler', 'cat'] if part == 'handler' else ['--echo']
        server, listening = serve(address, *flags, prefix=() if part == 'client' else traced)
        answered = None
        if listening:
            answered = request(address, prefix=traced if part == 'client' else ())
            judge(answered[0], answered[2], 'the client')
            if server.poll() is None:
                server.terminate()
        status, _, err = ended(server, 'the server')
        if status == -signal.SIGTERM and 'hallway: ' in err:
            status = 1  # it had said why it ends, and no longer waited for signals when ours came
        judge(status, err, 'the server')
        worked = listening and answered[:2] == (0, 'question\n')
        if not worked and (must_work or (status == 0 and not listening)):
            raise Failed(f'no recovery: {answered}, server {status}: {err}')
        next_start_works(address)
        return (directory / 'trace').read_text(), directory
    finally:
        shutil.rmtree(directory, ignore_errors=True)


def sites(part):
    """(call, nth) of every call of ours that can be answered by strace."""
    trace, directory = conversation(part, None, must_work=True)
    counts, found = {}, []
    first = trace.split(maxsplit=1)[0]
    for line in trace.splitlines():
        match = re.match(r'(\d+)\s+(\w+)\(', line)
        if not match or match[1] != first:  # of its children only the process itself counts
            continue
        call = match[2]
        counts[call] = counts.get(call, 0) + 1
        if call == 'epoll_ctl' and 'EPOLL_CTL_ADD' not in line:
            continue  # the kernel refuses to change or remove nothing that is in the set
        ours = str(directory) in line or re.search(r'"s(\.lock)?"', line)
        if call in ERRNOS and (call not in OURS_ONLY or ours):
            found.append((call, counts[call]))
    return found


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('--all', action='store_true', help='every call and every errno')
    parser.add_argument('--seed', type=int, default=int(time.time()))
    parser.add_argument('--jobs', type=int, default=os.cpu_count())
    arguments = parser.parse_args()
    if not shutil.which('strace'):
        print('skipped: there is no strace')
        return SKIPPED
    start = time.monotonic()
    runs = [(part, call, nth, error) for part in ('server', 'client', 'handler')
            for call, nth in sites(part) for error in ERRNOS[call]]
    random.Random(arguments.seed).shuffle(runs)
    failures, done = [], 0

    def one(run):
        part, call, nth, error = run
        if not arguments.all and time.monotonic() > start + SAMPLE_TIME:
            return None
        try:
            conversation(part, f'{call}:error={error}:when={nth}', must_work=error == 'EINTR')
        except Failed as failure:
            return f'{part}: {call} #{nth} {error}: {failure}'
        return ''

    with concurrent.futures.ThreadPoolExecutor(arguments.jobs) as pool:
        for result in pool.map(one, runs):
            done += result is not None
            if result:
                failures.append(result)
                print(result, flush=True)
    print(f'{done} of {len(runs)} injections, {len(failures)} failures, '
          f'{time.monotonic() - start:.0f} s, seed {arguments.seed}')
    return 1 if failures or done == 0 else 0


if __name__ == '__main__':
    sys.exit(main())
