"""hallway hub --listen: NATS clients over TCP are clients like others, and the kernel says who they are."""
import json
import os
import re
import socket
import subprocess

from _support import Process, other_user, run, sanitized, until
from _tcp import LOCAL, TcpHub, TcpPeer, activated, other_network

# --- one hub, two ways in -------------------------------------------------------------------------

for listen, host in [(LOCAL, '127.0.0.1'), ('tcp:[::1]:0', '::1')]:
    if ':' in host and not os.path.exists('/proc/net/if_inet6'):
        continue
    with TcpHub('--json', listen=listen) as hub:
        events = [json.loads(line) for line in hub.err.all if b'"listening"' in line]
        assert [event['address'] for event in events] == [hub.tcp, 'unix:./hub.sock'], events
        far, near = hub.tcp_peer(), hub.join()
        info = json.loads(far.line().removeprefix('INFO '))
        assert (info['host'], info['port']) == (host, int(hub.tcp.rpartition(':')[2])), info
        assert 'connect_urls' not in info, info
        near.asks('SUB a 1')
        far.asks('SUB a 2')
        far.send('PUB a 2\r\nhi\r\n')
        assert [far.line() for _ in range(3)] == ['+OK\r\n', 'MSG a 2 2\r\n', 'hi\r\n']
        assert [near.line() for _ in range(2)] == ['MSG a 1 2\r\n', 'hi\r\n']
        peer = hub.event('connected')['peer']  # of the first of them
        assert peer == {'pid': 0, 'uid': os.geteuid(), 'gid': 65534, 'process': '', 'over_tcp': True}
        far.close()
        near.close()

# A program whose sockets serve IPv4 and IPv6 alike, as those of Java do.
if os.path.exists('/proc/net/if_inet6'):
    with TcpHub() as hub:
        TcpPeer(hub.tcp.replace('127.0.0.1', '[::ffff:127.0.0.1]')).join()

# Several addresses, and the words of the log.
with TcpHub('--listen', LOCAL) as hub:
    ports = {re.search(rb'tcp:127\.0\.0\.1:(\d+)', line)[1] for line in hub.err.all if b'tcp:' in line}
    assert len(ports) == 2, hub.err.all
    hub.tcp_peer().join()
    hub.says(f'connected: uid {os.geteuid()}, over TCP')

# Where the identity of a publisher is added, it has the uid alone.
with open('stamped.toml', 'w') as file:
    file.write('[hub]\nstamped = ["a"]\n')
with TcpHub('--config', 'stamped.toml') as hub:
    client = hub.tcp_peer().join()
    client.send('CONNECT {"verbose":false,"headers":true}\r\nSUB a 1\r\nPUB a 1\r\nx\r\nPING\r\n')
    said = [client.line().rstrip('\r\n') for _ in range(6)]
    assert said[1:] == ['NATS/1.0', f'Hallway-Uid: {os.geteuid()}', '', 'x', 'PONG'], said

# --- whoever is not known is turned away ----------------------------------------------------------

# A client that closes or half-closes its connection before it is accepted: the hub is stopped meanwhile.
with TcpHub() as hub:
    hub.signal(19)
    until(lambda: 'T (' in open(f'/proc/{hub.pid}/status').read(), 'the stop')
    gone, half = hub.tcp_peer(), hub.tcp_peer()
    gone.close()
    half.half_close()
    hub.signal(18)
    hub.says('turned away: unknown uid, over TCP: identify tcp:127.0.0.1:')
    hub.says('it closed the connection before it was accepted')
    hub.says('it ended its half of the connection before it was accepted')
    assert half.rest() == b'', 'it was served'
    hub.tcp_peer().join()

# A socket of another network namespace, whose users this process cannot ask for.
try:
    with other_network() as there:
        listener = there(lambda: socket.create_server(('127.0.0.1', 0)))
        number = listener.fileno()
        hub = Process('hub', './elsewhere.sock', '--listen', f'fd:{number}', pass_fds=(number,))
        hub.says('listening: unix:./elsewhere.sock')
        port = listener.getsockname()[1]
        client = there(lambda: TcpPeer(f'tcp:127.0.0.1:{port}'))
        assert client.rest() == b'', 'it was served'
        hub.says('the socket is in another network namespace than this process')
        hub.signal(15)
        assert hub.status() == 0
        # And nobody reaches a hub here from there.
        with TcpHub() as hub:
            try:
                there(hub.tcp_peer)
                raise AssertionError('it connected')
            except OSError:
                pass
except PermissionError:
    print('not tried: network namespaces are forbidden here')

# --- who may connect ------------------------------------------------------------------------------

# docs/ACCESS.md has the whole table; here, what a hub does whose file lets everybody in.
if os.geteuid() == 0:
    probe = [*other_user(), 'python3', '-c', 'import socket,sys\n'
             'print(socket.create_connection(("127.0.0.1", int(sys.argv[1]))).recv(4))']
    for rules, wanted in [([], b"b''\n"), (['--allow', 'group:65533'], b"b''\n"),
                          (['--allow', 'uid:65533'], b"b'INFO'\n")]:
        with TcpHub('--mode', '0666', *rules) as hub:
            got = subprocess.run([*probe, hub.tcp.rpartition(':')[2]], capture_output=True, check=True)
            assert got.stdout == wanted, (rules, got)
            if wanted == b"b''\n":
                hub.says('turned away: uid 65533, over TCP: no rule admits it')

# --- limits ---------------------------------------------------------------------------------------

# Both ways in count together.
with TcpHub('--max-per-uid', '2') as hub:
    clients = [hub.join(), hub.tcp_peer().join()]
    over = hub.tcp_peer()
    assert over.rest().endswith(b"-ERR 'maximum connections exceeded'\r\n")
    hub.says('already has 2 connections')
with TcpHub('--max-connections', '1') as hub:
    first = hub.tcp_peer().join()
    waiting = hub.tcp_peer()
    hub.says('accepting paused')
    first.close()
    waiting.join()

# --- what is refused ------------------------------------------------------------------------------

for listen, why in [('127.0.0.1', 'not a numeric IP address and a port'),
                    ('127.0.0.1:4222', 'not a numeric IP address and a port'),
                    ('tcp:localhost:4222', 'not a numeric IP address and a port'),
                    ('tcp:127.0.0.1:65536', 'not a numeric IP address and a port'),
                    ('tcp:::1:4222', 'not a numeric IP address and a port'),
                    ('/tmp/x.sock', 'not a numeric IP address and a port'),
                    ('tcp:0.0.0.0:0', 'other machines can reach this address'),
                    ('tcp:[::]:0', 'other machines can reach this address')]:
    ended = run('hub', './hub.sock', '--listen', listen, check=2)
    assert why in ended.stderr.decode() and b'\nhint: ' in ended.stderr, ended
    assert not os.path.exists('hub.sock')
assert b'requires --listen' in run('hub', './hub.sock', '--listen-anywhere', check=2).stderr
with open('hub.toml', 'w') as file:
    file.write('[hub]\nlisten = ["tcp:127.0.0.1:0", "tcp:0.0.0.0:0"]\n')
said = run('hub', '--check-config', 'hub.toml', check=2).stderr.decode()
assert said.startswith('hallway: config: hub.toml:2: hub.listen: "tcp:0.0.0.0:0": other machines'), said

taken = socket.create_server(('127.0.0.1', 0))
busy = f'tcp:127.0.0.1:{taken.getsockname()[1]}'
said = run('hub', './hub.sock', '--listen', busy, check=1).stderr.decode()
assert f'listen: {busy}: the port is in use by another socket\nhint: ' in said, said
assert not os.path.exists('hub.sock')

# With the flag that says so. A client of this machine is known there by loopback alone.
with TcpHub('--listen-anywhere', listen='tcp:0.0.0.0:0') as hub:
    port = hub.tcp.rpartition(':')[2]
    TcpPeer(f'tcp:127.0.0.1:{port}').join()

# --- the service manager's sockets ----------------------------------------------------------------

# Of all that it hands over, the hub's own address is the first Unix socket; --listen takes the others.
with socket.create_server(('127.0.0.1', 0)) as one, socket.create_server(('127.0.0.1', 0)) as two, \
        socket.socket(socket.AF_UNIX) as own:
    own.bind('activated.sock')
    own.listen()
    prefix, numbers = activated(one, own, two, names='hub:hub:hub')
    hub = Process('hub', 'activation:hub', '--listen', 'activation:hub', prefix=prefix, pass_fds=numbers)
    hub.says('listening: unix:activated.sock (hub)')
    for listener in (one, two):
        TcpPeer(f'tcp:127.0.0.1:{listener.getsockname()[1]}').join()
    hub.signal(15)
    assert hub.status() == 0
    assert os.get_blocking(one.fileno()), "the manager's sockets stay as they were"

    prefix, numbers = activated(one)
    for verb in 'serve', 'hub':
        process = Process(verb, 'activation', prefix=prefix, pass_fds=numbers)
        process.says('it is not a Unix socket')
        process.says('hint: a hub also serves such a socket: --listen activation')
        assert process.status() == 1
    prefix, numbers = activated(own)
    process = Process('hub', './hub.sock', '--listen', 'activation', prefix=prefix, pass_fds=numbers)
    process.says('it is not a TCP socket')
    assert process.status() == 1

    with socket.create_server(('0.0.0.0', 0)) as wide:
        prefix, numbers = activated(wide)
        process = Process('hub', './hub.sock', '--listen', 'activation', prefix=prefix, pass_fds=numbers)
        process.says('other machines can reach this address')
        assert process.status() == 1

# --- the end, and another hub in its place --------------------------------------------------------

# A hub that drains serves those who wait, and then nobody can connect.
with TcpHub() as hub:
    client = hub.tcp_peer().join()
    client.asks('SUB a 1')
    hub.signal(15)
    assert '"ldm":true' in client.rest().decode()
    assert hub.status() == 0
    try:
        hub.tcp_peer()
        raise AssertionError('the port is still served')
    except ConnectionRefusedError:
        pass

# The same port at once: connections that have ended do not hold it up.
again = TcpHub(listen=hub.tcp)
again.tcp_peer().join()
again.stop()

# A successor gets the TCP listeners that it wants, with the clients in their queues.
first = TcpHub('--takeover', '--listen', LOCAL)
unwanted = next(at.decode() for line in first.err.all for at in re.findall(rb'tcp:[0-9.:]+', line)
                if at.decode() != first.tcp)
stays = first.tcp_peer().join()
first.signal(19)
until(lambda: 'T (' in open(f'/proc/{first.pid}/status').read(), 'the stop')
queued = first.tcp_peer()
first.signal(18)
queued.join()
second = TcpHub('--takeover', listen=first.tcp)
assert second.tcp == first.tcp
assert '"ldm":true' in stays.rest().decode()
assert first.status() == 0, first.err.all
second.tcp_peer().join()
try:
    TcpPeer(unwanted)
    raise AssertionError('nobody serves this port')
except ConnectionRefusedError:
    pass
# With port 0 it keeps the port that its predecessor has.
third = TcpHub('--takeover')
assert third.tcp == first.tcp
assert second.status() == 0
third.tcp_peer().join()
third.stop()

# --- in the sandbox -------------------------------------------------------------------------------

if not sanitized():
    with TcpHub('-v') as hub:
        hub.says('sandbox: no new privileges')
        hub.tcp_peer().join()
