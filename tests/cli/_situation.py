"""The list of situations that tests/cli/diagnose_names_the_cause.py makes, from the files
_situations_*.py: each is a function that prepares a Stage and says what to ask about."""

import dataclasses
from typing import Callable, Optional


@dataclasses.dataclass
class Ask:
    """What `hallway diagnose` is asked, and as what process."""
    address: str
    flags: tuple = ()
    kind: str = 'stream'
    bind: bool = False
    before: Optional[Callable] = None   # of the command and of the one who asks the kernel
    kernel_before: Optional[Callable] = None  # of the latter alone, for --as and --as-pid
    env: dict = dataclasses.field(default_factory=dict)
    kernel_address: Optional[str] = None

    def words(self):
        return [self.address, *(('--bind',) if self.bind else ()),
                *(('--type', self.kind) if self.kind != 'stream' else ()), *self.flags]


@dataclasses.dataclass
class Situation:
    cause: str       # of the first finding, or 'healthy'; after it, what is odd and stops nothing
    kernel: tuple    # what the kernel may answer
    certainty: tuple
    make: Callable

    @property
    def name(self):
        return self.make.__name__

    @property
    def words(self):
        return ' '.join(self.make.__doc__.split())


SITUATIONS = []


def all_of(words):
    return (words,) if isinstance(words, str) else words


def situation(cause, kernel, certainty='certain'):
    def declare(make):
        SITUATIONS.append(Situation(cause, all_of(kernel), all_of(certainty), make))
        return make
    return declare
