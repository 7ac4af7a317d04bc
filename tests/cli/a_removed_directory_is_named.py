"""An error in a directory that was removed reports that, and does not advise to create one."""
import os

from _support import run

before = os.getcwd()
os.mkdir('gone')
os.chdir('gone')
os.rmdir(os.path.join(before, 'gone'))
for status, words in [(1, ['serve', './s']), (1, ['hub', 's']), (1, ['serve', './s', '--type', 'datagram']),
                      (7, ['connect', './s']), (7, ['send', 's', 'x']), (7, ['publish', 'a', 'x', '--at', './s']),
                      (28, ['wait', './s', '--timeout', '1ms'])]:
    said = run(*words, check=status).stderr.decode()
    assert 'the working directory was removed' in said and 'create' not in said, said
# Another one is as it was.
run('connect', os.path.join(before, 'nothing'), check=7)
said = run('serve', './no/s', check=1).stderr.decode()
assert 'the working directory was removed' in said, said
os.chdir(before)
assert 'hint: create it first' in run('serve', './no/s', check=1).stderr.decode()
open('file', 'w').close()
said = run('serve', './file/s', check=1).stderr.decode()
assert './file/ is not a directory' in said and 'create' not in said, said
