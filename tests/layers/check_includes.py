#!/usr/bin/env python3
"""Checks every #include of the library, the command, the Python extension and the examples against the layers.

usage: check_includes.py [ROOT]       print each violation as file:line: reason; then exit 1
       check_includes.py --self-test  check that each kind of violation is caught

The compiler already refuses a private header from above: each layer has its own include root. This
adds what include roots cannot see: the layers of public headers, the one layer that may talk to the
kernel, and that programs use only what is public.
"""

import re
import sys
import tempfile
from pathlib import Path

INCLUDE = re.compile(r'^\s*#\s*include\s*(.*)$')
SPELLING = re.compile(r'([<"])([^>"]+)[>"]')
LAYER_RULE = re.compile(r'^hallway_layer\((\w+)(?:\s+OF\s+\w+)?(?:\s+USES\s+([\w\s]+))?\)',
                        re.MULTILINE)
LAYER_COMMENT = re.compile(r'^// Layer: (\w+)$')
LAYER_COMMENT_WITHIN_LINES = 15

# The subfolders of a folder, and which of its other subfolders each may use. '' is what stands in the folder itself,
# for all of its subfolders.
SUBFOLDERS = {
    'src/message': {'connection': set(), 'client': {'connection'}, 'server': {'connection'}, 'lines': set()},
    'src/hub': {'': set(), 'client': {''}, 'server': {''}},
    'tool': {
        'io': set(),
        'cli': {'io'},
        'server': {'io', 'cli'},
        'bench': {'io', 'cli'},
        'client': {'io', 'cli'},
        'see': {'io', 'cli'},
        'hub': {'io', 'cli', 'server'},
        'serve': {'io', 'cli', 'server'},
    },
}

UMBRELLA = 'hallway/hallway.hpp'

# The C interface is a program on the C++ headers that ships with the library: it belongs to no layer.
C_HEADER = 'hallway.h'
C_SOURCES = 'c'
C_STANDARD = {'stddef.h', 'stdint.h'}
STOPS_THE_COMPILER = 'hallway/needs_cpp23'  # does not exist; see detail/require_cpp23.hpp

# Public headers for programs that use another library as well, and what they may include of it. The library itself
# includes none of them.
ADAPTERS = {'hallway/fmt.hpp': re.compile(r'fmt/')}

# Only src/sys talks to the kernel: this is what makes every system call fail on demand in tests.
KERNEL_LAYER = 'sys'
KERNEL = re.compile(r'(sys/(socket|un|epoll|eventfd|timerfd|signalfd|mman|sendfile)\.h|linux/.*)$')

# The standard library's headers are the ones without a dot or a slash.
STANDARD = re.compile(r'[a-z_0-9]+$')

POSIX = {
    'dirent.h', 'errno.h', 'fcntl.h', 'grp.h', 'poll.h', 'pthread.h', 'pwd.h', 'sched.h',
    'signal.h', 'spawn.h', 'stdio.h', 'stdlib.h', 'string.h', 'sys/ioctl.h', 'sys/resource.h',
    'sys/stat.h', 'sys/time.h', 'sys/types.h', 'sys/uio.h', 'sys/wait.h', 'syslog.h', 'termios.h',
    'time.h', 'unistd.h',
}
TOOL_LIBRARIES = re.compile(r'(CLI|spdlog|fmt|nlohmann|editline|prometheus|toml\+\+)/|(histedit|malloc)\.h$')

# The library knows Unix sockets alone. Metrics are the one thing that the command serves over TCP.
INTERNET = re.compile(r'(arpa/inet|netinet/in|sys/socket)\.h$')
INTERNET_FILES = {'tool/io/ip_address.cpp', 'tool/hub/tcp_metrics.cpp'}

# What a server gives up once it listens is a matter between the command and the kernel.
SANDBOX = re.compile(r'(linux/(landlock|sched|sockios)|seccomp|sys/(mman|prctl|socket|syscall))\.h$')
SANDBOX_FILES = {'tool/server/landlock.cpp', 'tool/server/sandbox.cpp',
                 'tool/server/system_call_filter.cpp'}


class Include:
    """One #include line: `name` is what stands between the brackets or quotes."""

    def __init__(self, file, line, text):
        self.file, self.line = file, line
        spelled = SPELLING.match(text)
        self.quoted = bool(spelled) and spelled[1] == '"'
        self.name = spelled[2] if spelled else None


class Checker:
    def __init__(self, root):
        self.root = Path(root)
        self.violations = []
        self.may_use = self.read_layers()
        self.public_layer = self.read_public_layers()

    def complain(self, file, line, reason):
        self.violations.append(f'{file.relative_to(self.root)}:{line}: {reason}')

    # --- what there is ---

    def read_layers(self):
        """{layer: the layers it may use, itself among them}, from the table the build uses."""
        table = (self.root / 'src/CMakeLists.txt').read_text()
        return {layer: {layer, *uses.split()} for layer, uses in LAYER_RULE.findall(table)}

    def read_public_layers(self):
        """{'hallway/loop.hpp': 'loop', ...}; the umbrella header belongs to no layer."""
        layers = {}
        for file in self.files('include'):
            name = str(file.relative_to(self.root / 'include'))
            if name in (UMBRELLA, C_HEADER):
                continue
            lines = file.read_text().splitlines()[:LAYER_COMMENT_WITHIN_LINES]
            stated = [match[1] for match in map(LAYER_COMMENT.match, lines) if match]
            if not stated:
                self.complain(file, 1, 'public header does not say its layer (// Layer: NAME)')
            elif stated[0] not in self.may_use:
                self.complain(file, 1, f'public header names an unknown layer: {stated[0]}')
            else:
                layers[name] = stated[0]
        return layers

    def files(self, folder):
        found = (self.root / folder).rglob('*')
        return sorted(file for file in found if file.suffix in ('.hpp', '.cpp', '.h'))

    def includes(self, file):
        for number, line in enumerate(file.read_text().splitlines(), start=1):
            match = INCLUDE.match(line)
            if not match:
                continue
            include = Include(file, number, match[1])
            if include.name is None or '..' in include.name.split('/'):
                self.complain(file, number, 'name the file plainly, without macro or ..')
            else:
                yield include

    # --- the rules ---

    def check(self):
        for layer in self.may_use:
            for file in self.files(f'src/{layer}'):
                self.check_source(file, layer)
        for folder in sorted((self.root / 'src').iterdir()):
            if folder.is_dir() and folder.name not in (*self.may_use, C_SOURCES):
                self.complain(folder, 1, 'not a layer of src/CMakeLists.txt')
        for file in self.files('include'):
            if file == self.root / 'include' / C_HEADER:
                self.check_c_header(file)
            else:
                self.check_public_header(file)
        for file in self.files(f'src/{C_SOURCES}'):
            self.check_c_source(file)
        for file in self.files('python/src'):
            self.check_extension(file)
        for file in self.files('tool'):
            self.check_program(file, also=TOOL_LIBRARIES)
        for folder, subfolders in SUBFOLDERS.items():
            for file in self.files(folder):
                self.check_subfolders(file, folder, subfolders)
        for file in self.files('examples'):
            self.check_program(file, also=None)
        return self.violations

    def check_source(self, file, layer):
        includes = list(self.includes(file))
        for include in includes:
            if include.quoted:
                self.check_private(include, layer)
            elif include.name.startswith('hallway/'):
                self.check_public(include, layer)
            elif KERNEL.match(include.name) and layer != KERNEL_LAYER:
                self.complain(file, include.line, f'<{include.name}> belongs to src/{KERNEL_LAYER}')
            elif TOOL_LIBRARIES.match(include.name):
                self.complain(file, include.line, f'<{include.name}> is for the command alone')
        self.check_own_header_first(file, layer, includes)

    def check_private(self, include, layer):
        used, _, rest = include.name.partition('/')
        if not rest:
            self.complain(include.file, include.line, f'write "{layer}/{include.name}"')
        elif used not in self.may_use:
            self.complain(include.file, include.line, f'there is no layer {used}')
        elif used not in self.may_use[layer]:
            self.complain(include.file, include.line, f'layer {layer} may not use layer {used}')

    def check_subfolders(self, file, folder, subfolders):
        def subfolder_of(path):
            return path.parts[0] if len(path.parts) > 1 else ''

        root = self.root / folder
        subfolder = subfolder_of(file.relative_to(root))
        if subfolder not in subfolders:
            self.complain(file, 1, f'there is no subfolder {subfolder or folder}')
            return
        layer = folder.removeprefix('src/') if folder != 'tool' else ''
        for include in self.includes(file):
            used = Path(include.name)
            base = self.root / 'src' if layer else root
            if not include.quoted or used.parts[0] != layer and layer or not (base / used).exists():
                continue
            used = subfolder_of(used.relative_to(layer))
            if used != subfolder and used not in subfolders[subfolder]:
                self.complain(file, include.line, f'subfolder {subfolder} may not use subfolder {used or folder}')

    def check_public(self, include, layer):
        used = self.public_layer.get(include.name)
        if include.name == UMBRELLA:
            self.complain(include.file, include.line, f'<{UMBRELLA}> is for programs, not for us')
        elif include.name in ADAPTERS:
            self.complain(include.file, include.line, f'<{include.name}> is for programs, not for us')
        elif used is None:
            self.complain(include.file, include.line, f'<{include.name}> has no known layer')
        elif layer is not None and used not in self.may_use[layer]:
            self.complain(include.file, include.line,
                          f'layer {layer} may not use <{include.name}> of layer {used}')

    def check_own_header_first(self, file, layer, includes):
        """So that each header with a source compiles alone."""
        if file.suffix != '.cpp':
            return
        private = str(file.relative_to(self.root / 'src').with_suffix('.hpp'))
        public = f'hallway/{file.stem}.hpp'
        if (self.root / 'src' / private).exists():
            own = private
        elif self.public_layer.get(public) == layer:
            own = public
        else:
            return
        if not includes or includes[0].name != own:
            line = includes[0].line if includes else 1
            self.complain(file, line, f'its own header {own} comes first')

    def check_public_header(self, file):
        name = str(file.relative_to(self.root / 'include'))
        for include in self.includes(file):
            if include.quoted:
                self.complain(file, include.line, f'write <hallway/...>, not "{include.name}"')
            elif include.name == STOPS_THE_COMPILER:
                continue
            elif include.name.startswith('hallway/'):
                self.check_public(include, self.public_layer.get(name))
            elif not STANDARD.match(include.name) and not (name in ADAPTERS and ADAPTERS[name].match(include.name)):
                self.complain(file, include.line,
                              f'public headers need only the standard library: <{include.name}>')

    def check_c_header(self, file):
        for include in self.includes(file):
            if include.name not in C_STANDARD:
                self.complain(file, include.line, f'the C header needs only {sorted(C_STANDARD)}: {include.name}')

    def check_extension(self, file):
        """Of the Python package: its own headers lie beside it, and those of the library are public."""
        for include in self.includes(file):
            private = '/' in include.name if include.quoted else include.name.startswith('hallway/detail/')
            if private:
                self.complain(file, include.line, f'the extension uses only public headers, not {include.name}')

    def check_c_source(self, file):
        for include in self.includes(file):
            name = include.name
            if include.quoted:
                allowed = name.startswith(f'{C_SOURCES}/') and (self.root / 'src' / name).exists()
            elif name.startswith('hallway/'):
                allowed = name in self.public_layer and '/detail/' not in name and name not in ADAPTERS
            else:
                allowed = STANDARD.match(name) or name == C_HEADER
            if not allowed:
                self.complain(file, include.line, f'the C interface uses only public headers: {name}')

    def check_program(self, file, also):
        name_in_tree = str(file.relative_to(self.root))
        internet = name_in_tree in INTERNET_FILES
        sandbox = name_in_tree in SANDBOX_FILES
        for include in self.includes(file):
            name = include.name
            if include.quoted:
                allowed = (self.root / 'tool' / name).exists()
            elif name.startswith('hallway/'):
                allowed = (self.root / 'include' / name).exists() and '/detail/' not in name
            else:
                allowed = STANDARD.match(name) or name in POSIX or name == C_HEADER or (also and also.match(name))
                allowed = allowed or (internet and INTERNET.match(name))
                allowed = allowed or (sandbox and SANDBOX.match(name))
            if not allowed:
                self.complain(file, include.line, f'programs use only public headers: {name}')


# --- the check is itself checked ---

CLEAN = {
    'src/CMakeLists.txt': 'hallway_layer(core)\nhallway_layer(sys USES core)\n'
                          'hallway_layer(loop USES core sys)\nhallway_layer(message USES core)\n',
    'include/hallway/hallway.hpp': '#include <hallway/error.hpp>\n#include <hallway/loop.hpp>\n',
    'include/hallway/error.hpp': '// Layer: core\n#include <hallway/needs_cpp23>\n#include <string>\n',
    'include/hallway/loop.hpp': '// Layer: loop\n#include <hallway/detail/waiter.hpp>\n',
    'include/hallway/detail/waiter.hpp': '// Layer: loop\n#include <hallway/error.hpp>\n',
    'include/hallway/fmt.hpp': '// Layer: loop\n#include <fmt/format.h>\n#include <hallway/loop.hpp>\n',
    'src/core/error.cpp': '#include <hallway/error.hpp>\n#include <unistd.h>\n',
    'src/sys/calls.hpp': '#include <string>\n',
    'src/sys/calls.cpp': '#include "sys/calls.hpp"\n#include <sys/un.h>\n#include <linux/stat.h>\n',
    'src/loop/loop.cpp': '#include <hallway/loop.hpp>\n#include "sys/calls.hpp"\n',
    'src/message/connection/connection.hpp': '',
    'src/message/server/server.hpp': '#include "message/connection/connection.hpp"\n',
    'src/message/server/server.cpp': '#include "message/server/server.hpp"\n',
    'tool/io/output.hpp': '#include <string>\n',
    'tool/cli/main.cpp': '#include "io/output.hpp"\n#include <CLI/CLI.hpp>\n'
                         '#include <hallway/hallway.hpp>\n',
    'tool/hub/hub.hpp': '#include "cli/flags.hpp"\n',
    'tool/cli/flags.hpp': '',
    'include/hallway.h': '#include <stddef.h>\n',
    'src/c/handle.hpp': '#include <string>\n#include <hallway.h>\n#include <hallway/loop.hpp>\n',
    'src/c/loop.cpp': '#include "c/handle.hpp"\n#include <memory>\n',
    'python/src/x.hpp': '#include "python.hpp"\n#include <unistd.h>\n#include <hallway/loop.hpp>\n',
    'examples/echo.cpp': '#include <unistd.h>\n#include <hallway/loop.hpp>\n',
}

# (file, its text, the line to be reported, a part of the reason)
VIOLATIONS = [
    ('tool/io/socket.cpp', '#include <sys/socket.h>\n', 1, 'only public headers'),
    ('tool/serve/serve.cpp', '#include "hub/hub.hpp"\n', 1, 'subfolder serve may not use subfolder hub'),
    ('tool/io/up.hpp', '\n#include "cli/flags.hpp"\n', 2, 'subfolder io may not use subfolder cli'),
    ('tool/verb.cpp', '', 1, 'there is no subfolder tool'),
    ('src/message/connection/up.hpp', '#include "message/server/server.hpp"\n', 1,
     'subfolder connection may not use subfolder server'),
    ('src/core/up.cpp', '\n#include "sys/calls.hpp"\n', 2, 'may not use layer sys'),
    ('src/core/up.cpp', '#include <hallway/loop.hpp>\n', 1, 'of layer loop'),
    ('src/core/up.cpp', '#include "hub/x.hpp"\n', 1, 'no layer hub'),
    ('src/sys/short.cpp', '#include "calls.hpp"\n', 1, 'write "sys/calls.hpp"'),
    ('src/core/dots.cpp', '#include "../sys/calls.hpp"\n', 1, 'without macro or ..'),
    ('src/core/macro.cpp', '# include HEADER\n', 1, 'without macro or ..'),
    ('src/core/all.cpp', '#include <hallway/hallway.hpp>\n', 1, 'for programs'),
    ('src/loop/adapter.cpp', '#include <hallway/fmt.hpp>\n', 1, 'for programs'),
    ('include/hallway/e.hpp', '// Layer: loop\n#include <hallway/fmt.hpp>\n', 2, 'for programs'),
    ('include/hallway/e.hpp', '// Layer: core\n#include <fmt/core.h>\n', 2, 'standard library'),
    ('src/core/gone.cpp', '#include <hallway/gone.hpp>\n', 1, 'no known layer'),
    ('src/loop/kernel.cpp', '#include <sys/epoll.h>\n', 1, 'belongs to src/sys'),
    ('src/loop/kernel.cpp', '#include <linux/version.h>\n', 1, 'belongs to src/sys'),
    ('src/loop/log.cpp', '#include <spdlog/spdlog.h>\n', 1, 'command alone'),
    ('src/loop/loop.cpp', '#include <string>\n#include <hallway/loop.hpp>\n', 1, 'comes first'),
    ('src/sys/calls.cpp', '#include <string>\n#include "sys/calls.hpp"\n', 1, 'comes first'),
    ('src/extra/x.cpp', '', 1, 'not a layer'),
    ('include/hallway/bytes.hpp', '#pragma once\n', 1, 'does not say its layer'),
    ('include/hallway/bytes.hpp', '\n' * 15 + '// Layer: core\n', 1, 'does not say its layer'),
    ('include/hallway/bytes.hpp', '// Layer: attic\n', 1, 'unknown layer'),
    ('include/hallway/e.hpp', '// Layer: core\n#include <hallway/loop.hpp>\n', 2, 'of layer loop'),
    ('include/hallway/e.hpp', '// Layer: core\n#include <sys/types.h>\n', 2, 'standard library'),
    ('include/hallway/e.hpp', '// Layer: core\n#include "loop.hpp"\n', 2, '<hallway/...>'),
    ('tool/io/verb.cpp', '#include <hallway/detail/waiter.hpp>\n', 1, 'only public'),
    ('tool/io/verb.cpp', '#include "sys/calls.hpp"\n', 1, 'only public'),
    ('tool/io/verb.cpp', '#include <sys/socket.h>\n', 1, 'only public'),
    ('examples/verb.cpp', '#include <CLI/CLI.hpp>\n', 1, 'only public'),
    ('include/hallway.h', '#include <sys/types.h>\n', 1, 'the C header needs only'),
    ('src/c/x.cpp', '#include <unistd.h>\n', 1, 'uses only public headers'),
    ('src/c/x.cpp', '#include "sys/calls.hpp"\n', 1, 'uses only public headers'),
    ('src/c/x.cpp', '#include <hallway/detail/waiter.hpp>\n', 1, 'uses only public headers'),
    ('python/src/x.cpp', '#include "sys/calls.hpp"\n', 1, 'uses only public headers'),
    ('python/src/x.cpp', '#include <hallway/detail/waiter.hpp>\n', 1, 'uses only public headers'),
]


def violations_of(files):
    with tempfile.TemporaryDirectory() as root:
        for name, text in files.items():
            file = Path(root) / name
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text)
        return Checker(root).check()


def self_test():
    failures = [f'in a clean tree: {violation}' for violation in violations_of(CLEAN)]
    for file, text, line, reason in VIOLATIONS:
        found = violations_of({**CLEAN, file: text})
        place = f'{file}:{line}: ' if reason != 'not a layer' else 'src/extra:1: '
        if len(found) != 1 or not found[0].startswith(place) or reason not in found[0]:
            failures.append(f'{file} with {text!r}: expected {place}...{reason}..., found {found}')
    return failures


def main(arguments):
    if arguments == ['--self-test']:
        problems = self_test()
    else:
        root = arguments[0] if arguments else Path(__file__).resolve().parents[2]
        problems = Checker(root).check()
    print(*problems, sep='\n', end='\n' if problems else '')
    return 1 if problems else 0


if __name__ == '__main__':
    sys.exit(main(sys.argv[1:]))
