"""`hallway diagnose --pid PID` names what keeps messages from arriving, in situations that are made on
the real kernel, and docs/DIAGNOSE.md shows what it says.

usage: diagnose_names_what_stops_messages.py [--write] [NAME...]

With --write the table of the page is made again. With names, only those situations are made.
"""

import json
import os
import re
import shutil
import socket
import subprocess
import sys
import time
import traceback

from _stage import STRANGER, Missing, Stage, all_of, become, bytes_of, needs_root, prctl
from _support import DEADLINE, HALLWAY, SOURCE_DIR, until

PAGE = f'{SOURCE_DIR}/docs/DIAGNOSE.md'
BEGIN = '<!-- connections: made by diagnose_names_what_stops_messages.py --write -->\n'
END = '<!-- end of connections -->\n'
HEAD = ('| Situation | The kernel answers | `hallway diagnose --pid` says | Remedy | Certainty | Test |\n'
        '|---|---|---|---|---|---|\n')

EXIT_STATUS = {'healthy': 0, 'stuck': 28, 'wrong': 1}
MEMBERS = ['state', 'summary', 'findings', 'also', 'unseen']

SITUATIONS = []


def situation(kernel):
    def declare(make):
        SITUATIONS.append((kernel, make))
        return make
    return declare


def run(pid, *words, before=None):
    return subprocess.run([HALLWAY, 'diagnose', *words, '--pid', str(pid), '--json'], check=False,
                          capture_output=True, stdin=subprocess.DEVNULL, timeout=DEADLINE,
                          preexec_fn=before)


def diagnose(pid, *words, before=None):
    ended = run(pid, *words, before=before)
    assert not ended.stderr, ended
    said = json.loads(ended.stdout)
    assert list(said) == ['pid', *(['address'] if words else []), *MEMBERS], said
    assert said['pid'] == pid, said
    assert ended.returncode == EXIT_STATUS[said['state']], ended
    assert (said['state'] == 'healthy') == (not said['findings']), said
    return said


def first(said, cause, certainty, *parts):
    """The first finding, which has this cause, and all these words in its texts."""
    assert said['findings'], said
    return checked(said, said['findings'][0], cause, certainty, parts)


def odd(said, cause, certainty, *parts):
    assert said['state'] == 'healthy', said
    found = [each for each in said['also'] if each['cause'] == cause]
    assert found, said
    return checked(said, found[0], cause, certainty, parts)


def checked(said, finding, cause, certainty, parts):
    text = ' '.join([finding['sentence'], *finding['evidence'], finding['fix']])
    assert (finding['cause'], finding['certainty']) == (cause, certainty), said
    assert all(part in text for part in parts), (parts, said)
    return finding


def descriptor_words(pid, of):
    """ "descriptor 3": the only socket of the process."""
    numbers = [name for name in os.listdir(f'/proc/{pid}/fd')
               if os.readlink(f'/proc/{pid}/fd/{name}').startswith('socket:')]
    assert len(numbers) == of, numbers
    return f'descriptor {numbers[0]}'


# What clients and servers do ------------------------------------------------------------------------

def keep(listener):
    """Accepts one client and never reads from it."""
    client = listener.accept()[0]
    while True:
        time.sleep(DEADLINE)
        client.fileno()


def connected(kind=socket.SOCK_STREAM, address='app.sock', then=None, name=None):
    def act(ready):
        client = socket.socket(socket.AF_UNIX, kind)
        if name:
            client.bind(bytes_of(name))
        client.connect(bytes_of(address))
        ready()
        if then:
            then(client)
        while True:
            time.sleep(DEADLINE)
            client.fileno()
    return act


def send_until_full(client):
    client.setblocking(False)
    try:
        while True:
            client.send(b'x')
    except BlockingIOError:
        pass


def receive(client):
    client.recv(1)


def call_of(pid):
    with open(f'/proc/{pid}/wchan') as file:
        return file.read()


def sleeping_in(pid, *functions):
    until(lambda: any(each in call_of(pid) for each in functions), f'{pid} to sleep in {functions}')


READING = ('unix_stream_read', '__skb_wait_for_more_packets')


def until_named(pid, cause):
    """Until the kernel's list shows it: the other process may be on its way there."""
    def is_named():
        said = diagnose(pid)
        return cause in [each['cause'] for each in said['findings'] + said['also']] and said
    return until(is_named, f'{cause} to be named')


# The situations -------------------------------------------------------------------------------------

@situation('EAGAIN; a blocking send waits')
def receiver_does_not_read(stage):
    """A server accepts a client and never reads; its client sends until there is no room."""
    server = stage.server('app.sock', keep)
    client = stage.child(connected(then=send_until_full), name='client')
    until(lambda: diagnose(client.pid)['findings'], 'a full buffer')
    said = diagnose(client.pid)
    return first(said, 'receiver_does_not_read', 'certain', f'app[{server.pid}]', 'app.sock',
                 descriptor_words(client.pid, 1), 'the messages are small')


@situation('EAGAIN; a blocking send waits')
def blocked_in_a_send(stage):
    """The client sleeps in a send, as the server does not read."""
    stage.server('app.sock', keep)
    client = stage.child(connected(then=lambda s: s.sendall(b'x' * (1 << 24))), name='client')
    sleeping_in(client.pid, 'sock_alloc_send_pskb')
    said = diagnose(client.pid, 'app.sock')
    return first(said, 'receiver_does_not_read', 'certain', f'client[{client.pid}] waits in a send')


@situation('EAGAIN; a blocking send waits')
def receiver_stopped(stage):
    """The server was stopped by a signal while its client sent."""
    server = stage.server('app.sock', keep)
    client = stage.child(connected(then=lambda s: s.send(b'hello')), name='client')
    until(lambda: diagnose(client.pid)['also'], 'bytes that wait')
    server.stop()
    return first(diagnose(client.pid), 'receiver_stopped', 'certain', f'app[{server.pid}]',
                 f'kill -CONT {server.pid}')


@situation('EAGAIN; a blocking send waits')
def process_does_not_read(stage):
    """Seen from the server: it never reads what its client sent."""
    server = stage.server('app.sock', keep)
    client = stage.child(connected(then=send_until_full), name='client')
    until(lambda: diagnose(client.pid)['findings'], 'a full buffer')
    return first(diagnose(server.pid), 'process_does_not_read', 'likely', f'app[{server.pid}]',
                 'accepted at app.sock')


@situation('a blocking send waits')
def both_send(stage):
    """Client and server send to each other, and neither reads."""
    def write(listener):
        listener.accept()[0].sendall(b'x' * (1 << 24))
    server = stage.server('app.sock', write)
    client = stage.child(connected(then=lambda s: s.sendall(b'x' * (1 << 24))), name='client')
    for pid in (server.pid, client.pid):
        sleeping_in(pid, 'sock_alloc_send_pskb')
    return first(diagnose(client.pid), 'both_send', 'certain', f'app[{server.pid}]')


@situation('EAGAIN; a blocking send waits')
def datagram_queue_full(stage):
    """A datagram server does not receive; its client sends until the queue is full."""
    server = stage.server('app.sock', kind='datagram')
    client = stage.child(connected(socket.SOCK_DGRAM, then=send_until_full), name='client')
    until(lambda: diagnose(client.pid)['findings'], 'a full queue')
    said = diagnose(client.pid)
    return first(said, 'datagram_queue_full', 'certain', f'app[{server.pid}]', 'max_dgram_qlen',
                 'app.sock')


@situation('ECONNREFUSED once, then ENOTCONN')
def datagram_server_restarted(stage):
    """The server of a connected datagram client was started again (Geal/rust-syslog#21)."""
    server = stage.server('app.sock', kind='datagram')
    client = stage.child(connected(socket.SOCK_DGRAM), name='client')
    assert diagnose(client.pid)['state'] == 'healthy'
    server.end()
    os.unlink('app.sock')
    stage.server('app.sock', kind='datagram')
    found = first(diagnose(client.pid), 'datagram_server_gone', 'certain', 'connect again')
    first(diagnose(client.pid, 'app.sock'), 'datagram_server_gone', 'certain',
          'another socket is bound to app.sock now')
    return found


@situation('ENOTCONN')
def datagram_client_lost_its_peer(stage):
    """The same after a send failed: the kernel has forgotten the peer."""
    server = stage.server('app.sock', kind='datagram')

    def send_later(client):
        while not os.path.exists('gone'):
            time.sleep(0.01)
        try:
            client.send(b'x')
        except ConnectionRefusedError:
            stage.write('refused')
    client = stage.child(connected(socket.SOCK_DGRAM, then=send_later), name='client')
    server.end()
    stage.write('gone')
    until(lambda: os.path.exists('refused'), 'the send to fail')
    os.unlink('app.sock')
    stage.server('app.sock', kind='datagram')
    found = odd(diagnose(client.pid), 'not_connected', 'possible', 'ENOTCONN')
    first(diagnose(client.pid, 'app.sock'), 'no_socket_to_address', 'certain', 'app.sock')
    return found


@situation('EPERM')
def datagram_server_serves_another(stage):
    """A datagram server connected to another client after ours had connected to it."""
    def act(ready):
        bound = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        bound.bind('app.sock')
        ready()
        while not os.path.exists('other.sock'):
            time.sleep(0.01)
        bound.connect('other.sock')
        while True:
            time.sleep(DEADLINE)
    stage.child(act)
    client = stage.child(connected(socket.SOCK_DGRAM), name='client')
    stage.server('other.sock', kind='datagram', name='other')
    until(lambda: diagnose(client.pid)['findings'], 'the server to connect')
    idle = stage.idle(name='late')
    first(diagnose(idle.pid, 'app.sock'), 'datagram_peer_fixed', 'certain', 'EPERM')
    return first(diagnose(client.pid), 'datagram_peer_fixed', 'certain', 'EPERM')


@situation('the client waits in recv')
def no_name_for_replies(stage):
    """A datagram client waits for a reply, and has no name that it could be sent to."""
    stage.server('app.sock', kind='datagram')
    client = stage.child(connected(socket.SOCK_DGRAM, then=receive), name='client')
    sleeping_in(client.pid, *READING)
    return first(diagnose(client.pid), 'no_name_for_replies', 'certain', 'bind')


@situation("EACCES for the server's send")
def reply_denied(stage):
    """The server may not write to the socket file of its datagram client."""
    needs_root()
    os.chmod('.', 0o777)
    stage.server('app.sock', kind='datagram', before=become(STRANGER))
    os.chmod('app.sock', 0o777)
    mine = stage.path('client.sock')
    client = stage.child(connected(socket.SOCK_DGRAM, name=mine), name='client')
    os.chmod(mine, 0o600)
    return first(diagnose(client.pid), 'reply_denied', 'likely', mine, '0600')


@situation('EPIPE')
def datagram_receiver_shut(stage):
    """A datagram server has shut its reading side."""
    def act(ready):
        bound = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        bound.bind('app.sock')
        bound.shutdown(socket.SHUT_RD)
        ready()
        while True:
            time.sleep(DEADLINE)
    stage.child(act)
    client = stage.child(connected(socket.SOCK_DGRAM), name='client')
    return first(diagnose(client.pid), 'reading_side_shut', 'certain', 'EPIPE')


@situation('EPIPE')
def reading_side_shut(stage):
    """The server of a stream has shut its reading side."""
    def shut(listener):
        client = listener.accept()[0]
        client.shutdown(socket.SHUT_RD)
        keep(listener)
        client.close()
    stage.server('app.sock', shut)
    client = stage.child(connected(), name='client')
    until(lambda: diagnose(client.pid)['also'], 'the shutdown')
    return odd(diagnose(client.pid), 'sending_ended', 'possible', 'EPIPE')


@situation('recv waits')
def end_of_input_inherited(stage):
    """A server forks a sleeper, which keeps the accepted socket open (RakuenSoftware/aimee#2297)."""
    def leak(listener):
        client = listener.accept()[0]
        os.set_inheritable(client.fileno(), True)
        with subprocess.Popen(['sleep', str(2 * DEADLINE)], close_fds=False) as sleeper:
            stage.write('sleeper', f'{sleeper.pid} {client.fileno()}\n')
            client.close()
    stage.server('app.sock', leak)
    client = stage.child(connected(then=receive), name='client')
    until(lambda: os.path.exists('sleeper') and os.path.getsize('sleeper'), 'the sleeper')
    with open('sleeper') as file:
        pid, number = file.read().split()
    stage.at_end.append(lambda: os.kill(int(pid), 9))
    sleeping_in(int(pid), 'hrtimer_nanosleep', 'nanosleep')
    sleeping_in(client.pid, *READING)
    said = until_named(client.pid, 'far_end_inherited')
    return first(said, 'far_end_inherited', 'likely', f'sleep[{pid}] (descriptor {number})')


@situation('recv waits')
def half_close_not_sent(stage):
    """The client waits for a reply, and the server for the end of the request."""
    def read_all(listener):
        client = listener.accept()[0]
        while client.recv(4096):
            pass

    def ask(client):
        client.send(b'request')
        client.recv(1)
    stage.server('app.sock', read_all)
    client = stage.child(connected(then=ask), name='client')
    sleeping_in(client.pid, *READING)
    return odd(until_named(client.pid, 'both_wait'), 'both_wait', 'possible', 'shutdown(2)')


@situation('nothing')
def descriptors_wait(stage):
    """Descriptors were sent, and the server has not received them."""
    stage.server('app.sock', keep)
    client = stage.child(connected(then=lambda s: socket.send_fds(s, [b'x'], [0, 1, 2])), name='client')
    return odd(until_named(client.pid, 'descriptors_wait'), 'descriptors_wait', 'certain', '3 descriptors')


@situation('EPERM')
def descriptors_refused(stage):
    """The server refuses descriptors."""
    def refuse(listener):
        client = listener.accept()[0]
        client.setsockopt(socket.SOL_SOCKET, 83, 0)  # SO_PASSRIGHTS
        keep(listener)
    try:
        with socket.socket(socket.AF_UNIX) as tried:
            tried.setsockopt(socket.SOL_SOCKET, 83, 1)
    except OSError as failure:
        raise Missing('SO_PASSRIGHTS is of Linux 6.16') from failure
    stage.server('app.sock', refuse)
    client = stage.child(connected(), name='client')
    until(lambda: diagnose(client.pid)['also'], 'the option')
    return odd(diagnose(client.pid), 'descriptors_refused', 'certain', 'SO_PASSRIGHTS')


@situation('nothing')
def proxy_between(stage):
    """Between client and server is socat."""
    if not shutil.which('socat'):
        raise Missing('socat is not installed')
    stage.server('app.sock')
    proxy = subprocess.Popen(['socat', 'UNIX-LISTEN:proxy.sock', 'UNIX-CONNECT:app.sock'])
    stage.at_end.append(lambda: (proxy.kill(), proxy.wait()))
    until(lambda: os.path.exists('proxy.sock'), 'socat')
    client = stage.child(connected(address='proxy.sock'), name='client')
    until(lambda: diagnose(client.pid)['also'], 'socat to accept')
    return odd(diagnose(client.pid), 'proxy_between', 'likely', f'socat[{proxy.pid}]')


@situation('connects, then silence')
def connection_not_accepted(stage):
    """The connection waits in the queue of a server that accepts nobody."""
    server = stage.server('app.sock', lambda _: time.sleep(DEADLINE * 2))
    stage.client('app.sock')
    client = stage.child(connected(), name='client')
    found = first(diagnose(client.pid), 'not_accepted', 'certain', '1 of them before this one',
                  f'app[{server.pid}]', 'hallway diagnose app.sock')
    first(diagnose(client.pid, 'app.sock'), 'not_accepted', 'certain')
    return found


@situation('a blocking connect waits')
def connect_waits(stage):
    """The client sleeps in connect(2), as the queue is full."""
    stage.server('app.sock', lambda _: time.sleep(DEADLINE * 2), backlog=1)
    stage.fill('app.sock')

    def act(ready):
        ready()
        socket.socket(socket.AF_UNIX).connect('app.sock')
    client = stage.child(act, name='client')
    sleeping_in(client.pid, 'unix_wait_for_peer', 'unix_stream_connect')
    first(diagnose(client.pid), 'connect_waits', 'certain', 'app.sock')
    # Without an address, other full queues of the machine might also be the one.
    return first(diagnose(client.pid, 'app.sock'), 'connect_waits', 'certain', 'diagnose app.sock')


@situation('EPIPE; recv: end of stream')
def peer_closed(stage):
    """The server has closed, and the client keeps its end open."""
    server = stage.server('app.sock', keep)
    client = stage.child(connected(), name='client')
    until(lambda: diagnose(client.pid)['state'] == 'healthy', 'the server to accept')
    server.end()
    return first(diagnose(client.pid), 'peer_closed', 'certain', f'client[{client.pid}]')


@situation('nothing')
def healthy_connection(stage):
    """A client and a server that waits for requests, with nothing in the queues."""
    server = stage.server('app.sock')
    client = stage.child(connected(), name='client')
    until(lambda: diagnose(client.pid)['state'] == 'healthy', 'the server to accept')
    for said in (diagnose(client.pid), diagnose(server.pid), diagnose(client.pid, 'app.sock')):
        assert said['state'] == 'healthy' and not said['also'], said
    text = subprocess.run([HALLWAY, 'diagnose', '--pid', str(client.pid)], capture_output=True,
                          check=True, timeout=DEADLINE).stdout.decode()
    assert text.startswith(f'healthy: client[{client.pid}], 1 Unix socket'), text
    other = first(diagnose(client.pid, 'other.sock'), 'no_socket_to_address', 'certain', 'other.sock')
    assert other['fix'], other
    return {'sentence': diagnose(client.pid)['summary'], 'fix': '', 'certainty': ''}


def other_user(stage):
    """A user that is not root may not see the descriptors of a process of another user."""
    needs_root()
    client = stage.idle()
    ended = run(client.pid, before=become(STRANGER))
    assert ended.returncode == 77 and b'not to be seen' in ended.stderr, ended
    # Of its own processes it sees everything, and of the far end that somebody has it.
    stage.server(stage.name(), keep)
    # The kernel hides a process that has changed its user, until it allows to be looked at.
    visible = all_of(become(STRANGER), lambda: prctl(4, 1))  # PR_SET_DUMPABLE
    mine = stage.child(connected(address=stage.name()), before=visible, name='client')
    until(lambda: diagnose(mine.pid)['state'] == 'healthy', 'the server to accept')
    said = diagnose(mine.pid, before=become(STRANGER))
    assert said['state'] == 'healthy' and 'processes of other users' in ' '.join(said['unseen']), said


def vanished(_):
    """A process that has ended is an error, and no diagnosis."""
    child = subprocess.Popen(['true'])
    child.wait()
    ended = run(child.pid)
    assert ended.returncode == 1 and not ended.stdout and b'pid' in ended.stderr, ended


def flags_that_do_not_fit(_):
    """The flags about one client or server do not go with --pid."""
    for flags in (['--bind'], ['--as', 'root'], ['--no-probe'], ['--type', 'stream'], ['--as-pid', '1']):
        ended = subprocess.run([HALLWAY, 'diagnose', '--pid', '1', *flags], capture_output=True,
                               check=False, timeout=DEADLINE)
        assert ended.returncode == 2, ended


def as_row(kernel, make, found, stage):
    """A row of the table, without what differs from one run to the next."""
    text = [found['sentence'], found['fix'], found['certainty']]
    pids = '|'.join(str(child.pid) for child in stage.children) or 'none'
    for pattern, by in ((re.escape(stage.directory), '/dir'), (r'\[\d+\]', '[PID]'),
                        (rf'\b({pids})\b', 'PID'), (r'\bdescriptor \d+', 'descriptor N')):
        text = [re.sub(pattern, by, each) for each in text]
    cells = [' '.join(make.__doc__.split()), kernel, *text, f'`{make.__name__}`']
    return '| ' + ' | '.join(cell.replace('|', '\\|') for cell in cells) + ' |\n'


def make_all(names):
    rows, skipped, failed = {}, 0, 0
    others = [(None, make) for make in (other_user, vanished, flags_that_do_not_fit)]
    for kernel, make in SITUATIONS + others:
        name = make.__name__
        if names and name not in names:
            continue
        try:
            with Stage(name) as stage:
                found = make(stage)
                if found:
                    rows[name] = as_row(kernel, make, found, stage)
        except Missing as missing:
            skipped += 1
            print(f'skipped: {name}: {missing}')
        except Exception:  # pylint: disable=broad-except
            failed += 1
            print(name)
            traceback.print_exc()
    print(f'{len(rows)} situations made, {skipped} skipped, {failed} failed')
    return rows, skipped, failed


def table_of(page):
    return page[page.index(BEGIN) + len(BEGIN):page.index(END)]


def check_page(rows):
    """Rows that another user, or another machine, cannot make are not compared."""
    with open(PAGE) as file:
        lines = table_of(file.read()).splitlines(keepends=True)
    for _, make in SITUATIONS:
        assert any(f'`{make.__name__}`' in line for line in lines), f'{make.__name__} is not in {PAGE}'
    for line in rows.values():
        assert line in lines, f'{PAGE} is not current:\n{line}write it with --write'


def write_page(rows):
    with open(PAGE) as file:
        page = file.read()
    with open(PAGE, 'w') as file:
        file.write(page.replace(BEGIN + table_of(page) + END, BEGIN + HEAD + ''.join(rows.values()) + END))


def main():
    os.chmod('.', 0o755)
    names = [word for word in sys.argv[1:] if not word.startswith('--')]
    rows, skipped, failed = make_all(names)
    if failed:
        return 1
    if '--write' in sys.argv:
        assert not skipped and not names, 'the table needs all situations: run it as root'
        write_page(rows)
    elif not names:
        check_page(rows)
    return 0


sys.exit(main())
