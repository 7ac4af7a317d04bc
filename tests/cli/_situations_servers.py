"""Situations of a server: it does not listen, does not get to its clients, or turns them away."""

import contextlib
import ctypes
import os
import resource
import shutil
import signal
import socket
import subprocess

from _situation import Ask, situation
from _stage import (STRANGER, Missing, accept_none, accept_slowly, become, bytes_of, checked, close_all,
                    greet_all, libc, needs_root, run_out_of_descriptors, start_again, wait_elsewhere)
from _support import until


@situation('not_listening', 'ECONNREFUSED')
def the_server_does_not_listen_yet(stage):
    """The server has bound its socket and does not listen yet."""
    stage.server('app.sock', listen=False)
    return Ask(stage.path('app.sock'))


@situation('not_listening', 'ECONNREFUSED')
def the_packet_server_does_not_listen_yet(stage):
    """The server of a seqpacket socket does not listen yet."""
    stage.server('app.sock', listen=False, kind='seqpacket')
    return Ask(stage.path('app.sock'), kind='seqpacket')


@situation('not_listening', 'ECONNREFUSED')
def the_abstract_name_is_not_listened_on(stage):
    """The server of an abstract name does not listen yet."""
    stage.server(stage.name(), listen=False)
    return Ask(stage.name())


@situation('not_listening', 'ECONNREFUSED')
def the_listener_was_shut_down(stage):
    """The server has shut its listening socket down and keeps it open."""
    def shut_down(listener):
        listener.shutdown(socket.SHUT_RDWR)
        accept_none(listener)
    stage.server('app.sock', then=shut_down)
    until(lambda: refused('app.sock'), 'shutdown(2)')
    return Ask(stage.path('app.sock'))


def refused(path):
    with socket.socket(socket.AF_UNIX) as client:
        try:
            client.connect(path)
        except ConnectionRefusedError:
            return True
    return False


def declare_wrong_types():
    for there in ('stream', 'seqpacket', 'datagram'):
        for asked in ('stream', 'seqpacket', 'datagram'):
            if there != asked:
                wrong_type(there, asked)


def wrong_type(there, asked):
    def make(stage):
        stage.server('app.sock', kind=there)
        # Without --type the command would look as a client of the right type.
        flags = ('--type', 'stream') if asked == 'stream' else ()
        return Ask(stage.path('app.sock'), flags, kind=asked)
    make.__name__ = f'a_{asked}_client_meets_a_{there}_server'
    make.__doc__ = f'The client uses a {asked} socket, the server has a {there} socket.'
    situation('wrong_type', 'EPROTOTYPE')(make)


declare_wrong_types()


@situation('backlog_full', 'EAGAIN')
def the_backlog_is_full(stage):
    """As many clients wait as fit, and the server accepts none."""
    stage.server('app.sock', then=accept_none, backlog=2)
    stage.fill('app.sock')
    return Ask(stage.path('app.sock'))


@situation('backlog_full', 'EAGAIN')
def the_backlog_is_full_and_moves(stage):
    """As many clients wait as fit, and the server accepts one of them every 50 ms."""
    stage.server('app.sock', then=accept_slowly, backlog=2)
    stage.crowd('app.sock', clients=16)
    return Ask(stage.path('app.sock'))


@situation('backlog_full', 'EAGAIN')
def a_backlog_of_zero_is_full(stage):
    """The server called listen() with a backlog of zero, and one client waits."""
    stage.server('app.sock', then=accept_none, backlog=0)
    stage.fill('app.sock')
    return Ask(stage.path('app.sock'))


@situation('backlog_full', 'EAGAIN')
def the_backlog_of_an_abstract_name_is_full(stage):
    """As many clients wait at an abstract name as fit."""
    stage.server(stage.name(), then=accept_none, backlog=1)
    stage.fill(stage.name())
    return Ask(stage.name())


@situation('server_stopped', 'success')
def the_server_is_stopped(stage):
    """The server was stopped by SIGSTOP."""
    stage.server('app.sock').stop()
    return Ask(stage.path('app.sock'))


@situation('server_stopped', 'EAGAIN')
def the_stopped_server_is_full(stage):
    """The server was stopped by SIGSTOP, and as many clients wait as fit."""
    stage.server('app.sock', backlog=1).stop()
    stage.fill('app.sock')
    return Ask(stage.path('app.sock'))


@situation('server_stopped', 'success')
def a_debugger_holds_the_server(stage):
    """A debugger has stopped the server."""
    server = stage.server('app.sock')

    def debug(ready):
        seize, interrupt = 0x4206, 0x4207
        for request in (seize, interrupt):
            checked(libc.ptrace(request, server.pid, None, None))
        os.waitpid(server.pid, 0x40000000)  # __WALL
        ready()
    stage.child(debug, name='debugger')
    until(lambda: server.state() == 't', 'the stop')
    return Ask(stage.path('app.sock'))


@situation('healthy', 'success')
def strace_follows_the_server(stage):
    """strace follows the server, which runs."""
    if shutil.which('strace') is None:
        raise Missing('strace is missing')
    server = stage.server('app.sock')
    strace = subprocess.Popen(['strace', '-qq', '-o', 'trace', '-p', str(server.pid)],
                              stderr=subprocess.DEVNULL)
    stage.at_end.append(strace.wait)  # it ends with the server
    until(lambda: tracer_of(server.pid) == strace.pid or strace.poll() is not None, 'strace')
    if strace.poll() is not None:
        raise Missing('strace may not follow another process here')
    return Ask(stage.path('app.sock'))


def tracer_of(pid):
    with open(f'/proc/{pid}/status') as status:
        return next(int(line.split()[1]) for line in status if line.startswith('TracerPid'))


@situation('healthy', 'success')
def the_stopped_parent_does_not_serve(stage):
    """The process that called listen() is stopped, and its child serves."""
    server = stage.server('app.sock', then=fork_and_accept)
    until(lambda: os.path.exists('worker') and open('worker').read(), 'the worker')
    worker = int(open('worker').read())
    stage.at_end.append(lambda: os.kill(worker, signal.SIGKILL))
    server.stop()
    return Ask(stage.path('app.sock'))


def fork_and_accept(listener):
    if os.fork() == 0:
        libc.prctl(1, ctypes.c_ulong(0), 0, 0, 0)
        signal.alarm(240)
        put('worker', os.getpid())
        while True:
            listener.accept()[0].recv(1)
    listener.close()
    while True:
        signal.pause()


@situation('server_blocked', 'success', 'likely')
def the_server_waits_for_the_kernel(stage):
    """The server waits inside the kernel and cannot be interrupted (state D)."""
    os.mkfifo('slow')

    def spawn(listener):
        # The parent waits in vfork(2) until its child has opened the FIFO, which nobody writes to.
        os.posix_spawn('/bin/true', ['true'], {},
                       file_actions=[(os.POSIX_SPAWN_CLOSE, listener.fileno()),
                                     (os.POSIX_SPAWN_OPEN, 0, 'closed', os.O_WRONLY | os.O_CREAT, 0o600),
                                     (os.POSIX_SPAWN_OPEN, 0, 'slow', os.O_RDONLY, 0)])
        accept_none(listener)
    server = stage.server('app.sock', then=spawn)
    until(lambda: server.state() == 'D' and os.path.exists('closed'), 'the state D')
    # Whoever opens the FIFO lets the child go on, which would otherwise stay.
    stage.at_end.append(lambda: release('slow'))
    return Ask(stage.path('app.sock'))


def release(fifo):
    with contextlib.suppress(OSError):
        os.close(os.open(fifo, os.O_RDWR | os.O_NONBLOCK))


@situation('server_frozen', 'success')
def the_cgroup_is_frozen(stage):
    """The control group of the server is frozen."""
    needs_root()
    server = stage.server('app.sock')
    group = f'{cgroup_root()}/hallway-{stage.token}'
    try:
        os.mkdir(group)
        stage.at_end.append(lambda: until(lambda: removed(group), 'the end of the group'))
        put(f'{group}/cgroup.procs', server.pid)
        put(f'{group}/cgroup.freeze', 1)
    except OSError as failure:
        raise Missing(f'no control group of its own: {failure.strerror}') from failure
    until(lambda: 'frozen 1' in open(f'{group}/cgroup.events').read(), 'the freeze')
    return Ask(stage.path('app.sock'))


def removed(group):
    """A control group can be removed once its last process is gone."""
    with contextlib.suppress(OSError):
        os.rmdir(group)
    return not os.path.exists(group)


def put(path, value):
    with open(path, 'w') as file:
        file.write(str(value))


def cgroup_root():
    with open('/proc/self/mountinfo') as mounts:
        for line in mounts:
            if ' - cgroup2 ' in line:
                return line.split()[4]
    raise Missing('no cgroup2 is mounted')


@situation('server_out_of_descriptors', 'success')
def the_server_has_no_descriptors_left(stage):
    """The server has as many descriptors open as it may, and cannot accept."""
    def limit():
        resource.setrlimit(resource.RLIMIT_NOFILE, (64, 64))
    server = stage.server('app.sock', then=run_out_of_descriptors, before=limit)
    until(lambda: len(os.listdir(f'/proc/{server.pid}/fd')) == 64, 'the last descriptor')
    stage.client('app.sock')
    return Ask(stage.path('app.sock'))


@situation('listener_not_watched', 'success', 'likely')
def the_server_does_not_watch_its_socket(stage):
    """The server waits for other events than new clients."""
    stage.server('app.sock', then=wait_elsewhere)
    stage.client('app.sock')
    return Ask(stage.path('app.sock'))


@situation('listener_not_watched', 'success', 'likely')
def the_server_sleeps(stage):
    """The server listens and never accepts."""
    stage.server('app.sock', then=accept_none)
    stage.client('app.sock')
    return Ask(stage.path('app.sock'))


@situation('backlog_full, waiting_clients_gone', 'EAGAIN')
def the_waiting_clients_are_gone(stage):
    """As many clients wait as fit, and all of them have given up."""
    stage.server('app.sock', then=accept_none, backlog=1)
    for _ in range(2):
        stage.client('app.sock', close=True)
    return Ask(stage.path('app.sock'))


@situation('turned_away', 'success', 'likely')
def the_server_closes_at_once(stage):
    """The server accepts and closes at once, without a word."""
    stage.server('app.sock', then=close_all)
    return Ask(stage.path('app.sock'))


@situation('healthy', 'success')
def the_server_speaks_first(stage):
    """The server greets its clients."""
    stage.server('app.sock', then=greet_all)
    return Ask(stage.path('app.sock'))


@situation('connection_reset', 'success', 'likely')
def the_server_quits(stage):
    """The server closes its listening socket while the client waits in its queue."""
    stage.server('app.sock', then=start_again)
    return Ask(stage.path('app.sock'))


@situation('healthy, unexpected_server', 'success')
def a_stranger_has_taken_the_name(stage):
    """Another user listens at the name, in a directory that all users may write to."""
    os.mkdir('tmp')
    os.chmod('tmp', 0o1777)
    stage.server('tmp/app.sock', before=become(STRANGER))
    return Ask(stage.path('tmp/app.sock'))


@situation('healthy', 'success')
def the_listener_was_inherited(stage):
    """The process that called listen() has ended, and its child serves."""
    def act(ready):
        with socket.socket(socket.AF_UNIX) as listener:
            listener.bind(bytes_of('app.sock'))
            listener.listen()
            if os.fork() == 0:
                ready()
                libc.prctl(1, ctypes.c_ulong(0), 0, 0, 0)
                signal.alarm(240)
                put('/proc/self/comm', 'worker')
                put('worker', os.getpid())
                while True:
                    listener.accept()[0].recv(1)
            os._exit(0)
    stage.child(act)
    until(lambda: os.path.exists('worker') and open('worker').read(), 'the worker')
    worker = int(open('worker').read())
    stage.at_end.append(lambda: os.kill(worker, signal.SIGKILL))
    return Ask(stage.path('app.sock'))
