// SPDX-License-Identifier: Apache-2.0
#include "prompt.hpp"

#include <fmt/format.h>
#include <histedit.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cwchar>
#include <filesystem>
#include <system_error>

#include <hallway/version.hpp>

namespace hallway::tool {

namespace {

constexpr int history_lines = 1000;
constexpr char end_of_file = 'D' - '@';
constexpr int prompt_width = 2;

/// XDG_STATE_HOME/hallway_history, by default ~/.local/state/hallway_history; empty: nowhere.
std::filesystem::path history_file() {
  const char* state = std::getenv("XDG_STATE_HOME");
  if (state != nullptr && *state == '/') return std::filesystem::path(state) / "hallway_history";
  const char* home = std::getenv("HOME");
  if (home == nullptr || *home == '\0') return {};
  return std::filesystem::path(home) / ".local/state/hallway_history";
}

/// As create_directories(), and each that is made is for its owner to use, whatever the umask.
void make_directories(const std::filesystem::path& directories) {
  std::error_code ignored;  // what is missing shows when the file is written
  std::filesystem::path one;
  for (const auto& name : directories) {
    one /= name;
    if (!std::filesystem::create_directory(one, ignored)) continue;
    std::filesystem::permissions(one, std::filesystem::perms::owner_all,
                                 std::filesystem::perm_options::add, ignored);
  }
}

/// Reads one byte that was typed; nothing: the terminal is gone.
std::optional<char> read_typed() {
  char typed = '\0';
  ssize_t got = 0;
  do {
    got = read(STDIN_FILENO, &typed, 1);
  } while (got < 0 && (errno == EINTR || errno == EAGAIN));
  return got == 1 ? std::optional(typed) : std::nullopt;
}

/// What mbrtowc(3) says about the character that `bytes` begin with.
std::size_t width_of(std::string_view bytes, wchar_t* character = nullptr) {
  std::mbstate_t state{};
  // NOLINTNEXTLINE(concurrency-mt-unsafe): only without a state of one's own
  return std::mbrtowc(character, bytes.data(), bytes.size(), &state);
}
constexpr auto half_a_character = static_cast<std::size_t>(-2);
constexpr auto no_character = static_cast<std::size_t>(-1);

/// Whether libedit, given these bytes, waits for no more: it would wait for a person, and the loop
/// with it. Keys that send several bytes, and those that only mean something with the next one
/// (Escape, Ctrl-X, Ctrl-V), are kept until they are whole.
bool is_whole(std::string_view key) {
  constexpr char escape = '\x1b';
  constexpr std::string_view prefixes = "\x1b\x18\x16";
  constexpr std::size_t longest = 32;
  if (key.size() >= longest) return true;
  for (; !key.empty() && prefixes.contains(key.front()); key.remove_prefix(1)) {
    const std::string_view rest = key.substr(1);
    if (key.front() == escape && rest.starts_with('[')) {
      return rest.size() > 1 && rest.back() >= '@' && rest.back() <= '~';
    }
    if (key.front() == escape && rest.starts_with('O')) return rest.size() > 1;
  }
  return !key.empty() && width_of(key) != half_a_character;
}

char* prompt_text(EditLine*) {
  static char text[] = "> ";
  return text;
}

}  // namespace

/// What libedit keeps.
struct Prompt::Editor {
  Editor()
      : line(el_init("hallway", stdin, stdout, stderr)),
        history(history_init()),
        file(history_file()) {
    history_change(H_SETSIZE, history_lines);
    history_change(H_SETUNIQUE, 1);
    if (!file.empty()) history_change(H_LOAD, file.c_str());
    el_set(line, EL_PROMPT, prompt_text);
    el_set(line, EL_EDITOR, "emacs");
    el_set(line, EL_HIST, ::history, history);
    el_set(line, EL_CLIENTDATA, this);
    el_wset(line, EL_GETCFN, take_character);
    el_source(line, nullptr);
    begin();
  }
  Editor(const Editor&) = delete;
  Editor& operator=(const Editor&) = delete;
  ~Editor() {
    if (editing) write_out("\n");
    finish();
    save();
    history_end(history);
    el_end(line);
  }

  /// libedit reads from here. Where it wants more than one key (a search), it waits for the person.
  static int take_character(EditLine* line, wchar_t* character) {
    Editor* self = nullptr;
    el_get(line, EL_CLIENTDATA, &self);
    for (;;) {
      const std::size_t width = width_of(self->key, character);
      if (width == half_a_character) {
        const auto typed = read_typed();
        if (!typed) return 0;
        self->key += *typed;
        continue;
      }
      self->key.erase(0, width == no_character ? 1 : std::max<std::size_t>(width, 1));
      if (width != no_character) return 1;
    }
  }

  /// Shows the prompt, and takes characters as they are typed.
  void begin() {
    el_set(line, EL_UNBUFFERED, 1);
    editing = true;
  }

  /// Gives the terminal back as it was.
  void finish() {
    if (editing) el_set(line, EL_UNBUFFERED, 0);
    editing = false;
  }

  /// Clears the line being typed, in however many rows it stands.
  void clear() const {
    const LineInfoW* typed = el_wline(line);
    int width = prompt_width;
    for (const wchar_t* at = typed->buffer; at != typed->cursor; ++at) {
      width += std::max(wcwidth(*at), 0);
    }
    winsize size{};
    ioctl(STDOUT_FILENO, TIOCGWINSZ, &size);
    const int rows_above = size.ws_col > 0 ? width / size.ws_col : 0;
    if (rows_above > 0) write_out(fmt::format("\x1b[{}A", rows_above));
    write_out("\r\x1b[J");
  }

  void write_out(std::string_view text) const {
    std::fwrite(text.data(), 1, text.size(), stdout);
    std::fflush(stdout);
  }

  template <typename Value>
  void history_change(int what, Value value) {
    HistEvent event;
    ::history(history, &event, what, value);
  }

  void save() {
    if (file.empty() || !changed) return;
    make_directories(file.parent_path());
    history_change(H_SAVE, file.c_str());
  }

  EditLine* line;
  std::string key;  // bytes typed that libedit has not got yet
  ::History* history;
  std::filesystem::path file;
  bool editing = false;
  bool changed = false;
};

Prompt::Prompt(Loop& loop) : loop_(&loop), editor_(std::make_unique<Editor>()) {}

Prompt::~Prompt() = default;

Task<Result<std::optional<std::string>>> Prompt::next() {
  if (!editor_->editing) editor_->begin();
  for (;;) {
    if (!is_whole(editor_->key)) {
      co_await loop_->readable(STDIN_FILENO);
      const auto typed = read_typed();
      if (!typed) co_return end();
      editor_->key += *typed;
      continue;
    }
    int count = 0;
    const char* text = el_gets(editor_->line, &count);
    if (text == nullptr || count <= 0) continue;
    if (count == 1 && *text == end_of_file) co_return end();
    const char last = text[count - 1];
    if (last != '\n' && last != '\r') continue;
    std::string line(text, static_cast<std::size_t>(count - 1));
    if (!line.empty()) editor_->history_change(H_ENTER, line.c_str());
    editor_->changed = editor_->changed || !line.empty();
    editor_->finish();
    co_return line;
  }
}

std::optional<std::string> Prompt::end() {
  editor_->write_out("\n");
  editor_->finish();
  return std::nullopt;
}

void Prompt::aside(const std::function<void()>& write) {
  if (editor_->editing) editor_->clear();
  write();
  if (editor_->editing) el_set(editor_->line, EL_REFRESH);  // draws it anew
}

void Prompt::show(std::string_view text) {
  aside([&] { editor_->write_out(text); });
}

void Prompt::resize() {
  if (editor_->editing) el_resize(editor_->line);
}

}  // namespace hallway::tool
