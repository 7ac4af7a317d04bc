"""Identities on a NATS cluster by signed tokens: keys, and what they sign for each other.

An operator signs its accounts, an account its users. A key is Ed25519, written in base32 behind a
letter that says whose it is; a token is a JWT, with an algorithm of its own.
"""

import base64
import binascii
import itertools
import json
import shutil
import subprocess

from _support import skip

if shutil.which('openssl') is None:
    skip('openssl is missing')

SEED = 18 << 3  # S
NUMBERS = itertools.count()


def openssl(*words):
    return subprocess.run(['openssl', *words], check=True, capture_output=True).stdout


def in_base32(data):
    checked = data + binascii.crc_hqx(data, 0).to_bytes(2, 'little')
    return base64.b32encode(checked).decode().rstrip('=')


def in_base64(data):
    return base64.urlsafe_b64encode(data).decode().rstrip('=')


class Signer:
    """An operator, an account or a user."""

    LETTERS = {'operator': 14 << 3, 'account': 0, 'user': 20 << 3}  # O, A, U

    def __init__(self, kind):
        self.kind, self.file, letter = kind, f'{next(NUMBERS)}.pem', self.LETTERS[kind]
        openssl('genpkey', '-algorithm', 'ed25519', '-out', self.file)
        # The raw key is the end of each of these forms.
        private = openssl('pkey', '-in', self.file, '-outform', 'DER')[-32:]
        public = openssl('pkey', '-in', self.file, '-pubout', '-outform', 'DER')[-32:]
        self.name = in_base32(bytes([letter]) + public)
        self.seed = in_base32(bytes([SEED | letter >> 5, (letter & 31) << 3]) + private)

    def sign(self, other, **claims):
        """A token that says who `other` is."""
        said = {'jti': other.name, 'iat': 0, 'iss': self.name, 'sub': other.name,
                'nats': {'type': other.kind, 'version': 2, **claims}}
        parts = ({'typ': 'JWT', 'alg': 'ed25519-nkey'}, said)
        text = '.'.join(in_base64(json.dumps(part).encode()) for part in parts)
        with open('to_sign', 'w') as file:
            file.write(text)
        signature = openssl('pkeyutl', '-sign', '-inkey', self.file, '-rawin', '-in', 'to_sign')
        return f'{text}.{in_base64(signature)}'


class Operator:
    """One with an account, as a server's settings, and users of it, as files of credentials."""

    def __init__(self):
        operator, self.account = Signer('operator'), Signer('account')
        limits = dict.fromkeys(('subs', 'data', 'payload', 'conn', 'imports', 'exports'), -1)
        signed = operator.sign(self.account, limits={**limits, 'wildcards': True})
        self.settings = (f'operator: {operator.sign(operator)}\nresolver: MEMORY\n'
                         f'resolver_preload: {{ {self.account.name}: {signed} }}\n')

    def write_credentials(self, path):
        user = Signer('user')
        token = self.account.sign(user, subs=-1, data=-1, payload=-1)
        with open(path, 'w') as file:
            file.write(f'-----BEGIN NATS USER JWT-----\n{token}\n------END NATS USER JWT------\n\n'
                       f'-----BEGIN USER NKEY SEED-----\n{user.seed}\n'
                       '------END USER NKEY SEED------\n')
