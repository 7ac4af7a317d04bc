"""Ctrl-Z and fg in connect: the shell has the terminal as it was, and what was typed is drawn again."""
import os
import shutil
import signal
import termios

from _support import HALLWAY, Server, Terminal, skip, until

if shutil.which('bash') is None:
    skip('bash is missing')


class Shell(Terminal):
    """A shell with job control on a terminal of its own."""

    def __init__(self):
        super().__init__('--norc', '--noprofile', '-i', program='bash',
                         env={'PS1': 'shell: ', 'XDG_STATE_HOME': os.path.abspath('state'), 'LC_ALL': 'C'})

    def canonical(self):
        return bool(termios.tcgetattr(self.master)[3] & termios.ICANON)


with Server() as server:
    shell = Shell()
    shell.wait_for('shell: ')
    shell.type(f'{HALLWAY} connect {server.address}\r')
    shell.wait_for('connected')
    shell.wait_for('> ')
    shell.type('half')
    shell.wait_for('half')
    for _ in range(2):
        shell.type('\x1a')
        shell.wait_for('Stopped')
        shell.wait_for('shell: ')
        shell.type('echo shell-$((1+1))\r')
        shell.wait_for('shell-2')
        shell.wait_for('shell: ')
        shell.type('fg\r')
        shell.wait_for('> half')
        until(lambda: not shell.canonical(), 'keys one by one')
    # The keys that edit do so.
    shell.type(' a line\x1b[D\x1b[D\x1b[D!\r')
    assert server.out.next() == b'half a l!ine'
    shell.wait_for('> ')
    shell.type('more')
    shell.wait_for('more')

    # In the background messages are shown, and the shell's lines are the shell's.
    shell.type('\x1a')
    shell.wait_for('shell: ')
    shell.type('bg\r')
    shell.wait_for('shell: ')
    shell.type('echo still-$((2+2))\r')
    shell.wait_for('still-4')
    shell.type('jobs\r')
    shell.wait_for('Running')
    shell.type('fg\r')
    shell.wait_for('> more')
    shell.type('!\r')
    assert server.out.next() == b'more!'

    # Stopped by somebody else, with a signal that nobody can catch.
    shell.wait_for('> ')
    shell.type('again')
    shell.wait_for('again')
    children = open(f'/proc/{shell.pid}/task/{shell.pid}/children').read().split()
    os.kill(int(children[0]), signal.SIGSTOP)
    shell.wait_for('shell: ')
    shell.type('fg\r')
    shell.wait_for('> again')
    until(lambda: not shell.canonical(), 'keys one by one')
    shell.type('\x03')
    shell.wait_for('shell: ')
    shell.type('exit\r')
    shell.rest()
