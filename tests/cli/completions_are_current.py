"""The completions in packaging/ are those that the command writes now, and the shells accept them."""
import shutil
import subprocess

from _support import SOURCE_DIR, run

FILES = {'bash': 'hallway.bash', 'zsh': '_hallway', 'fish': 'hallway.fish'}

for shell, name in FILES.items():
    path = f'{SOURCE_DIR}/packaging/completions/{name}'
    now = run('completions', shell, check=0).stdout.decode()
    assert open(path).read() == now, f'write it again: hallway completions {shell} > {path}'
    if shutil.which(shell):
        subprocess.run([shell, '-n', path], check=True)


def completed(*words):
    script = f'''source {SOURCE_DIR}/packaging/completions/hallway.bash
        COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _hallway; printf '%s\\n' "${{COMPREPLY[@]}}"'''
    return subprocess.run(['bash', '-c', script, 'bash', *words], capture_output=True, check=True,
                          text=True).stdout.split()


assert completed('hallway', 'se') == ['serve', 'send']
assert completed('hallway', 'serve', '--bro') == ['--broadcast']
assert completed('hallway', 'serve', '--type', 'd') == ['datagram']
assert completed('hallway', 'wait', '--server-uid', 'roo') == ['root']
