"""URLs that no server can have are refused at the start, without their passwords; what is
percent-encoded in others is sent as it is meant."""
from _hostile_nats import HostileNats
from _support import Hub, run, until

REFUSED = {
    'nats://127.0.0.1:1,nats://127.0.0.1:2': 'one URL names one server',
    'nats://a:1,b:2': 'one URL names one server',
    'nats://a,b': 'one URL names one server',
    'nats://me:secret@a:1,nats://me:secret@b:2': 'must be encoded',
    'nats://127.0.0.1:99999': 'not a port',
    'nats://127.0.0.1:0': 'not a port',
    'nats://127.0.0.1:': 'not a port',
    'nats://127.0.0.1:4222x': 'not a port',
    'nats:// x': 'not a host',
    'nats://a b:1': 'not a host',
    'nats://a\tb': 'not a host',
    'nats://a..b': 'not a host',
    'nats://300.1.2.3': 'not a host',
    'nats://-': 'not a host',
    'nats://-a.b': 'not a host',
    'nats://a.b-:4222': 'not a host',
    'nats://.a': 'not a host',
    'nats://.': 'not a host',
    'nats://' + 'a' * 64 + '.b': 'not a host',
    'nats://' + '.'.join(['a' * 63] * 4): 'not a host',
    'nats://127.0.0.1:1/path': 'not a port',
    'nats://host/path': 'not a host',
    'nats://::1': 'the host is missing',
    'nats://[::1': 'has no matching ]',
    'nats://[::1]x:1': 'not a host',
    'nats://[127.0.0.1]': 'not a host',
    'nats://:1': 'the host is missing',
    'nats://': 'the host is missing',
    'nats://me:secret@': 'the host is missing',
    'nats://@a': 'the user before the @ is missing',
    'nats://me:@a': 'the password after the : is missing',
    'nats://me:secr%4@a': 'hexadecimal',
    'nats://me:secr%zzet@a': 'hexadecimal',
    'nats://me:secret%@a': 'hexadecimal',
    'nats://me:secr@et@a': 'must be encoded',
    'nats://me:secr et@a': 'must be encoded',
    'nats://me:secr%22et@a': 'libnats cannot send',
    'nats://me:secr%0Aet@a': 'libnats cannot send',
    'nats://m%3Ae:secret@a': 'libnats does not accept a : in a user',
    'http://a': 'not a URL of a NATS server',
    'a:4222': 'not a URL of a NATS server',
    '': 'not a URL of a NATS server',
}

for url, reason in REFUSED.items():
    ended = run('hub', './hub.sock', '--link', url, check=2)
    said = ended.stderr.decode()
    assert reason in said, (url, said)
    assert 'secr' not in said, (url, said)
    text = url.replace('\t', '\\t')
    with open('hub.toml', 'w') as file:
        file.write(f'[link]\nurls = ["nats://127.0.0.1:1", "{text}"]\n')
    ended = run('hub', '--check-config', 'hub.toml', check=2)
    said = ended.stderr.decode()
    assert reason in said and 'link.urls[1]' in said and 'secr' not in said, (url, said)

# Patterns of which nothing would ever cross; what crosses of others is said.
for flag in ['--export', '--import']:
    for pattern in ['$SYS.>', '_HALLWAY.>', '_HALLWAY.REPLY.x']:
        said = run('hub', './hub.sock', '--link', 'nats://127.0.0.1:1', flag, pattern, check=2).stderr.decode()
        assert f'{flag} {pattern}: matches no subject that a link forwards' in said, said
with Hub('--link', 'nats://127.0.0.1:1', '--import', '>', '--export', 'a.>', '-v') as hub:
    hub.says('link excludes: subjects below $SYS and _HALLWAY of >')
    assert sum(b'link excludes' in line for line in hub.err.all) == 1, hub.err.all


def greeting(user):
    """What a server hears that is named with this in front of its @."""
    server = HostileNats(auth_required=True)
    with Hub('--link', server.url.replace('//', f'//{user}@' if user else '//')) as hub:
        hub.says('link up')
        until(lambda: server.connects, 'a CONNECT')
        assert not any(b'sesame' in line for line in hub.err.all), hub.err.all
        return {key: value for key, value in server.connects[0].items()
                if key in ('user', 'pass', 'auth_token') and value}


assert greeting('') == {}
assert greeting('me:s%40me%2Fsesame%25') == {'user': 'me', 'pass': 's@me/sesame%'}
assert greeting('m%40e:a:sesame') == {'user': 'm@e', 'pass': 'a:sesame'}
assert greeting('%73esame') == {'auth_token': 'sesame'}

# Several servers are several URLs.
server = HostileNats()
with Hub('--link', 'nats://127.0.0.1:1', '--link', server.url + '/') as hub:
    assert server.url in hub.says('link up')
