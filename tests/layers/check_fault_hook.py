#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Every system call of src/sys consults the fault hook first, so that a test can make it fail.

Each call of a function of the kernel's (`::bind(...)`, `posix_spawnp(...)`) stands in a function
that asks: retry_on_eintr(Call::...), check(Call::...) or consult_fault_hook(Call::...). Those that do not
are named below, each with the reason. And each kind of Call is asked about somewhere.
"""

import re
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent

# Function of ours: why no test can make it fail.
EXEMPT = {
    "yield_core": "cannot fail",
    "wait_for_events": "epoll_wait() asked already",
    "epoll_change": "of a descriptor that is in the set: cannot fail",
    "epoll_remove": "of a descriptor that is in the set: cannot fail",
    "raise_eventfd": "runs in signal handlers; fails only when it has nothing to do",
    "clear_eventfd": "fails only when it has nothing to do",
    "set_timerfd": "fails for wrong arguments only",
    "stop_timerfd": "fails for wrong arguments only",
    "pause_for": "cut short it is called again",
    "kill_and_reap": "kill(2) of our own child; the waiting asks",
    "~SignalHandler": "puts back what sigaction(2) itself had given",
    "change_mask": "fails for wrong arguments only",
    "is_pending": "cannot fail",
    "SignalsHeld": "fails for wrong arguments only",
    "~SignalsHeld": "fails for wrong arguments only",
    "~SignalHeld": "fails only when it has nothing to do",
    "effective_uid": "cannot fail",
    "process_id": "cannot fail",
    "environment_value": "no system call",
}

# What C and C++ themselves have under these names is no system call.
NOT_A_CALL = {"memcpy", "strnlen", "secure_getenv", "sigfillset", "sigemptyset"}
CALLS = re.compile(r"(?<![\w:>.])(?:::(\w+)|(posix_spawnp?|getsockopt|setsockopt))\(")
FUNCTION = re.compile(r"^(?:[\w:<>,&*\s]+?[\s&*])?((?:\w+::)*~?\w+)\([^;]*?\)[^;{}]*\{",
                      re.M | re.S)
ASKS = re.compile(r"(?:retry_on_eintr|check|consult_fault_hook)\(\s*Call::(\w+)|Call::(\w+)")


def functions(text):
    """(name, body) of each function at file scope: from its head to the `}` in column one."""
    text = re.sub(r"//[^\n]*", "", text)
    for match in FUNCTION.finditer(text):
        line = text.rfind("\n", 0, match.start() + 1) + 1
        if text[line:line + 1] in (" ", "}", "#"):
            continue
        end = text.find("\n}", match.end() - 1)
        one_line = text[match.end() - 1:text.find("\n", match.end())]
        body = one_line if one_line.rstrip().endswith("}") else text[match.end():end]
        yield match.group(1).split("::")[-1], body


def problems(root):
    found = []
    asked = set()
    seen = set()
    for path in sorted((root / "src/sys").glob("*.cpp")):
        text = path.read_text()
        for name, body in functions(text):
            seen.add(name)
            asked.update(a or b for a, b in ASKS.findall(body))
            calls = {a or b for a, b in CALLS.findall(body)} - NOT_A_CALL
            if calls and "Call::" not in body and name not in EXEMPT:
                found.append(f"{path.name}: {name}() calls {', '.join(sorted(calls))} "
                             "without asking the fault hook")
    fault_hook = (root / "src/sys/fault_hook.hpp").read_text()
    kinds = re.findall(r"\w+", re.search(r"enum class Call[^{]*\{(.*?)\}", fault_hook, re.S).group(1))
    found += [f"fault_hook.hpp: no call consults Call::{kind}" for kind in kinds if kind not in asked]
    if root == ROOT:
        found += [f"check_fault_hook.py: there is no {name}() to exempt"
                  for name in EXEMPT if name not in seen]
    return found


def self_test():
    good = ("Expected<int> duplicate(int number) {\n"
            "  return retry_on_eintr(Call::dup, [&] { return ::dup(number); });\n}\n")
    bad = "Expected<int> duplicate(int number) {\n  return ::dup(number);\n}\n"
    inline = "int duplicate(int number) noexcept { return ::dup(number); }\n"
    fault_hook = "enum class Call : std::uint8_t {\n  dup,\n};\n"
    for source, kinds, expected in [(good, fault_hook, 0), (bad, fault_hook, 2), (inline, fault_hook, 2),
                                    (good, fault_hook.replace("dup,", "dup,\n  pipe,"), 1)]:
        with tempfile.TemporaryDirectory() as directory:
            root = Path(directory)
            (root / "src/sys").mkdir(parents=True)
            (root / "src/sys/call.cpp").write_text(source)
            (root / "src/sys/fault_hook.hpp").write_text(kinds)
            found = problems(root)
            if len(found) != expected:
                print(f"expected {expected} problems, found {found} in:\n{source}")
                return 1
    return 0


def main():
    if sys.argv[1:] == ["--self-test"]:
        return self_test()
    found = problems(ROOT)
    for problem in found:
        print(problem)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
