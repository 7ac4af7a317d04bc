"""`pip install .` with no package index, isolated or not; the result works far from the source."""

import os
import subprocess
import sys
import unittest
import zipfile

from _support import InOwnDirectory

SOURCE_DIR = os.environ['SOURCE_DIR']
BUILD_DIR = os.environ['BUILD_DIR']

try:
    import pip  # noqa: F401
except ImportError:
    print('skipped: pip is not installed')
    sys.exit(77)

# -I: nothing of the environment or the current directory is imported.
USE = '''
import sys
sys.path.insert(0, sys.argv[1])
import hallway, unix_socket
from hallway import asyncio
from unix_socket.unix_socket import UnixSocket
assert hallway.__file__.startswith(sys.argv[1]), hallway.__file__
with UnixSocket('s') as ipc:
    print('it works')
'''


def pip_runs(*words):
    offline = {'PIP_NO_INDEX': '1', 'PIP_DISABLE_PIP_VERSION_CHECK': '1', 'HOME': os.getcwd()}
    ended = subprocess.run([sys.executable, '-m', 'pip', '--no-cache-dir', *words],
                           capture_output=True, text=True, env={**os.environ, **offline})
    assert ended.returncode == 0, ended.stdout + ended.stderr


class Installing(InOwnDirectory):
    def install(self, *words):
        target = self.path('installed')
        # The library is built already: the settings say where.
        pip_runs('install', '--target', target, '--config-settings', f'build-dir={BUILD_DIR}',
                 *words, SOURCE_DIR)
        environment = {name: value for name, value in os.environ.items() if name != 'PYTHONPATH'}
        used = subprocess.run([sys.executable, '-I', '-c', USE, target], capture_output=True,
                              text=True, env=environment)
        self.assertEqual(used.stdout, 'it works\n', used.stderr)

    def test_in_an_isolated_environment(self):
        self.install()

    def test_without_isolation(self):
        self.install('--no-build-isolation')

    def test_the_wheel_is_for_every_python_from_3_11_on(self):
        pip_runs('wheel', '--no-deps', '--wheel-dir', '.', '--config-settings',
                 f'build-dir={BUILD_DIR}', SOURCE_DIR)
        [wheel] = [name for name in os.listdir() if name.endswith('.whl')]
        self.assertRegex(wheel, r'^hallway-[0-9.]+-cp311-abi3-linux_\w+\.whl$')
        with zipfile.ZipFile(wheel) as content:
            names = content.namelist()
            self.assertIsNone(content.testzip())
        for name in ('hallway/_core.abi3.so', 'hallway/asyncio.py', 'hallway/py.typed',
                     'unix_socket/unix_socket.py', 'unix_socket/py.typed'):
            self.assertIn(name, names)
        self.assertFalse([name for name in names if '__pycache__' in name])


if __name__ == '__main__':
    unittest.main()
