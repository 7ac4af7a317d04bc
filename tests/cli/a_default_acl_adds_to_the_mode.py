"""In a directory with a default ACL, --mode limits what its entries may do."""
import errno
import os
import stat
import struct
import subprocess

from _support import HALLWAY, Server, other_user, skip

OTHER = 65533
as_other = other_user(OTHER)

# As setfacl -d -m user:65533:rwx writes it (linux/posix_acl_xattr.h).
USER_OBJ, USER, GROUP_OBJ, MASK, OTHERS, NOBODY = 1, 2, 4, 0x10, 0x20, 0xffffffff


def acl(*entries):
    return struct.pack('<I', 2) + b''.join(struct.pack('<HHI', *entry) for entry in entries)


os.mkdir('d')
os.chmod('d', 0o755)
try:
    os.setxattr('d', 'system.posix_acl_default',
                acl((USER_OBJ, 7, NOBODY), (USER, 7, OTHER), (GROUP_OBJ, 7, NOBODY),
                    (MASK, 7, NOBODY), (OTHERS, 0, NOBODY)))
except OSError as error:
    if error.errno != errno.EOPNOTSUPP:
        raise
    skip('the file system here has no ACLs')


def mode(name):
    return stat.S_IMODE(os.stat(name).st_mode)


def asked_by_other():
    return subprocess.run([*as_other, HALLWAY, 'request', 'd/s', 'x', '--timeout', '10s'],
                          capture_output=True)


# 0600 admits nobody besides, whatever the directory says; nor do the files beside the socket.
with Server('--echo', '--takeover', address='./d/s'):
    assert mode('d/s') == mode('d/s.lock') == mode('d/s.control') == 0o600
    assert asked_by_other().returncode == 77

# The bits of the group are the mask of all entries but the owner's and the others'.
for given, answered in ('0640', False), ('0660', True):
    with Server('--echo', '--mode', given, address='./d/s'):
        assert mode('d/s') == int(given, 8), oct(mode('d/s'))
        ended = asked_by_other()
        assert ended.returncode == (0 if answered else 77), (given, ended)

# The same holds for a path that is bound again.
with Server('--echo', '--on-path-lost', 'rebind', address='./d/s') as server:
    os.remove('d/s')
    server.says('path regained')
    assert mode('d/s') == 0o600
    assert asked_by_other().returncode == 77
assert os.listdir('d') == [], os.listdir('d')
