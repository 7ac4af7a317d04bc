# SPDX-License-Identifier: Apache-2.0
"""Programs in Go, built without a network or modules, each once for all tests of a script."""

import atexit
import functools
import os
import pathlib
import shutil
import tempfile

from _support import SOURCE_DIR, Skip, need, run

# Where Debian's packages of Go libraries put their sources.
DEBIAN = pathlib.Path("/usr/share/gocode")

# Seconds. A build compiles all that a program imports of Go's library, unless the cache has it.
BUILD_TIME = 200


@functools.cache
def go_program(*names, library=None):
    """Of these sources in tests/interop/programs; the first names it."""
    need("go")
    if library and not (DEBIAN / "src" / library).is_dir():
        raise Skip(f"the Go library {library} is not installed")
    directory = pathlib.Path(tempfile.mkdtemp(prefix="hw"))
    atexit.register(shutil.rmtree, directory, ignore_errors=True)
    packages = directory / "path/src"
    packages.mkdir(parents=True)
    (packages / "hallwaynats").symlink_to(SOURCE_DIR / "contrib/nats/go")
    settings = {"GO111MODULE": "off", "GOFLAGS": "-mod=mod", "GOPROXY": "off",
                "GOCACHE": os.environ.get("GOCACHE", str(directory / "cache")),
                "GOPATH": f"{directory / 'path'}:{DEBIAN}"}
    sources = [SOURCE_DIR / f"tests/interop/programs/{name}.go" for name in names]
    run("go", "build", "-o", directory / names[0], *sources, env=settings, within=BUILD_TIME)
    return directory / names[0]


def nats_program(name):
    return go_program(name, "nats_connection", library="github.com/nats-io/nats.go")
