"""--ready-fd gets a newline and is closed; NOTIFY_SOCKET hears READY=1 and STOPPING=1."""
import os
import socket

from _support import DEADLINE, Process, Server

read_end, write_end = os.pipe()
server = Process('serve', './server.sock', '--ready-fd', str(write_end), pass_fds=(write_end,))
os.close(write_end)
assert os.read(read_end, 10) == b'\n' and os.read(read_end, 10) == b'', 'closed'
server.kill()

for name in ['./notify.sock', f'@hallway-notify-{os.getpid()}']:
    manager = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    manager.settimeout(DEADLINE)
    manager.bind('\0' + name[1:] if name.startswith('@') else name)
    address = name if name.startswith('@') else os.path.abspath(name)
    for kind in ['stream', 'datagram']:
        with Server('--type', kind, env={'NOTIFY_SOCKET': address}) as server:
            assert manager.recv(100) == b'READY=1'
            server.stop()
            assert manager.recv(100) == b'STOPPING=1'

# A manager that is not there is no reason to fail.
with Server('-v', env={'NOTIFY_SOCKET': '/nonexistent/notify'}) as server:
    server.says('not notified')
