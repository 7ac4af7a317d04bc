// SPDX-License-Identifier: Apache-2.0
#include "sys/process.hpp"

#include <fcntl.h>
#include <spawn.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <system_error>

#include "sys/adopted.hpp"

namespace hallway::sys {

namespace {

// P_PIDFD: Debian 12's <sys/wait.h> lacks it in some modes. The number is the kernel's
// (linux/wait.h).
constexpr auto wait_for_pidfd = static_cast<idtype_t>(3);

std::vector<char*> pointers(const std::vector<std::string>& texts) {
  std::vector<char*> result;
  result.reserve(texts.size() + 1);
  for (const std::string& text : texts) result.push_back(const_cast<char*>(text.c_str()));
  result.push_back(nullptr);
  return result;
}

struct FileActions {
  posix_spawn_file_actions_t raw;
  FileActions() { posix_spawn_file_actions_init(&raw); }
  FileActions(const FileActions&) = delete;
  FileActions& operator=(const FileActions&) = delete;
  ~FileActions() { posix_spawn_file_actions_destroy(&raw); }
};

struct Attributes {
  posix_spawnattr_t raw;
  Attributes() { posix_spawnattr_init(&raw); }
  Attributes(const Attributes&) = delete;
  Attributes& operator=(const Attributes&) = delete;
  ~Attributes() { posix_spawnattr_destroy(&raw); }
};

// The sources are duplicated above 2 first, so that no dup2 onto 0, 1 or 2 overwrites a source that
// is still needed.
Expected<std::array<Descriptor, 3>> lifted(const std::array<int, 3>& standard) {
  std::array<Descriptor, 3> copies;
  for (std::size_t i = 0; i < copies.size(); ++i) {
    const auto copy =
        retry_on_eintr(Call::fcntl, [&] { return ::fcntl(standard[i], F_DUPFD_CLOEXEC, 3); });
    if (!copy) return std::unexpected(copy.error());
    copies[i] = Descriptor::adopt(*copy);
  }
  return copies;
}

/// If SIGCHLD is ignored, or its handler is set with SA_NOCLDWAIT, the kernel reaps children by
/// itself and their exit status is lost (wait(2)). A parent's SIG_IGN outlives exec(2).
Expected<void> keep_exit_statuses() {
  struct sigaction action{};
  const auto got = check(Call::sigaction, [&] { return ::sigaction(SIGCHLD, nullptr, &action); });
  if (!got) return got;
  const bool ignored = (action.sa_flags & SA_SIGINFO) == 0 && action.sa_handler == SIG_IGN;
  if (!ignored && (action.sa_flags & SA_NOCLDWAIT) == 0) return {};
  if (ignored) action.sa_handler = SIG_DFL;
  action.sa_flags &= ~SA_NOCLDWAIT;
  return check(Call::sigaction, [&] { return ::sigaction(SIGCHLD, &action, nullptr); });
}

}  // namespace

Expected<std::int32_t> spawn(const std::vector<std::string>& command,
                             const std::array<int, 3>& standard,
                             const std::vector<std::string>& environment, bool own_group) {
  if (const auto kept = keep_exit_statuses(); !kept) return std::unexpected(kept.error());
  const auto sources = lifted(standard);
  if (!sources) return std::unexpected(sources.error());

  // Each of these allocates and can fail. A child without one of them would run with the wrong
  // descriptors.
  FileActions actions;
  int error = 0;
  for (int number = 0; number < 3 && error == 0; ++number) {
    error = posix_spawn_file_actions_adddup2(
        &actions.raw, (*sources)[static_cast<std::size_t>(number)].get(), number);
  }
  if (error == 0) error = posix_spawn_file_actions_addclosefrom_np(&actions.raw, 3);
  if (error != 0) return std::unexpected(error);

  Attributes attributes;
  sigset_t all;
  sigset_t none;
  sigfillset(&all);
  sigemptyset(&none);
  posix_spawnattr_setsigdefault(&attributes.raw, &all);
  posix_spawnattr_setsigmask(&attributes.raw, &none);
  posix_spawnattr_setpgroup(&attributes.raw, 0);
  const int flags =
      POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK | (own_group ? POSIX_SPAWN_SETPGROUP : 0);
  posix_spawnattr_setflags(&attributes.raw, static_cast<short>(flags));

  const auto arguments = pointers(command);
  const auto variables = pointers(environment);
  return retry_on_eintr(Call::spawn, [&] {
    pid_t pid = -1;
    // posix_spawnp(3) returns its error and leaves errno alone.
    errno = posix_spawnp(&pid, command.front().c_str(), &actions.raw, &attributes.raw,
                         arguments.data(), variables.data());
    return errno == 0 ? pid : -1;
  });
}

Expected<Descriptor> open_pidfd(std::int32_t pid) {
  return adopted(retry_on_eintr(
      Call::pidfd_open, [&] { return static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)); }));
}

void kill_and_reap(std::int32_t pid) noexcept {
  ::kill(pid, SIGKILL);
  (void)retry_on_eintr(Call::waitid, [pid] { return ::waitpid(pid, nullptr, 0); });
}

Expected<void> send_signal(int pidfd, int signal) {
  return check(Call::pidfd_send_signal,
               [&] { return ::syscall(SYS_pidfd_send_signal, pidfd, signal, nullptr, 0); });
}

Expected<void> send_signal_to_group(std::int32_t leader, int signal) {
  return check(Call::pidfd_send_signal, [&] { return ::kill(-leader, signal); });
}

Expected<ExitStatus> reap(int pidfd) {
  siginfo_t info{};
  const auto waited = check(Call::waitid, [&] {
    return ::waitid(wait_for_pidfd, static_cast<id_t>(pidfd), &info, WEXITED | WNOHANG);
  });
  if (!waited) return std::unexpected(waited.error());
  if (info.si_pid == 0) return std::unexpected(EAGAIN);
  if (info.si_code == CLD_EXITED) return ExitStatus{info.si_status, 0};
  return ExitStatus{0, info.si_status};
}

Expected<std::size_t> pid_namespaces_of(std::int32_t pid) {
  std::ifstream status("/proc/" + std::to_string(pid) + "/status");
  if (!status) return std::unexpected(ENOENT);
  constexpr std::string_view numbers = "NSpid:";
  for (std::string line; std::getline(status, line);) {
    if (!line.starts_with(numbers)) continue;
    std::istringstream text(line.substr(numbers.size()));
    std::size_t count = 0;
    for (std::int32_t number = 0; text >> number;) ++count;
    return count;
  }
  return std::unexpected(EPROTO);
}

Expected<char> process_state(std::int32_t pid) {
  std::ifstream stat("/proc/" + std::to_string(pid) + "/stat");
  std::string text;
  if (!std::getline(stat, text, '\0')) return std::unexpected(ENOENT);
  // The command name before it is in parentheses, and may itself contain parentheses.
  const std::size_t name_end = text.rfind(") ");
  constexpr std::size_t letter_after = 2;
  if (name_end == std::string::npos || name_end + letter_after >= text.size()) {
    return std::unexpected(EPROTO);
  }
  return text[name_end + letter_after];
}

bool holds_socket(std::int32_t pid, std::uint64_t socket) {
  const std::string wanted = "socket:[" + std::to_string(socket) + "]";
  std::error_code error;
  std::filesystem::directory_iterator entry("/proc/" + std::to_string(pid) + "/fd", error);
  for (; !error && entry != std::filesystem::directory_iterator(); entry.increment(error)) {
    std::error_code gone;
    if (std::filesystem::read_symlink(entry->path(), gone) == wanted) return true;
  }
  return false;
}

std::vector<std::string> environment_without(const std::vector<std::string>& removed) {
  std::vector<std::string> result;
  for (char** entry = environ; entry != nullptr && *entry != nullptr; ++entry) {
    const std::string text = *entry;
    const std::string name = text.substr(0, text.find('='));
    if (std::ranges::find(removed, name) == removed.end()) result.push_back(text);
  }
  return result;
}

const char* environment_value(const char* name) { return ::secure_getenv(name); }

}  // namespace hallway::sys
