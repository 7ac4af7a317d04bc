"""--help works with every verb, with examples, on lines that fit a terminal; --version has one line."""
import re

from _support import SOURCE_DIR, run

top = run('--help', check=0).stdout.decode()
verbs = re.findall(r'^  ([a-z]+) {2,}', top.split('Flags:')[0], re.MULTILINE)
assert verbs == ['serve', 'connect', 'send', 'request', 'wait', 'diagnose', 'hub', 'link',
                 'publish', 'subscribe', 'reply', 'bench'], verbs
for words in [[], *[[verb] for verb in verbs]]:
    text = run(*words, '--help', check=0).stdout.decode()
    assert 'Usage: hallway' in text and 'Examples:' in text and text.endswith('\n'), words
    assert max(map(len, text.splitlines())) <= 80, words

header = open(f'{SOURCE_DIR}/include/hallway/version.hpp').read()
version = re.search(r'version = "([^"]+)"', header)[1]
assert run('--version', check=0).stdout.decode() == f'hallway {version}\n'

# The default address is HALLWAY_ADDRESS, or the one in the header.
limits = open(f'{SOURCE_DIR}/include/hallway/limits.hpp').read()
for default in re.findall(r'address = "([^"]+)"', limits):
    assert default in top, default
assert b'./elsewhere' in run('connect', env={'HALLWAY_ADDRESS': './elsewhere'}, check=7).stderr
