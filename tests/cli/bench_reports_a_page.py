"""bench --report writes one page that opens offline: well formed, with the figures that it printed."""
import json
import os
from html.parser import HTMLParser

from _bench import BRIEF, LineServer, measure
from _support import Server, run

VOID = {'meta', 'link', 'img', 'br', 'hr', 'input'}


class Page(HTMLParser):
    """What stands in it; that its elements are closed in order is made sure of meanwhile."""

    def __init__(self, file):
        super().__init__()
        self.open, self.tags, self.text, self.titles, self.data = [], [], '', [], ''
        self.source = open(file, encoding='utf-8').read()
        self.feed(self.source)
        self.close()
        assert self.open == [], self.open
        self.measured = json.loads(self.data)

    def handle_starttag(self, tag, attributes):
        self.tags.append((tag, dict(attributes)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attributes):
        self.tags.append((tag, dict(attributes)))

    def handle_endtag(self, tag):
        assert self.open.pop() == tag, (tag, self.getpos())

    def handle_data(self, text):
        if self.open and self.open[-1] == 'script':
            self.data += text
        elif self.open and self.open[-1] == 'title':
            self.titles.append(text)
        elif self.open and self.open[-1] != 'style':
            self.text += text + ' '

    def all(self, tag):
        return [attributes for name, attributes in self.tags if name == tag]


measured = measure(*BRIEF, '--rate', '2000', '--connections', '3', '--report', 'page.html')
page = Page('page.html')
assert page.measured == measured, 'the page has the figures that were printed'
assert [plot['aria-label'] for plot in page.all('svg')] == [
    'Latency by share of answers', 'How often each latency occurred', 'Rate over time',
    'Latency over time']
assert 'prefers-color-scheme: dark' in page.source and 'color-scheme: light dark' in page.source
# Nothing is fetched, nothing runs.
for outside in ['://', 'src=', 'url(', '@import', '<link', '<a ', 'onload']:
    assert outside not in page.source, outside
assert page.all('script') == [{'type': 'application/json', 'id': 'measured'}]
assert 'nan' not in page.source.split('<style>')[1].replace('-mono', '') and '-inf' not in page.source

for words in ['hallway bench: pingpong', 'Latency by percentile', 'Share of answers that took no longer',
              'round trips a second', 'Time since the start (s)', 'started by bench',
              '2,000 messages a second', '64 bytes', 'lines', 'Cores', 'Kernel', 'Load average',
              f'{measured["answers"]:,}', 'asked', 'reached', 'p50', 'p99']:
    assert words in page.text, words
assert 'µs' in page.text or ' ms' in page.text  # on a busy machine
# Each stretch of time tells its rate to whoever points at it.
assert any('0.00 s to' in title and '/s' in title for title in page.titles), page.titles

# Names cannot break out of the page.
with Server('--echo', '--no-print', '-q', address="./<b>&'\".sock") as server:
    run('bench', server.address, *BRIEF, '--report', 'page.html', check=0)
    page = Page('page.html')
    assert page.all('b') == [{}] * len(page.all('b')) and '<b>&' not in page.source
    assert server.address[2:] in page.text and page.measured['address'].endswith(server.address[2:])

# What went wrong stands there, too, and a server that stood still leaves a gap.
server = LineServer(lambda line, number: [line] if number != 5 else [])
run('bench', server.address, '--pattern', 'stream', '--rate', '100', *BRIEF, '--report', 'page.html',
    check=1)
assert '1 lost, 0 out of order, 0 repeated' in Page('page.html').text
server = LineServer(lambda line, number: [line] if number < 5 else [], address='./tail.sock')
run('bench', server.address, '--timeout', '1s', *BRIEF, '--report', 'page.html', check=28)
assert 'Ended early: no answer within 1s' in Page('page.html').text

os.mkdir('folder')
for file in ['folder', 'no/such/page.html']:
    ended = run('bench', *BRIEF, '--report', file, check=1)
    assert f'hallway: write: {file}: ' in ended.stderr.decode() and ended.stdout == b'', 'at once'
