// SPDX-License-Identifier: Apache-2.0
#include "net/diagnosis/words.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <system_error>
#include <utility>

#include <hallway/bytes.hpp>

#include "net/diagnosis/similar.hpp"

namespace hallway::net {

namespace {

constexpr std::string_view hexadecimal = "0123456789abcdef";

bool is_graphic(char byte) { return byte > ' ' && byte < '\x7f'; }

bool is_plain(char byte) {
  return (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z') ||
         (byte >= '0' && byte <= '9') || std::string_view("/._-+:@%,=").contains(byte);
}

std::string in_hexadecimal(char byte) {
  const auto value = static_cast<unsigned char>(byte);
  return {'\\', 'x', hexadecimal[value >> 4U], hexadecimal[value & 0xFU]};
}

/// `$'...'` of the shell, the bytes that are not graphic ASCII as \xNN: no two names look alike.
std::string in_ansi_c_quotes(std::string_view name) {
  std::string text = "$'";
  for (const char byte : name) {
    if (byte == '\'' || byte == '\\') {
      text += std::string("\\") + byte;
    } else {
      text += is_graphic(byte) ? std::string(1, byte) : in_hexadecimal(byte);
    }
  }
  return text + "'";
}

std::string in_quotes_if_misread(const std::string& text) {
  return text.empty() || text.contains(' ') ? "\"" + text + "\"" : text;
}

std::string process_name(const std::string& command, std::int32_t pid) {
  return (command.empty() ? "pid " + std::to_string(pid)
                          : printable(command) + "[" + std::to_string(pid) + "]");
}

std::string id_words(const std::string& name, std::uint32_t id) {
  return name.empty() ? std::to_string(id) : printable(name);
}

std::string_view error_name(int error) {
  constexpr std::array<std::pair<int, std::string_view>, 22> names{{
      {EACCES, "EACCES"},
      {EADDRINUSE, "EADDRINUSE"},
      {EAFNOSUPPORT, "EAFNOSUPPORT"},
      {EAGAIN, "EAGAIN"},
      {ECONNREFUSED, "ECONNREFUSED"},
      {ECONNRESET, "ECONNRESET"},
      {EDQUOT, "EDQUOT"},
      {EINVAL, "EINVAL"},
      {EIO, "EIO"},
      {ELOOP, "ELOOP"},
      {EMFILE, "EMFILE"},
      {ENAMETOOLONG, "ENAMETOOLONG"},
      {ENFILE, "ENFILE"},
      {ENOENT, "ENOENT"},
      {ENOMEM, "ENOMEM"},
      {ENOSPC, "ENOSPC"},
      {ENOTDIR, "ENOTDIR"},
      {EOPNOTSUPP, "EOPNOTSUPP"},
      {EPERM, "EPERM"},
      {EPROTOTYPE, "EPROTOTYPE"},
      {EROFS, "EROFS"},
      {ESTALE, "ESTALE"},
  }};
  const auto* const found =
      std::ranges::find(names, error, &std::pair<int, std::string_view>::first);
  return found == names.end() ? std::string_view() : found->second;
}

}  // namespace

std::string shown(std::string_view name) {
  if (has_invisible(name) || printable(name) != name) return in_ansi_c_quotes(name);
  return in_quotes_if_misread(std::string(name));
}

std::string shown_in_ascii(std::string_view name) {
  const bool is_ascii =
      std::ranges::all_of(name, [](char byte) { return is_graphic(byte) || byte == ' '; });
  return is_ascii ? in_quotes_if_misread(std::string(name)) : in_ansi_c_quotes(name);
}

std::string shell_quoted(std::string_view name) {
  std::string here = (name.starts_with('-') ? "./" : "") + std::string(name);
  if (!name.empty() && std::ranges::all_of(name, is_plain)) return here;
  if (has_invisible(name) || printable(name) != name) return in_ansi_c_quotes(here);
  std::string text = "'";
  for (const char byte : here) text += byte == '\'' ? "'\\''" : std::string(1, byte);
  return text + "'";
}

std::string_view words(StepKind kind) {
  switch (kind) {
    case StepKind::missing: return "missing";
    case StepKind::unknown: break;
    case StepKind::socket: return "a socket";
    case StepKind::regular: return "a regular file";
    case StepKind::directory: return "a directory";
    case StepKind::symlink: return "a symbolic link";
    case StepKind::fifo: return "a FIFO";
    case StepKind::device: return "a device";
  }
  return "a file of unknown kind";
}

std::string words(std::chrono::seconds duration) {
  using std::chrono::days;
  using std::chrono::duration_cast;
  using std::chrono::hours;
  using std::chrono::minutes;
  if (duration >= days(2)) return std::to_string(duration_cast<days>(duration).count()) + " d";
  if (duration >= hours(2)) return std::to_string(duration_cast<hours>(duration).count()) + " h";
  if (duration >= minutes(2)) {
    return std::to_string(duration_cast<minutes>(duration).count()) + " min";
  }
  return std::to_string(duration.count()) + " s";
}

std::string mode_words(unsigned mode) {
  std::string text;
  for (const unsigned shift : {9U, 6U, 3U, 0U}) text += hexadecimal[mode >> shift & 7U];
  return text;
}

std::string owner_words(const PathStep& step) {
  return id_words(step.owner_name, step.owner) + ":" + id_words(step.group_name, step.group);
}

std::string error_words(int error) {
  const std::string_view name = error_name(error);
  return std::generic_category().message(error) + " (" +
         (name.empty() ? "error " + std::to_string(error) : std::string(name)) + ")";
}

std::string user_words(const Subject& subject) {
  return subject.user.empty() ? "uid " + std::to_string(subject.uid) : printable(subject.user);
}

std::string words(const Subject& subject) {
  if (subject.kind != Subject::Kind::process) return user_words(subject);
  return process_name(subject.command, subject.pid) + " of " + user_words(subject);
}

std::string words(const Process& process) { return process_name(process.command, process.pid); }

std::string detailed_words(const Process& process) {
  if (!process.alive) return words(process) + ", which has ended";
  std::string text = words(process) + ", uid " + std::to_string(process.uid);
  if (!process.unit.empty()) text += ", " + printable(process.unit);
  if (process.age) text += ", since " + words(*process.age);
  return text;
}

std::string words(const Address& address) {
  if (address.kind() == Address::Kind::path) return shown(address.name());
  if (address.kind() == Address::Kind::abstract) return shown("@" + address.name());
  return address.to_string();
}

std::string words(const SocketEntry& socket) { return shown(socket.name); }

std::string counted(std::uint64_t count, std::string_view singular) {
  return std::to_string(count) + " " + std::string(singular) + (count == 1 ? "" : "s");
}

std::string open_words(std::uint64_t open, std::uint64_t limit) {
  const std::string count = std::to_string(open);
  const std::string most = std::to_string(limit);
  return open > limit ? count + " descriptors are open, and the limit is " + most
                      : count + " of " + most + " descriptors are open";
}

std::string queue_words(const SocketEntry& listening) {
  if (!listening.has_queue) return "queue unknown";
  return std::to_string(listening.waiting) + " of " + std::to_string(listening.backlog) +
         " waiting";
}

std::string listed(const std::vector<const Process*>& processes) {
  constexpr std::size_t most = 5;
  std::string text;
  for (std::size_t at = 0; at < std::min(most, processes.size()); ++at) {
    text += (at == 0 ? "" : ", ") + words(*processes[at]);
  }
  if (processes.size() > most) text += " and " + std::to_string(processes.size() - most) + " more";
  return text;
}

bool is_below(std::string_view path, std::string_view directory) {
  if (directory == "/") return path.starts_with('/');
  return path.starts_with(directory) &&
         (path.size() == directory.size() || path[directory.size()] == '/');
}

std::string directory_of(std::string_view path) {
  const auto slash = path.rfind('/');
  if (slash == std::string_view::npos) return ".";
  return std::string(path.substr(0, std::max<std::size_t>(slash, 1)));
}

}  // namespace hallway::net
