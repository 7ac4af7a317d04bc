#!/usr/bin/env python3
"""Refuses names that were given up for the field's own words, and habits of speech that a stranger reads twice.

usage: check_words.py [ROOT]       print each finding as file:line: reason; then exit 1
       check_words.py --self-test  check that each habit is found wherever it is looked for, and each exception needed

Names are looked for in the C++ sources of the product. Habits are looked for in its comments, in pages, in the texts of
C++, Python and shell that a user reads, in the comments of what is installed in /etc, and in the names of tests.
docs/GLOSSARY.md says which words the house uses.
"""

import re
import sys
from pathlib import Path

PRODUCT = ('include', 'src', 'tool')  # its comments also count
TEXTS = ('bench', 'examples', 'tests/coverage.py', 'tests/layers', 'tests/lint', 'tests/mutation', 'dev')
PAGES = ('docs', 'man', 'README.md', 'CONTRIBUTING.md', 'bench/README.md')
INSTALLED = ('packaging/hub.toml', 'packaging/systemd')
TESTS = 'tests'
FOREIGN = ('bench/vendor', 'docs/benchmarks', 'tests/interop/seeds')

# What was given up, and the word that stands for it.
NAMES = {
    'AsyncWakeup': 'Errand',
    'BroadcastRelay': 'Parcel',
    'ClientConnection': 'Session',
    'ConnectionConfig': 'Terms',
    'ConnectionCore': 'Transport',
    'ConnectionObserver or Slot': 'Seat|seat|seat_as|seat_at',
    'Decision, Kind, Outcome': '[Vv]erdict|[Jj]udged|judge',
    'FreeList': 'Shelf|shelf_of',
    'HubState': 'Switchboard',
    'IdentityHeader': 'Stamp|put_on|take_off',
    'RemoteHub': 'Neighbour',
    'InterestNotifier': 'InterestBoard|open_book',
    'MatchResult': 'Concerned|concerned_by',
    'ForwardedMessage': 'Crossing',
    'OverflowPolicy': 'DeliveryPolicy|PublishFull|LinkFull',
    'PathMonitor': 'NameWatch',
    'PublishDecision': 'Judgement',
    'ReceiveHalf, SendHalf': 'Flow|OpenEnd|OutboundQueue',
    'ReceiveResult': 'Reception',
    'ReceivedDescriptors': 'ForeignDescriptors',
    'RemoteHubs': 'Neighbours',
    'ResolvedAddress': 'Reachable',
    'ResourceBackoff': 'Refusals',
    'TaskScope': 'Background',
    'Semaphore': 'Slots',
    'Shard': 'Floor|UpperFloor|Floors|Guest|ground_',
    'ShardDelegate': 'FrontDesk|UpperFrontDesk',
    'SharedBytes': 'SharedFrame',
    'SignalHandler': 'SignalCatch',
    'SocketFile': 'BoundName|the rule of names',
    'StringInterner': 'WordTable|use_less',
    'TakeoverClient, TakeoverServer': 'Succession|TakeoverOffer',
    'Commands, Reports': 'tell_news|take_orders',
    'WakePipe': 'Bell|heard_|rung_',
    'WorkGuard': 'holds_loop_|let_go|let_go_of_',
    'acquire, release': 'lend_own|take_back',
    'batched': 'broadcast_along|taking_along_|along_',
    'changes, events': 'forget_news',
    'charge, refund': 'unpay',
    'check': 'succeeded',
    'consult_fault_hook': 'ask_seam|seam|Seam',
    'copy_bytes': r'core::put',
    'destroy_later': 'dismiss',
    'handle, follow': 'hear|hearing_|unheard',
    'log, report': r'tell|tells|told_?|tell_\w+|telling_|worth_telling|stop_if_told',
    'migrate_to': 'bequeath|heir',
    'overflow_uid': 'nobody_we_know',
    'read_shut_down_, send_blocked_, yield': 'deaf_|jammed_?|gave_way_?|make_way',
    'remove_stale_socket': 'clear_the_way',
    'requester': 'asker|shows_asker',
    'retry_on_eintr': 'uninterrupted',
    'runner': 'talk_',
    'several_fds_active': 'in_company|company_time',
    'suppressed': 'untold|take_untold',
    'thread_with_signals_blocked': 'quiet_thread',
    'try_read_now': 'find_news|finds_news',
    'tool names': 'Wordiness|Occurrence|HubTalk',
    'write_lock_owner, open_parent_directory': 'sign_lock|open_place',
}

# A habit, what to write instead, and an example.
HABITS = (
    (r'\b[Ww]ho(ever|mever|m)\b', 'name the subject: a client that ...', 'for whoever reads it'),
    (r'(?:^|[.;:,(] |\b(?:for|of|by|to|from|with|as|and|or|what|than|but|is|are) )[Ww]ho\b(?! may\b)',
     'name the subject: a client that ...', 'it is for who reads it'),
    (r'(?<!here )\b(?:is|are|was|were) no (?!longer|more than|less than|different)', 'is not a ...',
     'it is no socket'),
    (r'\b(?:told|tells?|telling)\b', 'report, notify, log', 'the client is told'),
    (r'\b(?:heard|hears?|hearing)\b', 'receive, is notified of', 'the loop hears of it'),
    (r'(?<![\w.\"])news(?![\w.\"(])', 'events', 'there is news'),
    (r'\bany more\b', 'no longer', 'not used any more'),
    (r'\banew\b', 'again', 'it begins anew'),
    (r'\bso (?:many|long|much)\b', 'that many, N, as long as', 'at most so many bytes'),
    (r', too\b(?! (?:many|much|long|large))', 'also, before the verb', 'it is closed, too'),
    (r'(?:^|[.:] )(?:Off|Nothing): ', 'If unset, ...; zero disables it', 'Off: it never ends'),
)

# A line with a habit or a name, and where it must be found.
SAMPLES = (
    (PRODUCT, 'a.cpp', '  fail("it is no socket");'),
    (PRODUCT, 'a.cpp', '  fail("x");  // the client is told'),
    (PRODUCT, 'a.cpp', '  class Errand;'),
    (PRODUCT, 'a.cpp', '  tell_losses(all);'),
    (TEXTS, 'a.cpp', 'fail("nothing heard, nothing said");'),
    (TEXTS, 'a.py', "    print('the page is no page')"),
    (TEXTS, 'dev', '## help       tells what there is'),
    (PAGES, 'a.md', 'It is closed, too.'),
    (INSTALLED, 'hub.toml', '# for whoever reads it'),
    (TESTS, 'a.cpp', 'TEST_F(client, is_told_so) {'),
    (TESTS, 'a_client_is_told.py', ''),
    (TESTS, 'a.py', 'def test_it_begins_anew(directory):'),
    (TESTS, 'a.py', '"""The client is told."""'),
)

# (file, part of the line): why it stays. At most five.
EXCEPTIONS = {}

CODE_BLOCK = re.compile(r'^(```|\.EX|\.EE)')
COMMENT = re.compile(r'//+(.*)')
QUOTED = re.compile(r'"(?:[^"\\]|\\.)*"')
# A text with a blank in it: other literals are names, keys and data.
LITERAL = re.compile(r'''"((?:[^"\\]|\\.)* (?:[^"\\]|\\.)*)"|'((?:[^'\\]|\\.)* (?:[^'\\]|\\.)*)''''')
TEST_NAME = re.compile(r'\b(?:TEST|TEST_F|TEST_P|TYPED_TEST)\(\w+, *(\w+)\)|^def (test_\w+)')


def literals_of(line):
    return [double or single for double, single in LITERAL.findall(line)]


def texts_of_cpp(lines, with_comments):
    for line in lines:
        is_comment = line.lstrip().startswith('//')
        comment = COMMENT.search(line if is_comment else QUOTED.sub('', line)) if with_comments else None
        yield ([] if is_comment else literals_of(line)) + ([comment[1].lstrip('/ ')] if comment else [])


def texts_of_script(lines):
    for line in lines:
        yield [line.lstrip('# ')] if line.startswith('##') else [] if line.startswith('#') else literals_of(line)


def texts_of_page(lines):
    inside = False
    for line in lines:
        if CODE_BLOCK.match(line):
            inside = not inside
        yield [] if inside else [re.sub(r'`[^`]*`', '', line)]


def texts_of_config(lines):
    for line in lines:
        yield [line.lstrip('# ')] if line.startswith('# ') else []


def texts_of_test(path, lines):
    """Its name and title, and the names of the tests in it."""
    names = [path.stem.replace('_', ' ')]
    for line in lines:
        titles = [line.strip('"')] if line.startswith('"""') else []
        yield names + titles + [(one or other).replace('_', ' ') for one, other in TEST_NAME.findall(line)]
        names = []


def texts_of(path, lines, place):
    """The texts in each line that a person reads."""
    if place == PRODUCT or path.suffix in ('.cpp', '.hpp') and place == TEXTS:
        return texts_of_cpp(lines, place == PRODUCT)
    if place == PAGES:
        return texts_of_page(lines)
    if place == INSTALLED:
        return texts_of_config(lines)
    return texts_of_test(path, lines) if place == TESTS else texts_of_script(lines)


def findings_in(path, name, place, lines):
    for number, (line, texts) in enumerate(zip(lines, texts_of(path, lines, place)), start=1):
        if any(file == name and part in line for file, part in EXCEPTIONS):
            continue
        for instead, names in NAMES.items() if place == PRODUCT else ():
            found = re.search(rf'(?<![\w-])(?:{names})(?![\w-])', line)
            if found:
                yield f'{name}:{number}: {found[0]} was given up for {instead}'
        for habit, instead, _ in HABITS:
            found = next(filter(None, (re.search(habit, text) for text in texts)), None)
            if found:
                yield f'{name}:{number}: "{found[0].strip()}": {instead}'


SUFFIXES = {PRODUCT: ('.hpp', '.cpp'), TEXTS: ('.hpp', '.cpp', '.py', ''), PAGES: ('.md', '.1'),
            INSTALLED: ('.toml', '.in', '.socket'), TESTS: ('.cpp', '.py')}


def files_of(root, place):
    for start in [place] if place == TESTS else place:
        for path in sorted((root / start).rglob('*')) if (root / start).is_dir() else [root / start]:
            name = str(path.relative_to(root))
            if path.is_file() and path.suffix in SUFFIXES[place] and not name.startswith(FOREIGN):
                yield path, name


def findings(root):
    for place in SUFFIXES:
        for path, name in files_of(root, place):
            if path.resolve() != Path(__file__).resolve():
                yield from findings_in(path, name, place, path.read_text().splitlines())


def self_test():
    for habit, _, example in HABITS:
        if not re.search(habit, example):
            yield f'{habit} does not find {example!r}'
    for place, name, line in SAMPLES:
        if not list(findings_in(Path(name), name, place, [line])):
            yield f'nothing is found in {name}: {line}'
    for file, part in EXCEPTIONS:
        path = Path(__file__).resolve().parents[2] / file
        if part not in path.read_text():
            yield f'no line of {file} has {part!r}'


def main(arguments):
    root = Path(arguments[0]) if arguments else Path(__file__).resolve().parents[2]
    problems = list(self_test() if arguments == ['--self-test'] else findings(root))
    print(*problems, sep='\n', end='\n' if problems else '')
    return 1 if problems else 0


if __name__ == '__main__':
    sys.exit(main(sys.argv[1:]))
