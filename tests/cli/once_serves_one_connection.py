"""--once serves one connection and exits 0, also if more clients wait."""
import os

from _support import Server

with Server('--once', '--echo') as server:
    first, second = server.connect(), server.connect()
    first.send('hello\n')
    assert first.line() == 'hello\n'
    first.half_close()
    assert first.rest() == b''
    assert server.status() == 0
    try:
        assert second.rest() == b''
    except ConnectionResetError:
        pass
    assert server.out.rest() == [b'hello']
    assert not os.path.exists('server.sock')

with Server('--once', '--', 'sh', '-c', 'exec >&-; read _; echo seen >end') as server:
    peer = server.connect()
    peer.send('x\n')
    assert peer.rest() == b''
    assert server.status() == 0
    assert open('end').read() == 'seen\n', 'the program was waited for'
