"""A peer that answers without reading a large request, and closes: its answer is printed."""
import socket
import threading

from _support import DEADLINE, run

listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
listener.bind('server.sock')
listener.listen()
listener.settimeout(DEADLINE)


def answer(reply):
    peer, _ = listener.accept()
    peer.sendall(reply)
    peer.close()


def asked(reply, **more):
    server = threading.Thread(target=answer, args=(reply,))
    server.start()
    ended = run('request', './server.sock', '-', '--max-message', '16M', stdin=b'x' * (8 << 20), **more)
    server.join()
    return ended


assert asked(b'enough of that\n', check=0).stdout == b'enough of that\n'
assert b'server.sock' in asked(b'', check=1).stderr
