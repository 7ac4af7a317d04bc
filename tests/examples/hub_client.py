# SPDX-License-Identifier: Apache-2.0
"""examples/hub_client: workers that answer in turn, come back, and end calmly."""

import os
import pathlib
import signal
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).parents[1] / "cli"))

from _hub import HUBS
from _support import DEADLINE, run


def start_worker(hub):
    worker = subprocess.Popen([f"{os.environ['EXAMPLES']}/" + "hub_client", hub.address],
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert worker.stdout.readline() == b"working\n"
    return worker


for start in HUBS:
    with start() as hub:
        workers = [start_worker(hub), start_worker(hub)]
        try:
            ask = ["request", "--subject", "shout", "--at", hub.address]
            for word in (b"hello", b"again", b"and again"):
                assert run(*ask, "-", stdin=word, check=0).stdout == word.upper() + b"\n"
            hub.stop()
            hub.start()
            for worker in workers:
                while b"reconnected to unix:" not in (line := worker.stderr.readline()):
                    assert line, "it ended"
            assert run(*ask, "hello", check=0).stdout == b"HELLO\n"
            for worker in workers:
                worker.send_signal(signal.SIGTERM)
                assert worker.wait(DEADLINE) == 0
            assert b"no subscribers" in run(*ask, "hello", check=1).stderr
        finally:
            for worker in workers:
                worker.kill()
                worker.communicate()
