"""[link.tls]: the link checks the certificates of servers, and they check its own."""
import shutil
import subprocess

from _nats import NatsServer
from _support import Hub, skip

if shutil.which('openssl') is None:
    skip('openssl is missing')


def openssl(*words):
    subprocess.run(['openssl', *words], check=True, capture_output=True)


def make_authority(name):
    openssl('req', '-x509', '-newkey', 'ed25519', '-nodes', '-subj', f'/CN={name}',
            '-keyout', f'{name}.key', '-out', f'{name}.pem')


def make_certificate(name, authority, about):
    """NAME.pem and NAME.key, signed; `about` is whom it is for."""
    openssl('req', '-newkey', 'ed25519', '-nodes', '-subj', f'/CN={name}',
            '-keyout', f'{name}.key', '-out', f'{name}.csr')
    with open(f'{name}.ext', 'w') as file:
        file.write(f'subjectAltName = {about}\n')
    openssl('x509', '-req', '-in', f'{name}.csr', '-CA', f'{authority}.pem',
            '-CAkey', f'{authority}.key', '-extfile', f'{name}.ext', '-out', f'{name}.pem')


make_authority('known')
make_authority('unknown')
make_certificate('server', 'known', 'DNS:localhost')
make_certificate('elsewhere', 'known', 'DNS:example.org')
make_certificate('hub', 'known', 'DNS:hub')
make_certificate('stranger', 'unknown', 'DNS:hub')


def port_of(server):
    return server.url.rpartition(':')[2]


def says(url, tls, event):
    """What a hub that is linked to `url` in this way says first of all."""
    with open('hub.toml', 'w') as file:
        file.write(f'[link]\nurls = ["{url}"]\nfirst_wait = "10ms"\n{tls}\n')
    with Hub('--config', 'hub.toml') as hub:
        line = hub.says('link ')
        assert event in line, line
        return line


def settings_of(certificate, more=''):
    return (f'tls {{ cert_file: "{certificate}.pem", key_file: "{certificate}.key", '
            f'ca_file: "known.pem"{more} }}\n')


server = NatsServer('tls', settings_of('server'))
url = f'tls://localhost:{port_of(server)}'
assert url in says(url, 'tls = { ca = "known.pem" }', 'link up')
refusal = says(url, 'tls = { ca = "unknown.pem" }', 'link down')
assert 'self-signed certificate' in refusal or 'unable to get' in refusal, refusal
says(url, '', 'link down')  # the system does not know it either
assert 'missing.pem' in says(url, 'tls = { ca = "missing.pem" }', 'link down')
server.kill()

# A certificate of somebody else is none, though we trust who signed it.
server = NatsServer('elsewhere', settings_of('elsewhere'))
refusal = says(f'tls://localhost:{port_of(server)}', 'tls = { ca = "known.pem" }', 'link down')
assert 'mismatch' in refusal, refusal
server.kill()

# A server may want to see ours.
server = NatsServer('both', settings_of('server', ', verify: true'))
url = f'tls://localhost:{port_of(server)}'
TEMPLATE = 'tls = {{ ca = "known.pem", certificate = "{0}.pem", key = "{0}.key" }}'
says(url, TEMPLATE.format('hub'), 'link up')
for tls in (TEMPLATE.format('stranger'), 'tls = { ca = "known.pem" }'):
    assert 'the server may require a client certificate' in says(url, tls, 'link down')
server.kill()

# We insist where a URL says tls://, or the config that it is required.
server = NatsServer('plain')
plain, secure = server.url, server.url.replace('nats://', 'tls://')
says(plain, '', 'link up')
for url, tls in [(secure, ''), (plain, 'tls = { required = true }')]:
    assert 'secure connection' in says(url, tls, 'link down').lower()
