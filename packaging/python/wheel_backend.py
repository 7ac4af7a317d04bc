# SPDX-License-Identifier: Apache-2.0
"""Builds the wheel of the Python packages by CMake: a backend as PEP 517 describes.

The config setting build-dir names the build tree:

    pip install --config-settings build-dir=build .

One that is configured is used as it is; any other is configured for the Python packages alone, as
build/wheel is without the setting.
"""

import base64
import hashlib
import os
import re
import subprocess
import sys
import sysconfig
import tomllib
import zipfile
from pathlib import Path

SOURCE = Path(__file__).resolve().parents[2]


def build_wheel(wheel_directory, config_settings=None, metadata_directory=None):
    name, version = name_and_version()
    build = Path((config_settings or {}).get('build-dir', SOURCE / 'build' / 'wheel')).resolve()
    run_cmake(build)

    tag = f'cp311-abi3-{re.sub(r"[-.]", "_", sysconfig.get_platform())}'
    description = f'{name}-{version}.dist-info'
    wheel = f'{name}-{version}-{tag}.whl'
    with Wheel(Path(wheel_directory) / wheel, f'{description}/RECORD') as content:
        packages = build / 'python'
        for file in sorted(packages.rglob('*')):
            if file.is_file() and '__pycache__' not in file.parts:
                content.add(file.relative_to(packages).as_posix(), file.read_bytes())
        content.add(f'{description}/LICENSE', (SOURCE / 'LICENSE').read_bytes())
        content.add(f'{description}/METADATA', metadata(name, version))
        content.add(f'{description}/WHEEL', '\n'.join((
            'Wheel-Version: 1.0',
            'Generator: hallway',
            'Root-Is-Purelib: false',
            f'Tag: {tag}',
            '')))
    return wheel


def build_sdist(sdist_directory, config_settings=None):
    name, version = name_and_version()
    root = f'{name}-{version}'
    archive = Path(sdist_directory).resolve() / f'{root}.tar.gz'
    # The prefix is not put before the file that git adds.
    subprocess.run(['git', '-C', SOURCE, 'archive', f'--output={archive}',
                    f'--add-virtual-file={root}/PKG-INFO:{metadata(name, version)}',
                    f'--prefix={root}/', 'HEAD'], check=True)
    return archive.name


def project():
    return tomllib.loads((SOURCE / 'pyproject.toml').read_text())['project']


def name_and_version():
    header = (SOURCE / 'include/hallway/version.hpp').read_text()
    return project()['name'], re.search(r'version = "([0-9.]+)"', header)[1]


def metadata(name, version):
    about = project()
    return '\n'.join((
        'Metadata-Version: 2.1',
        f'Name: {name}',
        f'Version: {version}',
        f'Summary: {about["description"]}',
        f'License: {about["license"]["text"]}',
        f'Requires-Python: {about["requires-python"]}',
        ''))


def run_cmake(build):
    if not (build / 'CMakeCache.txt').exists():
        left_out = ('TOOL', 'TESTS', 'EXAMPLES', 'BENCH', 'INSTALL')
        subprocess.run(['cmake', '-S', SOURCE, '-B', build, '-DCMAKE_BUILD_TYPE=Release',
                        f'-DPython3_EXECUTABLE={sys.executable}',
                        *(f'-DHALLWAY_{part}=OFF' for part in left_out)], check=True)
    subprocess.run(['cmake', '--build', build, '--target', 'hallway_python',
                    '--parallel', str(os.cpu_count() or 1)], check=True)


class Wheel:
    """A zip file whose last member lists all members with their hashes."""

    def __init__(self, path, record):
        self.zip = zipfile.ZipFile(path, 'w', zipfile.ZIP_DEFLATED)
        self.record = record
        self.lines = []

    def add(self, name, content):
        content = content.encode() if isinstance(content, str) else content
        digest = base64.urlsafe_b64encode(hashlib.sha256(content).digest()).rstrip(b'=').decode()
        self.lines.append(f'{name},sha256={digest},{len(content)}\n')
        self.zip.writestr(name, content)

    def __enter__(self):
        return self

    def __exit__(self, *failure):
        self.zip.writestr(self.record, ''.join(self.lines) + f'{self.record},,\n')
        self.zip.close()
