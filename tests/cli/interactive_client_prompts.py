"""On a terminal connect prompts, keeps what was typed while messages come, and has a history."""
import os
import signal

from _support import Server, Terminal, run

STATE = {'XDG_STATE_HOME': os.path.abspath('state'), 'LC_ALL': 'C.UTF-8'}

with Server('--broadcast', '--ack') as server:
    client = Terminal('connect', server.address, env=STATE)
    client.wait_for('connected')
    client.wait_for('> ')
    client.type('hello\r')
    client.wait_for('__ACK__')
    assert server.out.next() == b'hello'

    # Escape alone means nothing yet, and holds nothing up; with the next key it means something.
    client.wait_for('> ')
    client.type('two words\x1b')
    client.wait_for('two words')
    run('send', server.address, 'while Escape waits', check=0)
    client.wait_for('while Escape waits')
    client.wait_for('> two words')
    client.type('b\x1b[D!\r')  # back a word, back a character
    assert server.out.next() == b'while Escape waits'
    assert server.out.next() == b'two! words'
    # So do a character that has not arrived whole, and Ctrl-V.
    client.wait_for('__ACK__')
    client.wait_for('> ')
    os.write(client.master, 'gr\u00f6'.encode()[:-1])
    client.wait_for('gr')
    run('send', server.address, 'half a character', check=0)
    client.wait_for('half a character')
    client.wait_for('> gr')
    os.write(client.master, 'gr\u00f6'.encode()[-1:])
    client.type('\x16')
    run('send', server.address, 'while Ctrl-V waits', check=0)
    client.wait_for('while Ctrl-V waits')
    client.type('\x1b\r')
    assert server.out.next() == b'half a character'
    assert server.out.next() == b'while Ctrl-V waits'
    assert server.out.next() == 'gr\u00f6\x1b'.encode()

    client.wait_for('__ACK__')
    # A message in the middle of typing: it takes the line, and the typed text stands below it.
    client.wait_for('> ')
    client.type('half a ')
    client.wait_for('half a ')
    run('send', server.address, 'from elsewhere', check=0)
    assert client.wait_for('from elsewhere\r\n').endswith(b'\r\x1b[J')
    client.wait_for('> half a ')
    client.type('line\r')
    assert server.out.next() == b'from elsewhere'
    assert server.out.next() == b'half a line'

    # A line in two rows goes with both of them.
    client.wait_for('__ACK__')
    client.wait_for('> ')
    client.type('x' * 100 + '!')
    client.wait_for('!')
    run('send', server.address, 'again from elsewhere', check=0)
    cleared = client.wait_for('again from elsewhere\r\n')
    assert cleared.endswith(b'\x1b[1A\r\x1b[J'), cleared
    assert server.out.next() == b'again from elsewhere'
    client.wait_for('!')

    # Ctrl-U empties it, which is not the end; arrow up brings back the last line.
    client.type('\x15')
    client.type('\x1b[A')
    client.wait_for('half a line')
    client.type(' again\r')
    assert server.out.next() == b'half a line again'

    # Ctrl-D at the start of a line ends the input, and the server closes.
    client.wait_for('__ACK__')
    client.wait_for('> ')
    client.type('\x04')
    client.wait_for('closed')
    client.rest()
    assert client.status() == 0

    second = Terminal('connect', server.address, env=STATE)
    second.wait_for('> ')
    second.type('\x1b[A\r')
    assert server.out.next() == b'half a line again', 'the history outlives the client'
    second.wait_for('__ACK__')
    os.kill(second.pid, signal.SIGINT)
    second.rest()
    assert second.status() == 0

assert oct(os.stat('state/hallway_history').st_mode & 0o777) == '0o600'
