#!/usr/bin/env python3
"""Refuses names that were given up for the field's own words, and habits of speech that a stranger reads twice.

usage: check_words.py [ROOT]       print each finding as file:line: reason; then exit 1
       check_words.py --self-test  check that each habit is found, and each exception needed

Names are looked for in C++ sources, habits in their comments and in pages. docs/GLOSSARY.md says which words
the house uses.
"""

import re
import sys
from pathlib import Path

FOLDERS = ('include', 'src', 'tool', 'docs', 'man')

# What was given up, and the word that stands for it.
NAMES = {
    'AsyncWakeup': 'Errand',
    'BroadcastRelay': 'Parcel',
    'ClientConnection': 'Session',
    'ConnectionConfig': 'Terms',
    'ConnectionCore': 'Transport',
    'ConnectionObserver or Slot': 'Seat|seat|seat_as|seat_at',
    'FreeList': 'Shelf|shelf_of',
    'HubState': 'Switchboard',
    'IdentityHeader': 'Stamp|put_on|take_off',
    'RemoteHub': 'Neighbour',
    'InterestNotifier': 'InterestBoard|open_book',
    'MatchResult': 'Concerned|concerned_by',
    'ForwardedMessage': 'Crossing',
    'PathMonitor': 'NameWatch',
    'PublishDecision': 'Judgement',
    'ReceiveResult': 'Reception',
    'ReceivedDescriptors': 'ForeignDescriptors',
    'RemoteHubs': 'Neighbours',
    'ResolvedAddress': 'Reachable',
    'ResourceBackoff': 'Refusals',
    'ScopedTask': 'Background',
    'Semaphore': 'Slots',
    'Shard': 'Floor|UpperFloor|Floors|Guest|ground_',
    'ShardDelegate': 'FrontDesk|UpperFrontDesk',
    'SharedBytes': 'SharedFrame',
    'SignalHandler': 'SignalCatch',
    'SocketFile': 'BoundName|the rule of names',
    'StringInterner': 'WordTable|use_less',
    'TakeoverClient, TakeoverServer': 'Succession|TakeoverOffer',
    'Commands, Reports': 'tell_news|take_orders',
    'acquire, release': 'lend_own|take_back',
    'batched': 'broadcast_along|taking_along_|along_',
    'charge, refund': 'unpay',
    'check': 'succeeded',
    'consult_fault_hook': 'ask_seam|seam|Seam',
    'copy_bytes': r'core::put',
    'destroy_later': 'dismiss',
    'migrate_to': 'bequeath|heir',
    'overflow_uid': 'nobody_we_know',
    'read_shut_down_, send_blocked_, yield': 'deaf_|jammed_?|gave_way_?|make_way',
    'remove_stale_socket': 'clear_the_way',
    'retry_on_eintr': 'uninterrupted',
    'several_fds_active': 'in_company|company_time',
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
    (r', too\b', 'also, before the verb', 'it is closed, too'),
    (r'(?:^|[.:] )(?:Off|Nothing): ', 'If unset, ...; zero disables it', 'Off: it never ends'),
)

# (file, part of the line): why it stays.
EXCEPTIONS = {
    ('man/hallway.1', "not told: 980 more events"): 'what the command prints',
}

COMMENT = re.compile(r'//.*')
CODE_BLOCK = re.compile(r'^(```|\.EX|\.EE)')


def lines_of(path):
    """(number, the line, the part of it that is prose)"""
    inside = False
    for number, line in enumerate(path.read_text().splitlines(), start=1):
        if path.suffix in ('.hpp', '.cpp'):
            comment = COMMENT.search(line)
            yield number, line, comment[0].lstrip('/ ') if comment else ''
        else:
            if CODE_BLOCK.match(line):
                inside = not inside
            yield number, line, '' if inside else re.sub(r'`[^`]*`', '', line)


def findings_in(path, name):
    for number, line, prose in lines_of(path):
        if any(file == name and part in line for file, part in EXCEPTIONS):
            continue
        for instead, names in NAMES.items():
            found = re.search(rf'(?<![\w-])(?:{names})(?![\w-])', line if path.suffix in ('.hpp', '.cpp') else '')
            if found:
                yield f'{name}:{number}: {found[0]} was given up for {instead}'
        for habit, instead, _ in HABITS:
            found = re.search(habit, prose)
            if found:
                yield f'{name}:{number}: "{found[0].strip()}": {instead}'


def findings(root):
    for folder in FOLDERS:
        for path in sorted((root / folder).rglob('*')):
            if path.suffix in ('.hpp', '.cpp', '.md', '.1'):
                yield from findings_in(path, str(path.relative_to(root)))


def self_test():
    for habit, _, example in HABITS:
        if not re.search(habit, example):
            yield f'{habit} does not find {example!r}'
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
