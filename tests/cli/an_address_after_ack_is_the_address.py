"""The word after --ack is its text, unless it looks like an address."""
import os

from _support import Process, run

server = Process('serve', '--ack', './here.sock')
server.says('listening')
assert os.path.exists('here.sock')
assert run('request', './here.sock', 'x', check=0).stdout == b'__ACK__\n'
server.kill()

server = Process('serve', '--ack', 'thanks', './there.sock')
server.says('listening')
assert run('request', './there.sock', 'x', check=0).stdout == b'thanks\n'
