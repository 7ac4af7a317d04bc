"""A command that prints without end is killed at --max-message and costs the server no memory."""
import resource

from _support import Server, run, sanitized, skip


def most_memory(pid):
    for line in open(f'/proc/{pid}/status'):
        if line.startswith('VmHWM'):
            return int(line.split()[1]) // 1024
    raise AssertionError('no VmHWM')


with Server('--handler', 'head -c 1G /dev/zero', '--ack', '--max-message', '1M') as server:
    before = most_memory(server.pid)
    assert run('request', server.address, 'x', check=0).stdout == b'__ACK__\n'
    assert 'more than 1M' in server.says('handler failed')
    assert most_memory(server.pid) - before < 64, 'MiB'

# Exactly as much as allowed is an answer, its final newline not counted.
with Server('--handler', 'head -c 1000 /dev/zero | tr "\\0" x; echo', '--max-message', '1000') as server:
    assert run('request', server.address, 'x', check=0).stdout == b'x' * 1000 + b'\n'
with Server('--handler', 'head -c 1001 /dev/zero', '--max-message', '1000', '--ack') as server:
    assert run('request', server.address, 'x', check=0).stdout == b'__ACK__\n'

# Where the memory itself is scarce, the answer is lost and not the server. A sanitizer has reserved
# more of it from the start, and ends the program itself.
if sanitized():
    skip('the part with little memory: a sanitizer is in the way')

with Server('--handler', 'read size; head -c "$size" /dev/zero | tr "\\0" x', '--ack',
            '--max-message', '512M') as server:
    little = 256 << 20
    resource.prlimit(server.pid, resource.RLIMIT_AS, (little, little))
    assert run('request', server.address, '400000000', check=0).stdout == b'__ACK__\n'
    assert 'out of memory' in server.says('handler failed')
    assert run('request', server.address, '5', check=0).stdout == b'xxxxx\n'
