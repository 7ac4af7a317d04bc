"""A user database that can be made silent.

glibc opens /etc/group for each look-up. While another process has a lease on that file, open(2)
waits for up to /proc/sys/fs/lease-break-time, as a look-up does with a name server that is silent.
"""
import fcntl
import os
import signal

from _isolation import seeing
from _support import DEADLINE, skip, until

if os.path.exists('/run/nscd/socket') or os.path.exists('/var/run/nscd/socket'):
    skip('nscd answers in the place of the files')
with open('/proc/sys/fs/lease-break-time') as file:
    if int(file.read()) <= DEADLINE:
        skip('a lease does not last long enough here')

with open('nsswitch.conf', 'w') as file:
    file.write('passwd: files\ngroup: files\n')
with open('group', 'w') as file:
    file.write('root:x:0:\nhallway-test:x:0:\n')
# What to put before a command so that it has this database, with the group hallway-test.
ISOLATED = seeing('nsswitch.conf', 'group')
signal.signal(signal.SIGIO, signal.SIG_IGN)  # how the kernel says that somebody waits


class Silence:
    """No look-up of a group is answered from now on."""

    def __init__(self):
        self.file = os.open('group', os.O_RDWR)
        try:
            fcntl.fcntl(self.file, fcntl.F_SETLEASE, fcntl.F_WRLCK)
        except OSError as error:
            skip(f'no leases on this file system: {error}')

    def wait_for_a_look_up(self):
        until(lambda: fcntl.fcntl(self.file, fcntl.F_GETLEASE) != fcntl.F_WRLCK, 'a look-up')

    def end(self):
        os.close(self.file)
