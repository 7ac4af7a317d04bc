// SPDX-License-Identifier: Apache-2.0
#include "io/prompt.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <histedit.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <termios.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cwchar>
#include <filesystem>
#include <system_error>

#include "io/patient_write.hpp"
#include "io/report.hpp"

namespace hallway::tool {

namespace {

constexpr int history_lines = 1000;
constexpr char end_of_file = 'D' - '@';
constexpr int prompt_width = 2;

/// Between two checks whether a background job is in the foreground again.
constexpr Duration between_looks = std::chrono::milliseconds(200);

/// XDG_STATE_HOME/hallway_history, by default ~/.local/state/hallway_history; empty without HOME.
std::filesystem::path history_file() {
  const char* state = std::getenv("XDG_STATE_HOME");
  if (state != nullptr && *state == '/') return std::filesystem::path(state) / "hallway_history";
  const char* home = std::getenv("HOME");
  if (home == nullptr || *home == '\0') return {};
  return std::filesystem::path(home) / ".local/state/hallway_history";
}

/// As create_directories(). The owner gets full access to each new one, whatever the umask.
void make_directories(const std::filesystem::path& directories) {
  std::error_code ignored;  // a failure shows when the file is written
  std::filesystem::path one;
  for (const auto& name : directories) {
    one /= name;
    if (!std::filesystem::create_directory(one, ignored)) continue;
    std::filesystem::permissions(one, std::filesystem::perms::owner_all,
                                 std::filesystem::perm_options::add, ignored);
  }
}

/// Reads one typed byte; nullopt if the terminal is gone.
std::optional<char> read_typed() {
  char typed = '\0';
  return patient_read(STDIN_FILENO, &typed, 1) == 1 ? std::optional(typed) : std::nullopt;
}

/// Waits for a key.
/// @return false if a signal arrived, which the loop must handle
bool wait_for_key() {
  pollfd input{.fd = STDIN_FILENO, .events = POLLIN, .revents = 0};
  return poll(&input, 1, -1) == 1;
}

/// A job in the background may neither read its terminal nor change it.
bool in_foreground() {
  const pid_t group = tcgetpgrp(STDIN_FILENO);
  return group < 0 || group == getpgrp();
}

/// The result of mbrtowc(3) for the first character of `bytes`.
std::size_t width_of(std::string_view bytes, wchar_t* character = nullptr) {
  std::mbstate_t state{};
  // NOLINTNEXTLINE(concurrency-mt-unsafe): unsafe only without its own state
  return std::mbrtowc(character, bytes.data(), bytes.size(), &state);
}
constexpr auto half_a_character = static_cast<std::size_t>(-2);
constexpr auto no_character = static_cast<std::size_t>(-1);

/// Whether libedit can process these bytes without waiting for more, which would block the loop.
/// Keys that send several bytes, and keys that need a second one (Escape, Ctrl-X, Ctrl-V), are
/// buffered until they are complete.
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

/// The state of libedit and of the terminal.
struct Prompt::Editor {
  explicit Editor(Output& its_output)
      : output(&its_output),
        screen(fopencookie(this, "w",
                           {.read = nullptr, .write = show, .seek = nullptr, .close = nullptr})),
        line(el_init_fd("hallway", stdin, screen, screen, STDIN_FILENO, STDOUT_FILENO,
                        STDERR_FILENO)),
        history(history_init()),
        file(history_file()) {
    history_change(H_SETSIZE, history_lines);
    history_change(H_SETUNIQUE, 1);
    // Reading another kind of file, such as a FIFO, would block.
    std::error_code ignored;
    if (std::filesystem::is_regular_file(file, ignored)) history_change(H_LOAD, file.c_str());
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
    history_end(history);
    el_end(line);
    std::fclose(screen);
  }

  /// Called with what libedit writes to `screen`. Passed on at once, because the loop may be
  /// blocked in take_character().
  static ssize_t show(void* editor, const char* text, std::size_t size) {
    Output& output = *static_cast<Editor*>(editor)->output;
    output.write({text, size});
    output.hand_over();
    return static_cast<ssize_t>(size);
  }

  /// libedit reads from here. If it needs more than one key (a search), this blocks.
  static int take_character(EditLine* line, wchar_t* character) {
    Editor* self = nullptr;
    el_get(line, EL_CLIENTDATA, &self);
    for (;;) {
      const std::size_t width = width_of(self->key, character);
      if (width == half_a_character) {
        // Without a key, libedit cancels the search and the loop continues.
        if (!wait_for_key()) return 0;
        const auto typed = read_typed();
        if (!typed) return 0;
        self->key += *typed;
        continue;
      }
      self->key.erase(0, width == no_character ? 1 : std::max<std::size_t>(width, 1));
      if (width != no_character) return 1;
    }
  }

  /// Shows the prompt, and reads characters as they are typed.
  void begin() {
    tcgetattr(STDIN_FILENO, &usual_mode);
    el_set(line, EL_UNBUFFERED, 1);
    tcgetattr(STDIN_FILENO, &editing_mode);
    editing = true;
  }

  /// Restores the terminal's mode for the shell.
  void leave() const {
    if (editing) tcsetattr(STDIN_FILENO, TCSANOW, &usual_mode);
  }

  /// Sets the terminal's mode again, and redraws the line below the shell's output.
  void come_back() const {
    if (!editing) return;
    tcsetattr(STDIN_FILENO, TCSANOW, &editing_mode);
    el_resize(line);
    write_out("\r\x1b[J");
    el_set(line, EL_REFRESH);
  }

  /// Ends editing and restores the terminal's mode.
  void finish() {
    if (editing) el_set(line, EL_UNBUFFERED, 0);
    editing = false;
  }

  /// Clears the typed line, which may span several rows.
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
    std::fwrite(text.data(), 1, text.size(), screen);
    std::fflush(screen);
  }

  template <typename Value>
  void history_change(int what, Value value) {
    HistEvent event;
    ::history(history, &event, what, value);
  }

  /// Replaces the old file only when the new one is complete, because the disk may be full.
  Result<void> save() {
    if (file.empty() || !changed) return {};
    make_directories(file.parent_path());
    std::error_code code;
    const auto status = std::filesystem::status(file, code);
    if (exists(status) && !is_regular_file(status)) {
      return std::unexpected(error_of(std::errc::invalid_argument, "keep the history",
                                      file.string(), "not a regular file"));
    }
    // If the file is a symbolic link, its target is replaced.
    const auto real = exists(status) ? std::filesystem::canonical(file, code) : file;
    const std::string next = real.string() + fmt::format(".{}", getpid());
    if (write_history(next) && rename(next.c_str(), real.c_str()) == 0) {
      changed = false;
      return {};
    }
    const int reason = errno;
    unlink(next.c_str());
    return std::unexpected(error_of(reason, "keep the history", file.string()));
  }

  bool write_history(const std::string& name) {
    const int descriptor = open(name.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (descriptor < 0) return false;
    static_cast<void>(fchmod(descriptor, 0600));  // whatever the umask
    std::FILE* stream = fdopen(descriptor, "w");
    history_change(H_SAVE_FP, stream);
    const bool written = std::fflush(stream) == 0 && std::ferror(stream) == 0;
    return std::fclose(stream) == 0 && written;
  }

  Output* output;
  std::FILE* screen;
  EditLine* line;
  std::string key;  // typed bytes not yet passed to libedit
  ::History* history;
  std::filesystem::path file;
  termios usual_mode{};
  termios editing_mode{};
  bool editing = false;
  bool changed = false;
};

Prompt::Prompt(Loop& loop, Output& output)
    : loop_(&loop), editor_(std::make_unique<Editor>(output)), tasks_(loop) {}

Prompt::~Prompt() = default;

Task<Result<std::optional<std::string>>> Prompt::next() {
  if (!editor_->editing) editor_->begin();
  for (;;) {
    if (!is_whole(editor_->key)) {
      co_await typed();
      const auto key = read_typed();
      if (!key) co_return end();
      editor_->key += *key;
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

/// Completes when there is input and this process is in the foreground.
Task<> Prompt::typed() {
  do {
    if (!coming_back_.done()) co_await coming_back_.join();
    co_await loop_->readable(STDIN_FILENO);
    if (!in_foreground()) go_on();
  } while (away_);
}

void Prompt::aside(const std::function<void()>& write) {
  const bool drawn = editor_->editing && !away_;
  if (drawn) editor_->clear();
  write();
  if (drawn) el_set(editor_->line, EL_REFRESH);  // redraws it
}

void Prompt::show(std::string_view text) {
  aside([&] { editor_->write_out(text); });
}

void Prompt::resize() {
  if (editor_->editing && !away_) el_resize(editor_->line);
}

void Prompt::leave() {
  if (!away_) editor_->leave();
}

void Prompt::go_on() {
  away_ = true;
  if (coming_back_.done()) coming_back_ = tasks_.spawn(come_back());
}

Task<> Prompt::come_back() {
  // A shell does not notify a running job that it is in the foreground again.
  while (!in_foreground()) co_await loop_->sleep(between_looks);
  away_ = false;
  editor_->come_back();
}

Result<void> Prompt::save() { return editor_->save(); }

bool may_be_stopped() {
  struct sigaction now{};
  return sigaction(SIGTSTP, nullptr, &now) == 0 && now.sa_handler != SIG_IGN;
}

void stop_process() {
  struct sigaction usual{};
  struct sigaction ours{};
  usual.sa_handler = SIG_DFL;
  sigaction(SIGTSTP, &usual, &ours);
  std::raise(SIGTSTP);
  sigaction(SIGTSTP, &ours, nullptr);
}

}  // namespace hallway::tool
