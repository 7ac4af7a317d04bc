# SPDX-License-Identifier: Apache-2.0
"""Programs in Go, built without a network or modules, each once for all tests of a script."""

import atexit
import functools
import pathlib
import shutil
import tempfile

from _support import SOURCE_DIR, Skip, need, run

# Where Debian's packages of Go libraries put their sources.
DEBIAN = pathlib.Path("/usr/share/gocode")


@functools.cache
def go_program(name, *libraries):
    """Of tests/interop/programs."""
    need("go")
    for library in libraries:
        if not (DEBIAN / "src" / library).is_dir():
            raise Skip(f"the Go library {library} is not installed")
    directory = pathlib.Path(tempfile.mkdtemp(prefix="hw"))
    atexit.register(shutil.rmtree, directory, ignore_errors=True)
    settings = {"GO111MODULE": "off", "GOFLAGS": "-mod=mod", "GOPROXY": "off",
                "GOCACHE": str(directory / "cache"), "GOPATH": f"{directory / 'path'}:{DEBIAN}"}
    source = SOURCE_DIR / f"tests/interop/programs/{name}.go"
    run("go", "build", "-o", directory / name, source, env=settings)
    return directory / name
