# SPDX-License-Identifier: Apache-2.0
"""The same peer in several languages, on our libraries for them and on nothing: tests/interop/programs/peer*.

Each takes the words of peer.go:

    client NETWORK ADDRESS MESSAGE...   sends each, prints each answer
    server NETWORK ADDRESS              answers in capitals, until "DONE"
    give ADDRESS FILE                   passes an open file, prints the answer
    take ADDRESS                        prints the file it is given

NETWORK is unix, unixpacket or unixgram.
"""

import atexit
import functools
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

from _go import go_program
from _support import ENVIRONMENT, SOURCE_DIR, Skip, need, run, sanitized

PROGRAMS = SOURCE_DIR / "tests/interop/programs"
C_LIBRARY = pathlib.Path(os.environ.get("C_LIBRARY", SOURCE_DIR / "build/lib/libhallway_c.so"))

# Debian's starts fast, and here are many starts.
PYTHON = "/usr/bin/python3" if pathlib.Path("/usr/bin/python3").exists() else sys.executable


@functools.cache
def c_program(source):
    """A program in C, compiled with hallway.h and libhallway_c.so as a stranger would."""
    need("cc")
    if not C_LIBRARY.exists():
        raise Skip(f"{C_LIBRARY} was not built")
    if sanitized():
        raise Skip("a plain program cannot use a library that is instrumented")
    directory = pathlib.Path(tempfile.mkdtemp(prefix="hw"))
    atexit.register(shutil.rmtree, directory, ignore_errors=True)
    program = directory / pathlib.Path(source).stem
    run("cc", "-std=c11", "-Wall", "-Wextra", "-Wpedantic", "-Werror", f"-I{SOURCE_DIR}/include", "-o", program,
        source, C_LIBRARY, f"-Wl,-rpath,{C_LIBRARY.parent}")
    return program


@functools.cache
def python_finds_hallway():
    """It does not where the package was not built, or was built with a sanitizer."""
    found = [PYTHON, "-c", "import hallway"]
    return subprocess.run(found, env=ENVIRONMENT, capture_output=True, check=False).returncode == 0


def in_c():
    return [c_program(PROGRAMS / "peer.c")]


def in_python(name):
    if not python_finds_hallway():
        raise Skip("Python does not find the package hallway")
    return [PYTHON, PROGRAMS / f"{name}.py"]


def in_go():
    return [go_program("peer")]


LANGUAGES = {
    "C": in_c,
    "Python": lambda: in_python("peer_blocking"),
    "asyncio": lambda: in_python("peer_asyncio"),
    "Go": in_go,
}


def peers():
    """{language: how its peer is started} of those that are there; ours must not all be absent."""
    found = {}
    for language, start in LANGUAGES.items():
        try:
            found[language] = start()
        except Skip as reason:
            print(f"{language}: left out: {reason}")
    if not set(found) - {"Go"}:
        raise Skip("there is neither the C library nor the package for Python")
    return found
