"""With --json an invalid command line is reported as an object, like every other failure."""
import json

from _support import run


def refused(*words, says):
    ended = run(*words, check=2)
    assert ended.stdout == b''
    error = json.loads(ended.stderr)  # one line, and nothing else
    assert error['event'] == 'error' and error['exit'] == 2 and says in error['why'], error
    return error


assert refused('serve', '--dance', '--json', says='--dance')['hint'] == 'hallway serve --help'
refused('serve', '--json', '--dance', says='--dance')
refused('--json', 'serve', says='--json')
refused('dance', '--json', says='dance')
refused('send', '--json', says='MESSAGE')
refused('request', '--json', '--wait-reply=1', 'x', says='--wait-reply')
refused('serve', '--json', '--max-message', '4X', says='4X')
refused('subscribe', '--json', 'a..b', says='a..b')
refused('hub', '--json', '--link', 'nats://-', says='not a host')
refused('bench', '--json', '--framing', 'raw', says='--framing raw')
refused('wait', '--json', 'exec:x', says='exec:x')
refused('connect', 'tcp:host:1\t', '--json', says='tcp:host:1\t')
# Each once escaped, in either form.
assert b'tcp:host:1\\t' in run('connect', 'tcp:host:1\t', check=2).stderr

refused('wait', '--json=true', '--dance', says='--dance')
assert b'hallway: wait: ' in run('wait', '--json=false', check=2).stderr

# What is a message, or a word of another program, asks for nothing.
assert run('send', '--dance', '--', '--json', check=2).stderr.startswith(b'hallway: send: ')
