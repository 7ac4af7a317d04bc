#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Seeds the library with one fault after the other and asks the unit tests (./dev mutate).

usage: run.py [NAME...]   all faults of faults.toml, or those named
       run.py --check     only whether each still fits the sources

A fault is caught when a test fails, crashes or does not end. Fewer than 80 % caught is a failure;
so is a fault that does not fit the sources any more, and one that does not compile. The sources are
copied to build/mutation and changed there.
"""

import contextlib
import os
import pathlib
import re
import resource
import signal
import subprocess
import sys
import tempfile
import time
import tomllib

ROOT = pathlib.Path(__file__).resolve().parents[2]
COPY = ROOT / "build/mutation/source"
BUILD = ROOT / "build/mutation/build"

WANTED = 0.80  # of the faults are caught
DEADLINE = 120  # seconds that a run of one executable may take
MEMORY = 8 << 30  # bytes of address space: a fault may be that nothing is bounded any more


def listed_faults():
    text = pathlib.Path(__file__).with_name("faults.toml").read_text()
    return tomllib.loads(text)["fault"]


def layers_of(fault):
    """What may see it: the names of layers, and which of their tests."""
    return [(asked.split(":", 1) + ["*"])[:2] for asked in fault["seen_by"]]


def misfits(faults):
    """What is wrong with the list itself."""
    names = set()
    for fault in faults:
        name = fault["name"]
        if name in names:
            yield f"{name}: there are two of that name"
        names.add(name)
        for layer, _ in layers_of(fault):
            if not (ROOT / "tests/unit" / layer).is_dir():
                yield f"{name}: there is no tests/unit/{layer}"
        source = ROOT / fault["file"]
        places = source.read_text().count(fault["what"]) if source.exists() else 0
        if places != 1:
            yield f"{name}: what it replaces is {places} times in {fault['file']}, not once"


# --- the copy --------------------------------------------------------------------------------------


def write_if_other(path, content):
    """Leaves alone what is as it should be, so that ninja also does."""
    if not path.exists() or path.read_bytes() != content:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)


def copy_sources():
    git = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(git, cwd=ROOT, check=True, stdout=subprocess.PIPE).stdout
    names = {os.fsdecode(name) for name in listed.split(b"\0") if name}
    wanted = {COPY / name: ROOT / name for name in names if (ROOT / name).is_file()}
    for old in COPY.rglob("*"):
        if old.is_file() and old not in wanted:
            old.unlink()
    for copy, original in wanted.items():
        write_if_other(copy, original.read_bytes())


def configure():
    """Unoptimised, for most of the time goes into compiling."""
    subprocess.run(
        ["cmake", "--preset", "gcc-O0", "-B", BUILD, "-DCMAKE_CXX_FLAGS_DEBUG=",
         "-DHALLWAY_WERROR=OFF", "-DHALLWAY_TOOL=OFF", "-DHALLWAY_TESTS=ON"],
        cwd=COPY, check=True, stdout=subprocess.DEVNULL)  # fmt: skip


class DoesNotCompile(Exception):
    pass


# --- one run ---------------------------------------------------------------------------------------


def build(layers):
    """Gives what the compiler said if it would not."""
    ninja = ["ninja", "-C", BUILD, *(f"unit_{layer}" for layer in layers)]
    done = subprocess.run(ninja, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    return done.stdout if done.returncode != 0 else None


def limit_child():
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))


def verdict(layer, some="*"):
    """Runs the tests of one layer, or some. Gives what caught the fault, None if nothing did."""
    tests = [BUILD / "bin/tests" / f"unit_{layer}", "--gtest_fail_fast", f"--gtest_filter={some}"]
    with (tempfile.TemporaryDirectory(prefix="mutant", ignore_cleanup_errors=True) as temporary,
          tempfile.TemporaryFile() as log):  # fmt: skip
        process = subprocess.Popen(
            tests, stdin=subprocess.DEVNULL, stdout=log, stderr=log, preexec_fn=limit_child,
            env=os.environ | {"TMPDIR": temporary}, start_new_session=True)  # fmt: skip
        try:
            end = "crashed" if process.wait(DEADLINE) < 0 else "failed"
        except subprocess.TimeoutExpired:
            end = "did not end"
        # The forked peers of a test that stopped in the middle go with it.
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        if process.wait() == 0:
            return None
        log.seek(0)
        output = log.read()
    # Behind the first that fails, the others are told as well, and not run.
    failed = re.search(rb"^\[  FAILED  \] ([^\s,]+)", output, re.MULTILINE)
    started = re.findall(rb"^\[ RUN      \] (\S+)", output, re.MULTILINE)
    test = failed[1] if failed else started[-1] if started else b"(before any test)"
    return f"{layer}/{os.fsdecode(test)} {end}"


def try_fault(fault):
    """Gives what caught the fault, None if nothing did; raises DoesNotCompile."""
    source = COPY / fault["file"]
    sound = source.read_bytes()
    what, by = fault["what"].encode(), fault["by"].encode()
    write_if_other(source, sound.replace(what, by))
    try:
        for layer, some in layers_of(fault):
            if complaint := build([layer]):
                raise DoesNotCompile(complaint)
            if caught := verdict(layer, some):
                return caught
        return None
    finally:
        write_if_other(source, sound)


# --- all of them -----------------------------------------------------------------------------------


def require_sound_tests(faults):
    """What fails without a fault would catch every one."""
    asked = sorted({tuple(one) for fault in faults for one in layers_of(fault)})
    if complaint := build({layer for layer, _ in asked}):
        sys.exit(complaint)
    for layer, some in asked:
        if failed := verdict(layer, some):
            sys.exit(f"without any fault: {failed}")


def seed(faults):
    started = time.monotonic()
    caught = errors = 0
    for fault in faults:
        began = time.monotonic()
        try:
            by = try_fault(fault)
        except DoesNotCompile as error:
            errors += 1
            print(f"ERROR     {fault['name']} does not compile:\n{error}", flush=True)
            continue
        seconds = time.monotonic() - began
        caught += by is not None
        outcome = by or fault.get("survives") or f"so it is possible that {fault['why']}"
        word = "caught" if by else "SURVIVED"
        print(f"{word:9} {fault['name']} ({seconds:.0f} s): {outcome}", flush=True)
    minutes = (time.monotonic() - started) / 60
    share = caught / len(faults)
    print(f"{caught} of {len(faults)} faults caught, {share:.0%}, in {minutes:.1f} minutes")
    return errors == 0 and share >= WANTED


def main(arguments):
    faults = listed_faults()
    if wrong := list(misfits(faults)):
        sys.exit("\n".join(wrong))
    if arguments == ["--check"]:
        return
    if unknown := set(arguments) - {fault["name"] for fault in faults}:
        sys.exit(f"no such fault: {', '.join(sorted(unknown))}")
    if arguments:
        faults = [fault for fault in faults if fault["name"] in arguments]
    copy_sources()
    configure()
    require_sound_tests(faults)
    if not seed(faults):
        sys.exit(1)


if __name__ == "__main__":
    main(sys.argv[1:])
