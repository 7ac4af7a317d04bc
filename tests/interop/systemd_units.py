# SPDX-License-Identifier: Apache-2.0
"""The units in packaging/systemd are in order, closed to the world, and let the server work."""

import os
import pathlib
import signal
import socket
import subprocess

from _support import (DEADLINE, HALLWAY, SOURCE_DIR, Process, Skip, connect, main, need,
                      receive_line, run, same, wait_until)

BUILT = pathlib.Path(HALLWAY).parents[1] / "systemd"

# systemd-analyze's figure for a service that is "SAFE" is 2.0 at most; a unit without any of it
# has 9.6. Half of what is left is an AF_UNIX socket and the users of the peers, whom rules name.
MOST_EXPOSED = 1.0

# The link is there for the network: that alone is 1.0.
MOST_EXPOSED_BY_UNIT = {"hallway-link.service": 2.0}


def installed(directory):
    """The units as they are installed, with this build's program, and an instance of each."""
    need("systemd-analyze")
    if not BUILT.is_dir():
        raise Skip("this build installs nothing")
    for unit in BUILT.iterdir():
        text = unit.read_text()
        command = [line for line in text.splitlines() if line.startswith("ExecStart=")]
        if unit.suffix == ".service":
            text = text.replace(command[0].split()[0], f"ExecStart={HALLWAY}")
        (directory / unit.name).write_text(text)
        (directory / unit.name.replace("@", "@test")).write_text(text)
    return sorted(str(unit) for unit in directory.iterdir() if "@." not in unit.name)


def analyze(*words, directory):
    """Its exit status and all it says."""
    ended = subprocess.run(["systemd-analyze", *map(str, words)], capture_output=True, text=True,
                           timeout=DEADLINE,
                           env={**os.environ, "SYSTEMD_UNIT_PATH": f"{directory}:"})
    return ended.returncode, ended.stdout + ended.stderr


def test_they_are_in_order(directory):
    units = installed(directory)
    same("number of units", len(units), 6)
    same("verdict", analyze("verify", "--man=no", *units, directory=directory), (0, ""))
    broken = pathlib.Path(units[0])
    broken.write_text(broken.read_text().replace("[Unit]", "[Unit]\nNoSuchThing=yes"))
    _, said = analyze("verify", "--man=no", *units, directory=directory)
    assert "NoSuchThing" in said, "the check itself works"


def test_they_are_closed(directory):
    for unit in installed(directory):
        if not unit.endswith(".service"):
            continue
        most = MOST_EXPOSED_BY_UNIT.get(pathlib.Path(unit).name, MOST_EXPOSED)
        threshold = f"--threshold={int(most * 10)}"
        status, said = analyze("security", "--offline=true", "--no-pager", threshold, unit,
                               directory=directory)
        same(f"verdict on {unit}: {said[-200:]}", status, 0)
        text = pathlib.Path(unit).read_text()
        lax = text.replace("SystemCallFilter=", "#").replace("CapabilityBoundingSet=", "#")
        pathlib.Path(unit).write_text(lax)
        status, _ = analyze("security", "--offline=true", "--no-pager", threshold, unit,
                            directory=directory)
        assert status != 0, "the check itself works"


def test_only_the_link_sees_the_network(directory):
    for unit in installed(directory):
        if not unit.endswith(".service"):
            continue
        said = {}
        for line in pathlib.Path(unit).read_text().splitlines():
            name, is_setting, value = line.partition("=")
            if is_setting and not line.startswith("#"):
                said.setdefault(name, []).append(value)
        closed = (said["PrivateNetwork"][-1], said["IPAddressDeny"][-1]) == ("yes", "any")
        families = " ".join(said["RestrictAddressFamilies"]).split()
        is_link = pathlib.Path(unit).name == "hallway-link.service"
        same(f"{unit} is closed", closed, not is_link)
        same(f"families of {unit}", families, ["AF_UNIX", *["AF_INET", "AF_INET6"] * is_link])
        if is_link:
            hub = pathlib.Path(unit).with_name("hallway-hub.service").read_text()
            same("user", said["User"], ["hallway-hub"])
            assert "User=hallway-hub\n" in hub, "a hub lets its own user link it"


def system_calls(name):
    """All in one of systemd's groups."""
    names = set()
    listed = subprocess.run(["systemd-analyze", "syscall-filter", name], capture_output=True,
                            text=True, check=True, timeout=DEADLINE).stdout
    for line in listed.splitlines()[1:]:
        word = line.strip()
        if word.startswith("@"):
            names |= system_calls(word)
        elif word and not word.startswith("#"):
            names.add(word)
    return names


def allowed_calls():
    allowed = set()
    for line in (SOURCE_DIR / "packaging/systemd/hardening.conf").read_text().splitlines():
        if not line.startswith("SystemCallFilter="):
            continue
        words = line.partition("=")[2]
        for word in words.lstrip("~").split():
            calls = system_calls(word) if word.startswith("@") else {word}
            allowed = allowed - calls if words.startswith("~") else allowed | calls
    # Always allowed: systemd could not start the program without them.
    return allowed | system_calls("@default")


def test_the_server_makes_no_call_that_they_forbid(directory):
    need("systemd-analyze", "strace")
    trace = directory / "trace"
    strace = ["strace", "-f", "-qq", "-e", "signal=none", "-o", trace]
    if subprocess.run([*strace, "true"], capture_output=True).returncode != 0:
        raise Skip("strace is not allowed to trace")
    if any(mark in pathlib.Path(HALLWAY).read_bytes() for mark in (b"__asan_init", b"__tsan_init")):
        raise Skip("a sanitizer makes calls of its own, and also looks for leaks by ptrace")
    allowed = allowed_calls()
    assert "io_uring_setup" not in allowed and "reboot" not in allowed and "sendmsg" in allowed
    (directory / "hub.toml").write_text('[hub]\nallow = ["group:root", "any"]\n')
    for number, (verb, *words) in enumerate([
            ["serve", "--handler", "cat", "--ack", "--broadcast", "--allow", "group:root",
             "--allow", "any"],
            ["serve", "--type", "datagram", "--echo"], ["serve", "--", "cat"],
            ["hub", "--config", directory / "hub.toml", "--metrics", directory / "metrics"],
            # Nobody is there: it looks for a server again and again.
            ["link", "--to", "nats://127.0.0.1:1", "--export", ">"]]):
        hub = Process(HALLWAY, "hub", directory / "s") if verb == "link" else None
        if hub:
            wait_until(lambda: (directory / "s").exists(), "a hub")
        notify = str(directory / f"notify{number}")
        manager = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        manager.settimeout(DEADLINE)
        manager.bind(notify)
        server = Process(*strace, HALLWAY, verb, directory / "s", *words,
                         env={"NOTIFY_SOCKET": notify, "WATCHDOG_USEC": "1000000"})
        while manager.recv(1000) != b"READY=1":
            pass
        if "datagram" in words:
            run(HALLWAY, "request", directory / "s", "hello", "--type", "datagram")
        elif verb == "link":
            pass
        elif verb == "hub":
            client = connect(directory / "s")
            assert receive_line(client).startswith(b"INFO {")
            client.sendall(b"SUB a 1\r\nPUB a 5\r\nhello\r\n")
            same("replies", [receive_line(client) for _ in range(4)],
                 [b"+OK\r\n", b"+OK\r\n", b"MSG a 1 5\r\n", b"hello\r\n"])
            client.close()
            metrics = connect(directory / "metrics")
            metrics.sendall(b"GET /metrics HTTP/1.1\r\n\r\n")
            same("status", receive_line(metrics), b"HTTP/1.1 200 OK\r\n")
            metrics.close()
        else:
            client = connect(directory / "s")
            client.sendall(b"hello\n")
            same("reply", receive_line(client), b"hello\n")
            client.close()
        traced = wait_until(lambda: trace.exists() and trace.read_text().split(None, 1), "a trace")
        os.kill(int(traced[0]), signal.SIGHUP)
        while not manager.recv(1000).startswith(b"RELOADING=1"):
            pass
        os.kill(int(traced[0]), signal.SIGTERM)
        same("status", server.wait(), 0)
        made = {line.split(None, 1)[1].partition("(")[0] for line in trace.read_text().splitlines()
                if "(" in line and not line.split(None, 1)[1].startswith(("<", "+", "-"))}
        assert "epoll_pwait2" in made, made
        # strace writes ??? where the process has ended before the number of a call can be read.
        made.discard("???")
        same("calls that are forbidden", made - allowed, set())
        trace.unlink()
        if hub:
            hub.terminate()


main(globals())
