"""Typed text is UTF-8 in any locale of a container or of ssh; children get the locale unchanged."""
import os

from _support import Server, Terminal, run

TEXT = 'k\u00e4se\u2192x'

with Server() as server:
    for number, locale in enumerate(({'LC_ALL': 'C'}, {'LC_ALL': 'POSIX'}, {'LC_ALL': '', 'LC_CTYPE': '', 'LANG': ''},
                                     {'LC_ALL': 'xx_XX.nonsense'}, {'LC_ALL': 'C.UTF-8'})):
        client = Terminal('connect', server.address, env={'XDG_STATE_HOME': os.path.abspath('state'), **locale})
        client.wait_for('> ')
        client.type(TEXT)
        client.wait_for('x')
        client.type('\r')
        assert server.out.next() == TEXT.encode(), locale
        # Two columns to the left is two letters to the left.
        client.wait_for('> ')
        client.type('\u00e4\u00f6\u00fc\x1b[D\x1b[D!\r')
        assert server.out.next() == '\u00e4!\u00f6\u00fc'.encode(), locale
        client.close()

with Server('--handler', 'echo "$LC_ALL-$LANG"', '--no-print', env={'LC_ALL': 'C', 'LANG': 'xx'}) as server:
    assert run('request', server.address, 'x', check=0).stdout == b'C-xx\n'
