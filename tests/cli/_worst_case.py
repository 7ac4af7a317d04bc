"""What the tests of the worst case share. docs/LIMITS.md states how much memory a server takes up at most, whatever
its clients do."""
import resource

from _support import sanitized, skip
from _users import memory_of

if sanitized():
    skip('a sanitizer takes more memory than what is measured here')

LIMIT = 256  # MiB
USERS = [*range(2001, 2006), 0]  # who comes later gets less
EACH = 250  # connections, for those who get so many

# Each of this process's own descriptors is one of those connections.
resource.setrlimit(resource.RLIMIT_NOFILE, (4096, 4096))


def check(what, server):
    print(f'{what}: {memory_of(server):.0f} MiB at most')
    assert memory_of(server) <= LIMIT, what
