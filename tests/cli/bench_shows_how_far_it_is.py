"""On a terminal bench draws one line that moves and then goes away; -q and --json draw none."""
from _bench import BRIEF
from _support import Terminal

shown = Terminal('bench', '--duration', '1s')
shown.wait_for('[#')
shown.wait_for('of 1 s')
shown.wait_for('p99 ')
assert b'\r\x1b[K' in shown.wait_for('pingpong, own server'), 'the line is taken away'
assert b'missing  none' in shown.rest() and shown.status() == 0

for flag in ['-q', '--json']:
    shown = Terminal('bench', *BRIEF, flag)
    assert b'\x1b' not in shown.rest() and shown.status() == 0
