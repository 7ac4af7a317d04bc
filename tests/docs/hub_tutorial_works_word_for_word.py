"""Every command in the tutorial of docs/HUB.md, typed into one shell, shows what the tutorial says."""
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
DEADLINE = 30
MARK = '--- that was all ---'

for command in ['nc', 'curl']:
    if shutil.which(command) is None:
        print('skipped:', command, 'is missing')
        sys.exit(77)


def steps():
    """(command, what it shows) of each `$ ` in the console blocks of the tutorial."""
    page = (SOURCE_DIR / 'docs/HUB.md').read_text()
    tutorial = page.split('## A tutorial')[1].split('\n## ')[0]
    for block in re.findall(r'```console\n(.*?)```', tutorial, re.DOTALL):
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
    def __init__(self):
        self.process = subprocess.Popen(
            ['bash'], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            text=True, start_new_session=True,
            env={**os.environ, 'PATH': f'{HALLWAY.parent}:{os.environ["PATH"]}', 'LC_ALL': 'C.UTF-8'})
        # A shell that hangs is ended, and with it what it has started.
        self.guard = threading.Timer(100, lambda: os.killpg(self.process.pid, 9))
        self.guard.daemon = True
        self.guard.start()

    def run(self, command):
        """The lines it shows."""
        self.process.stdin.write(f'{command}\necho "{MARK}"\n')
        self.process.stdin.flush()
        lines = []
        while (line := self.process.stdout.readline()) != MARK + '\n':
            assert line, f'the shell ended in {command!r}, after {lines}'
            lines.append(line.rstrip('\r\n'))
        return lines

    def end(self):
        self.guard.cancel()
        self.process.stdin.close()
        try:
            os.killpg(self.process.pid, 9)
        except ProcessLookupError:
            pass
        self.process.wait()


def subscriptions():
    """How many the hub has; a person types slowly enough for a subscriber to be there first."""
    with socket.socket(socket.AF_UNIX) as client:
        client.settimeout(DEADLINE)
        client.connect('hub.sock')
        client.sendall(b'SUB answer 1\r\nPUB $SYS.HUB.STATS answer 0\r\n\r\nPING\r\n')
        said = b''
        while not said.endswith(b'PONG\r\n'):
            said += client.recv(65536)
    return int(re.search(rb'"subscriptions":(\d+)', said)[1]) - 1


def until(condition):
    """Whether it is so in the end."""
    give_up = time.monotonic() + DEADLINE
    while not condition():
        if time.monotonic() > give_up:
            return False
        time.sleep(0.02)
    return True


def follow(shell):
    subscribers = 0
    count = 0
    for command, promised in steps():
        count += 1
        shown = shell.run(command)
        # What is logged is logged soon; a person would look again, too.
        if command.startswith('grep '):
            def again():
                nonlocal shown
                shown = shown if fits(shown, promised) else shell.run(command)
                return fits(shown, promised)
            until(again)
        assert fits(shown, promised), f'$ {command}\n{shown}\ninstead of\n{promised}'
        if command.startswith('hallway subscribe ') and command.endswith('&'):
            subscribers += 1
            assert until(lambda: subscriptions() == subscribers), 'nobody subscribed'
        if command.startswith('wait $') and subscribers:
            subscribers = 0
            assert until(lambda: subscriptions() == 0), 'somebody stayed'
    return count


with tempfile.TemporaryDirectory(prefix='hallway-') as directory:
    os.chdir(directory)
    shell = Shell()
    try:
        print(follow(shell), 'commands')
    finally:
        shell.end()
        os.chdir('/')
