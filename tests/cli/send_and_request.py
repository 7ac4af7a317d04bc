"""send exits when the kernel has the messages; request prints the answer."""
import os

from _support import Server, run

with Server('--type', 'stream') as server:
    run('send', server.address, 'one', 'two', '[1, 2]', '', check=0)
    run('send', '--at', server.address, 'three', check=0)
    run('send', 'four', env={'HALLWAY_ADDRESS': server.address}, check=0)
    run('send', server.address, '-', stdin='five\nsix\n', check=0)
    run('send', server.address, '--', '--seven', '-', check=0)
    run('send', server.address, 'größer', check=0)
    expected = ['one', 'two', '[1, 2]', '', 'three', 'four', 'five', 'six', '--seven', '', 'größer']
    assert [server.out.next().decode() for _ in expected] == expected

with Server('--echo', '--ack') as server:
    assert run('request', server.address, 'hello', check=0).stdout == b'hello\n'
    assert run('request', 'hello', env={'HALLWAY_ADDRESS': server.address}).stdout == b'hello\n'
    assert run('send', server.address, 'a', 'b', '--wait-reply=4', check=0).stdout == \
        b'a\n__ACK__\nb\n__ACK__\n'
    assert run('send', server.address, 'a', '--wait-reply', check=0).stdout == b'a\n'
    assert run('send', server.address, 'a', check=0).stdout == b''
    # Both directions full of data: neither end may wait for the other for ever.
    many = ['x' * 100000] * 15
    assert run('send', server.address, *many, '--wait-reply=30', check=0).stdout.count(b'\n') == 30

for kind in ['seqpacket', 'datagram']:
    with Server('--echo', '--type', kind) as server:
        assert run('request', server.address, 'hello', '--type', kind, check=0).stdout == b'hello\n'
        assert run('send', server.address, 'a', 'b', '--type', kind, '--wait-reply=2',
                   check=0).stdout == b'a\nb\n'
        # A packet is sent as it is.
        assert run('request', server.address, '-', stdin=b'\0\n', check=0,
                   *['--type', kind]).stdout == b'\0\n\n'

with Server('--echo', address=f'@hallway-test-{os.getpid()}') as server:
    assert run('request', server.address, 'abstract', check=0).stdout == b'abstract\n'

assert run('request', 'exec:cat', 'to a program', check=0).stdout == b'to a program\n'
assert run('request', 'exec:cat', 'x', '--type', 'seqpacket', check=0).stdout == b'x\n'

# A long path is a path.
os.makedirs('d' * 200)
with Server('--echo', address='d' * 200 + '/server.sock') as server:
    assert run('request', server.address, 'far', check=0).stdout == b'far\n'
