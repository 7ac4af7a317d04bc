"""Each verb has a page, with the flags that --help has and the same defaults."""
import re
import shutil
import subprocess

from _support import SOURCE_DIR, run


def flags_of_help(verb):
    """{name: text} of the flags in --help, names with their dashes, the first of each flag."""
    flags, name = {}, None
    for line in run(verb, '--help', check=0).stdout.decode().split('\nExamples:')[0].splitlines():
        if line.startswith('  -'):
            name = re.findall(r'--[a-z-]+', line)[0]
            flags[name] = line
        elif name and line.startswith('      '):
            flags[name] += ' ' + line.strip()
    return flags


def flags_of_page(page):
    """The same of a manual page: an item begins with .It and names its flags as Fl Fl NAME."""
    flags = {}
    for item in re.split(r'^\.It ', page, flags=re.MULTILINE)[1:]:
        head, _, text = item.partition('\n')
        names = re.findall(r'Fl Fl ([a-z][a-z-]*)', head)
        if names:
            flags['--' + names[0]] = re.sub(r'^\.\S+ ', '', text, flags=re.MULTILINE)
    return flags


top = open(f'{SOURCE_DIR}/man/hallway.1').read()
for verb in ['serve', 'connect', 'send', 'request', 'wait', 'diagnose', 'hub', 'link', 'publish',
             'subscribe', 'reply', 'bench']:
    path = f'{SOURCE_DIR}/man/hallway-{verb}.1'
    in_page, in_help = flags_of_page(open(path).read()), flags_of_help(verb)
    assert in_page.keys() == in_help.keys(), (verb, in_page.keys() ^ in_help.keys())
    for name, text in in_help.items():
        for default in re.findall(r'default:? ([^\s;,)]+)', text):
            assert re.search(rf'[Dd]efault:?\s+(Ql )?{re.escape(default)}\b', in_page[name]), \
                (verb, name, default, in_page[name])
    assert f'.Xr hallway-{verb} 1' in top
    if shutil.which('groff'):
        shown = subprocess.run(['groff', '-mandoc', '-ww', '-z', path], capture_output=True)
        assert shown.returncode == 0 and shown.stderr == b'', shown.stderr

header = open(f'{SOURCE_DIR}/include/hallway/limits.hpp').read()
for default in re.findall(r'address = "([^"]+)"', header):
    assert default in top, default
