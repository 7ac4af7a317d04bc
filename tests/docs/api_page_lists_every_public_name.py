"""docs/API.md has every public name of the headers, in their order, with one line each, and no other.

usage: api_page_lists_every_public_name.py          check the page
       api_page_lists_every_public_name.py --write  write it anew: a line that is there keeps its words, a new one
                                                    gets the first sentence of the name's comment

A name is what a header declares in namespace hallway, outside of namespace detail, or makes public in a class, and a
macro. Constructors, assignment, comparison and what the compiler calls to await are not listed: every type has them.
"""
import os
import pathlib
import re
import sys
import tempfile

SOURCE_DIR = pathlib.Path(os.environ.get('SOURCE_DIR', pathlib.Path(__file__).parents[2]))
PAGE = SOURCE_DIR / 'docs/API.md'
UMBRELLA = re.compile(r'^#include <hallway/(\w+\.hpp)> *(?:// (.*))?$', re.MULTILINE)

COMMENT = re.compile(r'//[^\n]*')
STRING = re.compile(r'"(?:[^"\\\n]|\\.)*"|(?<![0-9a-fA-F])\'(?:[^\'\\\n]|\\.)+\'')
LABEL = re.compile(r'\s*(public|protected|private):')
CLASS = re.compile(r'(?:class|struct|union) ([\w:]+)(?: final)?(?: ?:(?!:) ?.*)?$')
ENUM = re.compile(r'enum (?:class |struct )?(\w+)')
NAMESPACE = re.compile(r'(?:inline )?namespace ([\w:]+)$')
OPERATOR = re.compile(r'operator ?(\(\)|[^\s(\w]+|[\w:]+[&*]?)')
UNLISTED = re.compile(r'await_(ready|suspend|resume)|promise_type|operator(=|==|<=>|co_await)')


class Name:
    """A public name: its spelling on the page, the comment that explains it, and the names inside it."""

    def __init__(self, spelling, comment=''):
        self.spelling, self.comment, self.members, self.enumerators = spelling, comment, [], []

    def member(self, spelling):
        return next((member for member in self.members if member.spelling == spelling), None)

    def add(self, spelling, comment):
        """Overloads are one name, explained by the first that has a comment."""
        if (known := self.member(spelling)) is None:
            self.members.append(known := Name(spelling))
        known.comment = known.comment or comment
        return known


# --- reading headers ---

def end_of(code, opening):
    """Where the bracket that opens at `opening` is closed."""
    depth = 0
    for at in range(opening, len(code)):
        depth += (code[at] in '({[') - (code[at] in ')}]')
        if depth == 0:
            return at
    raise ValueError(f'never closed: {code[opening:opening + 60]}')


def is_body(head):
    """Whether the brace behind `head` ends the declaration without a semicolon."""
    plain = without_arguments(head)
    return NAMESPACE.search(plain) or ('(' in plain and '=' not in OPERATOR.sub('', plain).split('(')[0])


def declarations(code, begin, end):
    """Each declaration in code[begin:end]: (begin, where its head ends, its braces or None, its end)."""
    start = at = begin
    while at < end:
        label = LABEL.match(code, at) if not code[start:at].strip() else None
        if label:
            yield label[1], label.end(), None, label.end()
            start = at = label.end()
        elif code[at] in '([':
            at = end_of(code, at) + 1
        elif code[at] == '{':
            close = end_of(code, at)
            head = code[start:at]
            if is_body(head):
                yield start, at, (at + 1, close), close + 1
                start = close + 1
            elif re.match(r'(class|struct|union|enum)\b', without_arguments(head)):
                at_semicolon = code.index(';', close)
                yield start, at, (at + 1, close), at_semicolon + 1
                start = at = at_semicolon + 1
                continue
            at = close + 1
        elif code[at] == ';':
            yield start, at, None, at + 1
            start = at = at + 1
        else:
            at += 1


def without_arguments(head):
    """The head without attributes, template parameters and template arguments."""
    head = re.sub(r'\[\[.*?\]\]|\b(HALLWAY_EXPORT|explicit|virtual|constexpr|inline|static|friend)\b', ' ', head)
    names = OPERATOR.findall(head)
    head = OPERATOR.sub('@', head)
    while (shorter := re.sub(r'<[^<>]*>', '', head)) != head:
        head = shorter
    # Without constraints: "requires (...)" and, before a class, "requires std::movable".
    head = re.sub(r'\b(?:alignas|requires) ?\((?:[^()]|\([^()]*\))*\)|\brequires [\w:]+(?= (?:class|struct) )', ' ', head)
    head = re.sub(r'\b(template|requires)\b', ' ', head)
    for name in names:
        head = head.replace('@', 'operator' + (' ' if name[0].isalpha() else '') + name, 1)
    return ' '.join(head.split())


def name_of(head):
    """The spelling of what a declaration without a class body declares; None for what is not listed."""
    plain = without_arguments(head)
    if not plain or '= delete' in head or re.match(r'static_assert|extern|using namespace|using enum', plain):
        return None
    if using := re.match(r'using (\w+) =', plain):
        return using[1]
    if re.match(r'using|class|struct|enum|union', plain):
        return None  # declared only, and listed where it is defined
    if operator := OPERATOR.search(plain):
        return f'operator {operator[1]}' if operator[1][0].isalpha() else f'operator{operator[1]}'
    before = re.split(r'[=({\[]', plain, maxsplit=1)
    name = re.search(r'([~\w:]+)$', before[0].strip())
    if not name or '::' in name[1]:
        return None  # a member that is defined outside of its class
    return name[1] + ('()' if plain[len(before[0]):].startswith('(') else '')


class Header:
    """The public names of one header."""

    def __init__(self, file):
        self.name = file.name
        self.text = file.read_text(encoding='utf-8')
        blank = lambda match: ' ' * len(match[0])
        code = STRING.sub(blank, self.text)
        code = COMMENT.sub(blank, code)
        # A macro may go on in the next line.
        self.code = re.sub(r'^ *#(?:[^\n]*\\\n)*[^\n]*', blank_lines, code, flags=re.MULTILINE)
        self.top = Name('')
        for macro in re.finditer(r'^ *# *define (\w+)', self.text, re.MULTILINE):
            self.top.add(macro[1], self.comment_before(macro.start()))
        self.read(0, len(self.code), self.top, '', 'public')

    def purpose(self):
        """The first sentence of the comment at the top of the header."""
        lines = re.match(r'(?://[^\n]*\n)+', self.text)[0].splitlines()
        lines = [line[2:].strip() for line in lines if not re.match(r'// (SPDX|Layer:)', line)]
        return first_sentence(' '.join(lines)).rstrip('.')

    def comment_before(self, at):
        lines = self.text[:at].rstrip(' ').rstrip('\n').split('\n') if at else []
        found = []
        while lines and (match := re.match(r' */// ?(?!<)(.*)', lines[-1])):
            found.insert(0, match[1])
            lines.pop()
        return first_sentence(re.split(r'(?:^|\n)(?:@|Precondition|Outcomes|Blocking|Thread:)', '\n'.join(found))[0])

    def comment_of(self, begin, end):
        """The comment before a declaration, or the one behind it."""
        first = begin + len(self.code[begin:end]) - len(self.code[begin:end].lstrip())
        line = self.text.rfind('\n', 0, first) + 1
        if before := self.comment_before(line):
            return before
        behind = re.match(r'[^\n;]*///<([^\n]*(?:\n *///<[^\n]*)*)', self.text[end:])
        return first_sentence(behind[1].replace('///<', '')) if behind else ''

    def read(self, begin, end, into, scope, access):
        for start, stop, braces, over in declarations(self.code, begin, end):
            if isinstance(start, str):
                access = start
                continue
            head = self.code[start:stop].strip()
            plain = without_arguments(head)
            if namespace := NAMESPACE.search(plain):
                self.read_namespace(namespace[1], braces, into, scope)
            elif access == 'public' and not (into is self.top and not scope):
                self.read_public(head, plain, braces, over, start, into, scope)

    def read_namespace(self, name, braces, into, scope):
        inside = [part for part in (scope + '::' + name).split('::') if part]
        if inside[0] == 'hallway' and 'detail' not in inside:
            self.read(*braces, into, '::'.join(inside), 'public')

    def read_public(self, head, plain, braces, over, start, into, scope):
        comment = self.comment_of(start, over)
        prefix = '::'.join(scope.split('::')[1:]) + '::' if into is self.top and scope != 'hallway' else ''
        if braces and (enum := ENUM.match(plain)):
            values = re.sub(r'=[^,]*', '', self.code[slice(*braces)])
            into.add(prefix + enum[1], comment).enumerators = re.findall(r'\w+', values)
        elif braces and (found := CLASS.match(plain)) and '(' not in plain:
            # A class may be defined outside of the one it belongs to.
            *outer, name = (prefix + found[1]).split('::')
            if 'detail' in outer:
                return
            owner = into.member('::'.join(outer)) if outer else None
            inside = (owner or into).add(name if owner else prefix + found[1], comment)
            self.read(*braces, inside, name, 'private' if plain.startswith('class') else 'public')
        elif not (braces and CLASS.match(plain)):
            name = name_of(head)
            own = {f'{scope}()', f'~{scope}()'}
            if name and name not in own and not UNLISTED.match(name.replace(' ', '')):
                into.add(prefix + name, comment)


def blank_lines(match):
    return re.sub(r'[^\n]', ' ', match[0])


def first_sentence(text):
    """The first sentence of a comment, up to an example, as a sentence."""
    text = re.split(r'(?<=\.) |:(?= "|$)', ' '.join(text.split()), maxsplit=1)[0]
    return text[:1].upper() + text[1:].rstrip('.') + '.' if text else ''


def headers_in(folder):
    """[(file, what it is for)]: those of hallway.hpp in its order, then the others."""
    listed = dict(UMBRELLA.findall((folder / 'hallway.hpp').read_text(encoding='utf-8')))
    others = sorted(file.name for file in folder.glob('*.hpp') if file.name not in {*listed, 'hallway.hpp'})
    return [(folder / name, purpose) for name, purpose in [*listed.items(), *((name, '') for name in others)]]


# --- the page ---

INTRODUCTION = '''# The C++ API

Every public name of the library, by header, with one line each. The headers are the manual: they also say what blocks, which
errors and outcomes there are, and which thread may call. Until 1.0 names are only added. Names in namespace `detail`, and
functions that a comment reserves for the library's own layers, may change at any time.

All names are in namespace `hallway`; macros begin with `HALLWAY_`. `#include <hallway/hallway.hpp>` includes all of these
headers but those that need another library. Constructors, assignment, comparison and the functions by which the compiler
awaits something are not listed.
'''
LINE = re.compile(r'^( *)- `([^`]+)`(?:: (.*))?$')


def texts_of(page):
    """{(header, name, name inside it, ...): its words}"""
    texts, path = {}, []
    for line in page.splitlines():
        if heading := re.match(r'## `<hallway/(.*)>`', line):
            path = [heading[1]]
        elif found := LINE.match(line):
            path[len(found[1]) // 2 + 1:] = [found[2]]
            texts[tuple(path)] = found[3] or ''
    return texts


def with_moved(texts, names):
    """The words of the page; a name that was moved keeps them: from one header or namespace to another, HubX to hub::X."""
    def same(one, other):
        (_, outer, *inner), (_, other_outer, *other_inner) = one, other
        outer, other_outer = (name.replace('::', '').lower() for name in (outer, other_outer))
        return inner == other_inner and (outer.endswith(other_outer) or other_outer.endswith(outer))

    gone = [known for known in texts if known not in names]
    moved = {path: texts[known] for path in names if path not in texts for known in gone if same(known, path)}
    return {**moved, **texts}


def lines_of(name, path, texts, depth=0):
    path = (*path, name.spelling)
    words = texts.get(path) or name.comment
    yield f'{"  " * depth}- `{name.spelling}`' + (f': {words}' if words else '')
    if name.enumerators:
        yield f'{"  " * (depth + 1)}- one of ' + ', '.join(f'`{value}`' for value in name.enumerators)
    for member in name.members:
        yield from lines_of(member, path, texts, depth + 1)


def page_for(folder, texts):
    page = [INTRODUCTION]
    for file, purpose in headers_in(folder):
        header = Header(file)
        if not header.top.members:
            continue
        page += [f'## `<hallway/{file.name}>`: {purpose or header.purpose()}', '']
        for name in header.top.members:
            page += lines_of(name, (file.name,), texts)
        page.append('')
    return '\n'.join(page)


# --- the check is itself checked ---

def self_test():
    with tempfile.TemporaryDirectory() as root:
        folder = pathlib.Path(root)
        (folder / 'hallway.hpp').write_text('#include <hallway/b.hpp>  // the first\n')
        (folder / 'a.hpp').write_text('''// Layer: core
//
// What is last. More.
#pragma once
#define HALLWAY_A 1
namespace hallway::hub { /// A function.
inline constexpr int most = 1; }
namespace other { int not_ours; }
''')
        (folder / 'b.hpp').write_text('''namespace hallway {
namespace detail { struct Hidden { int x; }; }
class Later; class detail::Part { public: int part(); };
/// Says { what. And more.
template <typename T = void>
class [[nodiscard]] HALLWAY_EXPORT Box : private detail::Hidden {
 public:
  using Value = T;
  enum class Kind : int { one = 1, two };  ///< which
  Box() = default;
  explicit Box(int x) : x_(x) {}
  ~Box();
  Box& operator=(const Box&) = delete;
  class Inner;
  /// Waits.
  /// @param x  not this
  static Box<T> wait(int x = {}, std::function<void(int)> then = {}) { return {x}; }
  void wait();
  explicit operator bool() const { return x_ == 1; }
  const T& operator*() const;
  friend std::ostream& operator<<(std::ostream&, const Box&);
  friend bool operator==(const Box&, const Box&) { return true; }
  friend class Friend;
  std::function<void(int)> on_event = {};  ///< Called; often.
 private:
  int x_{};
};
class Box::Inner { public: bool await_ready(); int left() const; };
inline void Box::wait() {}
template <typename T> requires std::movable<T> class Channel { public: T next() requires (sizeof(T) > 1); };
template <typename T> requires (sizeof(T) > 1) Task<T> delayed(T value);
static_assert(sizeof(int) == 4);
inline constexpr std::array policies{Box::one, Box::two};
}
''')
        page = page_for(folder, {('b.hpp', 'Box', 'Value'): 'kept'})
    expected = '''## `<hallway/b.hpp>`: the first

- `Box`: Says { what.
  - `Value`: kept
  - `Kind`: Which.
    - one of `one`, `two`
  - `wait()`: Waits.
  - `operator bool`
  - `operator*`
  - `operator<<`
  - `on_event`: Called; often.
  - `Inner`
    - `left()`
- `Channel`
  - `next()`
- `delayed()`
- `policies`

## `<hallway/a.hpp>`: What is last

- `HALLWAY_A`
- `hub::most`
'''
    assert page == INTRODUCTION + '\n' + expected, page
    names = texts_of(page)
    assert names['b.hpp', 'Box', 'Inner', 'left()'] == ''
    moved = with_moved({('a.hpp', 'BBox'): 'kept', ('a.hpp', 'BBox', 'Inner', 'left()'): 'what is left'}, names)
    assert moved['b.hpp', 'Box'] == 'kept' and moved['b.hpp', 'Box', 'Inner', 'left()'] == 'what is left', moved


def main(arguments):
    folder = SOURCE_DIR / 'include/hallway'
    page = PAGE.read_text(encoding='utf-8') if PAGE.exists() else ''
    texts = texts_of(page)
    if arguments == ['--write']:
        page = page_for(folder, with_moved(texts, texts_of(page_for(folder, {}))))
        PAGE.write_text(page, encoding='utf-8')
        texts = texts_of(page)
    expected = page_for(folder, texts)
    wanted = texts_of(expected)
    problems = [f'not in the headers: {" ".join(name)}' for name in texts if name not in wanted]
    problems += [f'not in docs/API.md: {" ".join(name)}' for name in wanted if name not in texts]
    problems += [f'without words: {" ".join(name)}' for name, words in texts.items() if not words]
    if not problems and page != expected:
        problems = ['the order, a heading or an enumerator differs']
    print(*problems, f'{len(texts)} names', sep='\n')
    if problems:
        print('after a change of the headers: tests/docs/api_page_lists_every_public_name.py --write')
    return 1 if problems else 0


self_test()
sys.exit(main(sys.argv[1:]))
