"""The tutorial of docs/HUB.md, pasted into a shell at once, prints what the page shows, time after time."""
import os

from _tutorial import needs, paste

needs('nc', 'curl')

# HALLWAY_PASTES=100 before a release, on a busy machine.
PASTES = int(os.environ.get('HALLWAY_PASTES', '5'))
for number in range(PASTES):
    count = paste('## A tutorial')
print(count, 'commands,', PASTES, 'times')
