# SPDX-License-Identifier: Apache-2.0
"""contrib/nats: the official clients of NATS for Node.js, Python and C on our Unix socket. The one
for Go is tested by go_nats.py."""

import shutil
import subprocess
import sys

from _nats import Hub
from _support import Process, SOURCE_DIR, Skip, main, need, run, same

CONTRIB = SOURCE_DIR / "contrib/nats"
PROGRAMS = SOURCE_DIR / "tests/interop/programs"

# Seconds for npm to install a package, from its cache or a registry.
NPM_TIME = 60


def speaks_and_comes_back(directory, *command, **how):
    """Whether a client is answered, hears its own message and reconnects to a hub that is killed."""
    hub = Hub(directory)
    client = Process(*command, hub.address, **how)
    client.expect(b"PARIS\nnews.today it rains\n")
    hub.process.end_now()
    Hub(directory)
    client.expect_exactly(b"PARIS\nnews.today it rains\nback\n")
    client.ends_well()


def with_nats_js(directory):
    """A copy of contrib/nats/js with its dependency, as npm installs it."""
    need("node", "npm")
    module = directory / "js"
    shutil.copytree(CONTRIB / "js", module, ignore=shutil.ignore_patterns("node_modules"))
    try:
        installed = subprocess.run(
            ["npm", "install", "--prefer-offline", "--no-audit", "--no-fund", "--ignore-scripts",
             "--no-update-notifier", "--fetch-retries=0"], cwd=module, capture_output=True,
            text=True, timeout=NPM_TIME, check=False)
    except subprocess.TimeoutExpired as error:
        raise Skip(f"npm took more than {NPM_TIME} s to install nats.js") from error
    if installed.returncode != 0:
        raise Skip(f"npm cannot install nats.js: {installed.stderr.strip().splitlines()[-1:]}")
    return module


def test_nats_js(directory):
    module = with_nats_js(directory)
    speaks_and_comes_back(directory, "node", PROGRAMS / "nats_js_client.js",
                          module / "hallway_nats.js")


def test_nats_js_with_two_hubs(directory):
    module = with_nats_js(directory)
    hubs = []
    for name in ("one", "other"):
        (directory / name).mkdir()
        hubs.append(Hub(directory / name))
    client = Process("node", PROGRAMS / "nats_js_two_hubs.js", module / "hallway_nats.js",
                     *[hub.address for hub in hubs])
    client.expect_exactly(b'[["of 0"],["of 1"]]\n')
    client.ends_well()


def test_nats_py(directory):
    found = run(sys.executable, "-c", "import nats.aio.transport", status=None)
    if found.status != 0:
        raise Skip("nats-py is not installed")
    speaks_and_comes_back(directory, sys.executable, PROGRAMS / "nats_py_client.py", CONTRIB / "py")


def test_nats_py_transport_compiles(directory):
    compiled = directory / "hallway_nats.pyc"
    run(sys.executable, "-c", "import py_compile, sys; "
        "py_compile.compile(sys.argv[1], cfile=sys.argv[2], doraise=True)",
        CONTRIB / "py/hallway_nats.py", compiled)
    assert compiled.exists()


def test_nats_c(directory):
    need("cc")
    probe = directory / "probe.c"
    probe.write_text("#include <nats/nats.h>\n"
                     "void* probe(void) { return (void*)&natsOptions_SetProxyConnHandler; }\n")
    if run("cc", "-c", "-o", directory / "probe.o", probe, status=None).status != 0:
        raise Skip("libnats is not installed, or is older than 3.11: it has no "
                   "natsOptions_SetProxyConnHandler()")
    program = directory / "nats_c_client"
    run("cc", "-Wall", "-Werror", "-I", CONTRIB / "c", "-o", program, PROGRAMS / "nats_c_client.c",
        "-lnats")
    speaks_and_comes_back(directory, program)


def test_the_readme_names_each_file(directory):
    del directory
    readme = (CONTRIB / "README.md").read_text(encoding="utf-8")
    files = [file.relative_to(CONTRIB) for file in CONTRIB.rglob("*")
             if file.suffix in (".go", ".js", ".py", ".h") and "node_modules" not in file.parts]
    same("not named", [str(file) for file in files if f"]({file})" not in readme], [])


main(globals())
