"""Every command in the tutorial of docs/HUB.md, typed into one shell, shows what the tutorial says."""
import re

from _tutorial import Client, follow, needs, until

needs('nc', 'curl')
subscribers = 0


def subscriptions():
    """How many the hub has."""
    with Client('hub.sock') as client:
        said = client.asks('SUB answer 1\r\nPUB $SYS.HUB.STATS answer 0\r\n\r\nPING\r\n')
    return int(re.search(r'"subscriptions":(\d+)', said)[1]) - 1


def after(command):
    """A person types slowly enough for a subscriber to be there first."""
    global subscribers
    if command.startswith('hallway subscribe ') and command.endswith('&'):
        subscribers += 1
        assert until(lambda: subscriptions() == subscribers), 'nobody subscribed'
    if command.startswith('wait $') and subscribers:
        subscribers = 0
        assert until(lambda: subscriptions() == 0), 'somebody stayed'


follow('## A tutorial', after)
