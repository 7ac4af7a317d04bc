"""The same for the tutorial with three machines, in a network and with namespaces of its own."""
import subprocess

from _tutorial import Client, follow, needs, skip, until

needs('ip', 'nats-server', 'nc', 'unshare', 'xargs')
# The names of namespaces are files there; so they are nobody else's, and go with the shell.
WITHIN = ('unshare', '--mount', '--net', 'bash', '-c',
          'mkdir -p /run/netns && mount -t tmpfs names /run/netns && exec "$@"', 'bash')
if subprocess.run([*WITHIN, 'ip', 'netns', 'add', 'some'], capture_output=True).returncode != 0:
    skip('only root makes network namespaces')


def wants(subject):
    """Whether somebody subscribes to it on the second machine."""
    with Client('hub-2.sock') as client:
        return f'+{subject}\n' in client.asks('SUB $SYS.HUB.INTEREST 1\r\nPING\r\n')


def passes(subject, machine):
    """Whether what is published to it on that machine is heard on the second."""
    with Client(f'hub-{machine}.sock') as here, Client('hub-2.sock') as there:
        there.asks(f'SUB {subject} 1\r\nPING\r\n')

        def arrives():
            here.asks(f'PUB {subject} 0\r\n\r\nPING\r\n')
            return f'MSG {subject}' in there.asks('PING\r\n')
        return until(arrives)


def after(command):
    """A person types slowly enough for all machines to know what is subscribed to.

    They hear of it in the order in which it is subscribed to, so a probe tells.
    """
    if 'hallway subscribe' in command:
        assert until(lambda: wants('news.today')), 'no subscription'
        for machine in (1, 3):
            assert passes(f'news.probe.{machine}', machine), 'nothing passes'


follow('### A tutorial with three machines', after, WITHIN)
