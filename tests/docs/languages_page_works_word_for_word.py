"""Every listing of docs/LANGUAGES.md is written to its file, and every command prints what the page shows."""
import os
import pathlib
import re
import shutil
import subprocess
import tempfile

from _tutorial import PATH, SOURCE_DIR, Shell, needs, steps_of, type_into

PAGE = SOURCE_DIR / 'docs/LANGUAGES.md'
C_LIBRARY = pathlib.Path(os.environ.get('C_LIBRARY', SOURCE_DIR / 'build/lib/libhallway_c.so'))
# What a section needs besides the command and nc. A section without it is left out.
NEEDS = {'C': ['cc', 'pkg-config'], 'Go': ['go'], 'Node': ['node'], 'Python': ['python3']}
BLOCK = re.compile(r'^#+ (?P<heading>[^\n]*)$|^```(?P<kind>\w+)(?: title="(?P<file>[^"]+)")?\n(?P<text>.*?)^```$',
                   re.MULTILINE | re.DOTALL)


def sections(page):
    """[(heading, its blocks)]: of each block its kind, the file it is written to if it has one, and its text."""
    found = []
    for part in BLOCK.finditer(page):
        if part['kind'] is None:
            found.append((part['heading'], []))
        else:
            found[-1][1].append((part['kind'], part['file'], part['text']))
    return found


def python_finds_hallway():
    """With the Python that the page calls."""
    return subprocess.run(['python3', '-c', 'import hallway'], capture_output=True, check=False).returncode == 0


def missing(heading):
    """What a section needs and is not there."""
    if heading == 'C' and not C_LIBRARY.exists():
        return [C_LIBRARY.name]
    if heading == 'C' and any(name in C_LIBRARY.read_bytes() for name in (b'__asan_init', b'__tsan_init')):
        return ['a library that is not instrumented']
    if heading == 'Python, with the package' and not python_finds_hallway():
        return ['hallway, or it was built with a sanitizer']
    return [command for command in NEEDS.get(heading, []) if shutil.which(command, path=PATH) is None]


def as_if_installed(directory):
    """Lets pkg-config, the linker and Python find what was built."""
    (directory / 'hallway-c.pc').write_text(
        'Name: hallway-c\nDescription: as built\nVersion: 0\n'
        f'Libs: -L{C_LIBRARY.parent} -lhallway_c\nCflags: -I{SOURCE_DIR}/include\n', encoding='utf-8')
    os.environ.update(PKG_CONFIG_PATH=str(directory), LD_LIBRARY_PATH=str(C_LIBRARY.parent))


def follow_page(shell, directory):
    commands = 0
    for heading, blocks in sections(PAGE.read_text(encoding='utf-8')):
        if without := missing(heading):
            print(f'{heading}: left out, without {without[0]}')
            continue
        for kind, file, text in blocks:
            if file:
                assert not (directory / file).exists(), f'{file} is listed twice'
                (directory / file).write_text(text, encoding='utf-8')
            elif kind == 'console':
                for command, promised in steps_of(text):
                    type_into(shell, command, promised)
                    commands += 1
            else:
                raise AssertionError(f'{heading}: a listing in {kind} is written to no file, so nothing runs it')
    print(commands, 'commands')


needs('nc')
with tempfile.TemporaryDirectory(prefix='hallway-') as name, \
        tempfile.TemporaryDirectory(prefix='hallway-') as installed:
    as_if_installed(pathlib.Path(installed))
    os.chdir(name)
    os.environ.setdefault('GOCACHE', f'{name}/go-cache')
    os.environ.update(GO111MODULE='off', GOFLAGS='-mod=mod', GOPROXY='off', PYTHONDONTWRITEBYTECODE='1')
    typing = Shell()
    try:
        follow_page(typing, pathlib.Path(name))
    finally:
        typing.end()
        os.chdir('/')
