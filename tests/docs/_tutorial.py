"""Pages whose commands are typed into a shell and print what the page shows."""
import os
import pathlib
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import time

SOURCE_DIR = pathlib.Path(os.environ['SOURCE_DIR'])
HALLWAY = pathlib.Path(os.environ['HALLWAY'])
DEADLINE = 120
MARK = '--- that was all ---'
# Not everybody has sbin there, where nats-server is.
PATH = f'{HALLWAY.parent}:{os.environ["PATH"]}:/usr/sbin'


def skip(reason):
    print('skipped:', reason)
    sys.exit(77)


def needs(*commands):
    for command in commands:
        if shutil.which(command, path=PATH) is None:
            skip(f'{command} is missing')


def steps(heading):
    """(command, what it shows) of each `$ ` in the console blocks below this heading."""
    page = (SOURCE_DIR / 'docs/HUB.md').read_text()
    level = heading.split(' ')[0]
    tutorial = page.split(f'\n{heading}\n')[1].split(f'\n{level} ')[0]
    for block in re.findall(r'```console\n(.*?)```', tutorial, re.DOTALL):
        yield from steps_of(block)


def steps_of(block):
    """The same of one console block."""
    for step in re.split(r'^\$ ', block, flags=re.MULTILINE)[1:]:
        lines = step.splitlines()
        more = next((at for at, line in enumerate(lines[1:], 1) if not line.startswith('> ')),
                    len(lines))
        yield '\n'.join([lines[0], *(line[2:] for line in lines[1:more])]), lines[more:]


def fits(shown, promised):
    """`...` stands for anything, and the pid 4711 for any."""
    if len(shown) != len(promised):
        return False
    for line, words in zip(shown, promised):
        pattern = re.escape(words).replace(re.escape('...'), '.*').replace('4711', r'\d+')
        if not re.fullmatch(pattern, line):
            return False
    return True


class Shell:
    """A bash that is typed into; `within`, the words of a command that starts it."""

    def __init__(self, within=()):
        self.process = subprocess.Popen(
            [*within, 'bash'], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            text=True, start_new_session=True,
            env={**os.environ, 'PATH': PATH, 'LC_ALL': 'C.UTF-8'})
        # A shell that hangs is ended, and with it what it has started.
        self.guard = threading.Timer(100, lambda: os.killpg(self.process.pid, 9))
        self.guard.daemon = True
        self.guard.start()

    def run(self, command):
        """The lines it shows."""
        self.process.stdin.write(f'{command}\necho "{MARK}"\n')
        self.process.stdin.flush()
        return self.lines(command)

    def end(self):
        self.guard.cancel()
        self.process.stdin.close()
        try:
            os.killpg(self.process.pid, 9)
        except ProcessLookupError:
            pass
        self.process.wait()


    def paste(self, commands):
        """The lines that each shows, all of them given to the shell at once."""
        text = ''.join(f'{command}\necho "{MARK}"\n' for command in commands)
        # The shell reads while it shows: neither pipe may fill up while nobody reads it.
        writing = threading.Thread(target=lambda: (self.process.stdin.write(text),
                                                   self.process.stdin.flush()))
        writing.start()
        shown = [self.lines(command) for command in commands]
        writing.join()
        return shown

    def lines(self, command):
        """What is shown up to the mark behind this command."""
        lines = []
        while (line := self.process.stdout.readline()) != MARK + '\n':
            assert line, f'the shell ended in {command!r}, after {lines}'
            lines.append(line.rstrip('\r\n'))
        return lines


class Client:
    """A raw client of a hub."""

    def __init__(self, path):
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.settimeout(DEADLINE)
        self.socket.connect(path)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()

    def asks(self, words):
        """Words that end with a PING: what is said until that was answered."""
        self.socket.sendall(words.encode())
        said = b''
        while b'PONG\r\n' not in said:
            said += self.socket.recv(65536)
        return said.decode()


def until(condition):
    """Whether it is so in the end."""
    give_up = time.monotonic() + DEADLINE
    while not condition():
        if time.monotonic() > give_up:
            return False
        time.sleep(0.02)
    return True


def paste(heading):
    """Gives all of it to a shell at once, as a person does who copies the page."""
    commands, promises = zip(*steps(heading))
    with tempfile.TemporaryDirectory(prefix='hallway-') as directory:
        os.chdir(directory)
        shell = Shell()
        try:
            shown = shell.paste(commands)
        finally:
            shell.end()
            os.chdir('/')
    for command, lines, promised in zip(commands, shown, promises):
        assert fits(lines, promised), f'$ {command}\n{lines}\ninstead of\n{promised}'
    return len(commands)


def follow(heading, after, within=()):
    """Types it all; `after` hears of each command that was typed."""
    with tempfile.TemporaryDirectory(prefix='hallway-') as directory:
        os.chdir(directory)
        shell = Shell(within)
        try:
            print(sum(1 for _ in followed(shell, heading, after)), 'commands')
        finally:
            shell.end()
            os.chdir('/')


def followed(shell, heading, after):
    for command, promised in steps(heading):
        type_into(shell, command, promised)
        after(command)
        yield command


def type_into(shell, command, promised):
    """Types a command; it must show what is promised."""
    shown = shell.run(command)
    # What is logged is logged soon; a person would look again, too.
    if command.startswith('grep '):
        def again():
            nonlocal shown
            shown = shown if fits(shown, promised) else shell.run(command)
            return fits(shown, promised)
        until(again)
    assert fits(shown, promised), f'$ {command}\n{shown}\ninstead of\n{promised}'
