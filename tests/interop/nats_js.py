# SPDX-License-Identifier: Apache-2.0
"""The official JavaScript client of NATS, as it is, on a hub over TCP."""

import atexit
import functools
import os
import pathlib
import re
import shutil
import subprocess
import tempfile

from _nats import TcpHub
from _support import Process, SOURCE_DIR, Skip, main, need, run, same

PROGRAM = SOURCE_DIR / "tests/interop/programs/nats_client.mjs"
PACKAGE = "@nats-io/transport-node@3.4.0"

# Seconds. A registry that takes longer counts as one that cannot be reached.
FETCHING = 120


@functools.cache
def modules():
    """The folder with the client's package, from npm's cache or the registry: once for all tests."""
    need("node", "npm")
    directory = pathlib.Path(tempfile.mkdtemp(prefix="hw"))
    atexit.register(shutil.rmtree, directory, ignore_errors=True)
    cache = os.environ.get("NPM_CACHE", str(directory / "cache"))
    command = ["npm", "install", "--prefix", directory, "--cache", cache, "--prefer-offline",
               "--no-audit", "--no-fund", "--ignore-scripts", PACKAGE]
    try:
        fetched = subprocess.run(command, capture_output=True, timeout=FETCHING, check=False,
                                 cwd=directory, env={**os.environ, "HOME": str(directory)})
    except subprocess.TimeoutExpired:
        raise Skip(f"npm did not get {PACKAGE} within {FETCHING} s") from None
    if fetched.returncode != 0:
        raise Skip(f"npm cannot get {PACKAGE}: {fetched.stderr.decode().strip()[-300:]}")
    return directory / "node_modules"


def sentences():
    text = PROGRAM.read_text(encoding="utf-8")
    return re.findall(r'^  "(.*)": async', text, re.MULTILINE)


def test_it_finds_everything_as_it_expects_it(directory):
    packages = modules()
    hub = TcpHub(directory)
    held = run("node", PROGRAM, packages, "suite", hub.url()).out.decode()
    same("what holds", held.splitlines(), sentences())


def test_it_comes_back_to_a_hub_that_was_killed(directory):
    packages = modules()
    hub = TcpHub(directory)
    client = Process("node", PROGRAM, packages, "return", hub.url())
    client.expect(b"connected\n")
    hub.process.end_now()
    client.expect(b"gone\n")
    hub.again()
    client.expect_exactly(b"connected\ngone\nback\n")


def test_it_is_notified_when_the_hub_goes(directory):
    packages = modules()
    hub = TcpHub(directory)
    client = Process("node", PROGRAM, packages, "return", hub.url())
    client.expect(b"connected\n")
    same("status", hub.process.terminate(), 0)
    client.expect_exactly(b"connected\ntold that the hub goes\ngone\n")


main(globals())
