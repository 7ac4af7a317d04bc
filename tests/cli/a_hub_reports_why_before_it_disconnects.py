"""A hub reports a protocol error to the client before it ends the connection, and to its log."""
from _support import Hub

WRONG = [
    ('PUB foo -1', 'Parser Error: PUB takes SUBJECT [REPLY] SIZE, and a size is a number of 1 to 9 digits'),
    ('SUB foo', 'Parser Error: SUB takes SUBJECT [QUEUE] SID'),
    ('CONNECT {', 'Parser Error: CONNECT takes one JSON object, of at most 64 values in each other'),
    ('CONNECT {"verbose":1}', 'Parser Error: the member "verbose" of CONNECT is not of its type'),
    ('HPUB foo 0 0\r\n', 'message headers not supported'),
    ("-ERR 'what'", 'Client Error: what'),
    ('HELLO', 'Unknown Protocol Operation'),
]

with Hub() as hub:
    for number, (said, why) in enumerate(WRONG, 1):
        client = hub.join()
        client.send(said + '\r\n')
        assert client.rest().decode() == f"-ERR '{why}'\r\n", said
        assert hub.says(f'connection {number}: refused').endswith(why), hub.err.all
