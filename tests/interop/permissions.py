# SPDX-License-Identifier: Apache-2.0
"""Another user: what files allow, what rules allow, and what an abstract name needs."""

import socket

from _support import HALLWAY, as_nobody, main, need_root, run, same, serve

# A plain client that says what happened to it.
CLIENT = """
import socket, sys
client = socket.socket(socket.AF_UNIX)
client.settimeout(20)
try:
    client.connect(sys.argv[1].replace("@", "\\0"))
    client.sendall(b"hello\\n")
    print(client.recv(100))
except OSError as error:
    print(error.errno, error.strerror)
"""


def plain_client(address):
    return run(*as_nobody("/usr/bin/env", "python3", "-c", CLIENT, address)).out


def test_a_file_of_mode_0600_denies_a_plain_client(directory):
    need_root()
    directory.chmod(0o755)
    serve(directory / "s", "--echo")
    same("client", plain_client(directory / "s"), b"13 Permission denied\n")


def test_our_client_exits_with_77(directory):
    need_root()
    directory.chmod(0o755)
    serve(directory / "s", "--echo")
    serve(directory / "d", "--type", "datagram")
    for words in (["request", directory / "s", "x"], ["send", directory / "s", "x"],
                  ["connect", directory / "s"], ["send", directory / "d", "x", "--type", "dgram"]):
        denied = run(*as_nobody(HALLWAY, *words), status=77)
        assert denied.err.startswith(b"hallway: connect: unix:"), denied.words


def test_a_directory_without_search_permission_denies_as_well(directory):
    need_root()
    serve(directory / "s", "--mode", "0666", "--echo")
    same("client", plain_client(directory / "s"), b"13 Permission denied\n")
    run(*as_nobody(HALLWAY, "request", directory / "s", "x"), status=77)


def test_a_group_is_let_in_by_the_file(directory):
    need_root()
    directory.chmod(0o755)
    serve(directory / "s", "--mode", "0660", "--group", "4711", "--echo")
    member = ["setpriv", "--reuid=65533", "--regid=65533", "--groups=4711"]
    same("member", run(*member, HALLWAY, "request", directory / "s", "hi").out, b"hi\n")
    same("others", plain_client(directory / "s"), b"13 Permission denied\n")


def test_an_abstract_name_is_for_our_own_uid_until_a_rule_says_more(directory):
    need_root()
    name = f"@hallway-permissions-{directory.name}"
    server = serve(name, "--echo")
    verdict = plain_client(name)
    assert verdict in (b"b''\n", b"104 Connection reset by peer\n", b"32 Broken pipe\n"), verdict
    server.expect_error(b"turned away")
    same("root", run(HALLWAY, "request", name, "hello").out, b"hello\n")
    serve(f"{name}-any", "--echo", "--allow", "any")
    same("any", plain_client(f"{name}-any"), b"b'hello\\n'\n")
    serve(f"{name}-uid", "--echo", "--allow", "uid:65533")
    same("by number", plain_client(f"{name}-uid"), b"b'hello\\n'\n")


def test_a_rule_turns_away_a_client_that_the_file_admits(directory):
    need_root()
    directory.chmod(0o755)
    server = serve(directory / "s", "--mode", "0666", "--allow", "root", "--echo")
    assert b"hello" not in plain_client(directory / "s")
    server.expect_error(b"turned away")
    same("root", run(HALLWAY, "request", directory / "s", "hello").out, b"hello\n")


def test_a_server_of_another_user_is_refused_before_the_first_byte(directory):
    need_root()
    name = f"@hallway-server-{directory.name}"
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(name.replace("@", "\0"))
    listener.listen()
    refused = run(HALLWAY, "send", name, "secret", "--server-uid", "65533", status=77)
    assert b"uid 0" in refused.err, refused.words
    accepted, _ = listener.accept()
    same("what it got", accepted.recv(100), b"")


main(globals())
