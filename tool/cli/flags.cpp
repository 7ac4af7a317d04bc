// SPDX-License-Identifier: Apache-2.0
#include "cli/flags.hpp"

#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdlib>
#include <deque>
#include <filesystem>
#include <system_error>

#include "cli/add_value.hpp"
#include "cli/suggestion.hpp"
#include "io/report.hpp"

namespace hallway::tool {

void refuse_flags(const std::string& flags, const std::string& why) {
  throw CLI::ValidationError(flags, why);
}

std::string unknown_flag(const CLI::App& verb, const std::string& word) {
  const std::string flag = word.substr(0, word.find('='));
  std::vector<std::string> known;
  for (const CLI::Option* option : verb.get_options()) {
    for (const std::string& name : option->get_lnames()) known.push_back("--" + name);
  }
  const std::string similar = flag.starts_with("--") ? suggestion(flag, known) : "";
  if (!similar.empty() || !verb.get_allow_extras()) return "unknown flag " + flag + similar;
  return "unknown flag " + flag + " (a message that begins with - goes after --)";
}

bool given(const CLI::App& verb, const std::string& name) { return verb.count(name) > 0; }

std::vector<std::string> words_of(const CLI::App& verb, const TrailingArgs& rest) {
  std::vector<std::string> words = accepted_words(verb);
  for (const std::string& word : words) {
    const bool flag = word.size() > 1 && word[0] == '-' && (word[1] < '0' || word[1] > '9');
    if (flag) throw CLI::ValidationError(unknown_flag(verb, word));
  }
  if (rest) words.insert(words.end(), rest->begin(), rest->end());
  return words;
}

void add_verbosity(CLI::App& verb, Verbosity& verbosity, const std::string& verbose) {
  add_switch(verb, "-q,--quiet", [&verbosity] { verbosity.level = -1; }, "Print failures only");
  verb.add_flag_function(
      "-v,--verbose",
      [&verbosity](std::int64_t times) { verbosity.level = static_cast<int>(times); }, verbose);
  add_json(verb, verbosity.json, "One JSON object per line, for messages and for events");
  verb.get_option("--quiet")->excludes(verb.get_option("--verbose"));
}

void add_json(CLI::App& verb, bool& json, const std::string& help) {
  // Only true is accepted: main.cpp decides whether failures are JSON before flags are parsed.
  verb.add_flag("--json", json, help)->disable_flag_override();
}

Limits Wire::limits() const {
  Limits limits;
  limits.max_message = max_message;
  limits.outbound_soft = std::max(limits.outbound_soft, max_message);
  limits.outbound_hard = std::max(limits.outbound_hard, 2 * max_message);
  return limits;
}

void add_type(CLI::App& verb, SocketType& type) {
  add_value(
      verb, "--type", "stream|seqpacket|datagram",
      [](const std::string& text) { return as_read(parse_socket_type(text)); },
      [&type](SocketType given_type) { type = given_type; }, "Type of socket (default stream)");
}

void add_wire(CLI::App& verb, Wire& wire) {
  add_type(verb, wire.type);
  add_value(
      verb, "--framing", "lines|null|len32|len32be|len32le|raw[:N]",
      [](const std::string& text) { return as_read(Framing::parse(text)); },
      [&wire](Framing framing) { wire.framing = framing; },
      "How messages are separated in a stream (default lines)");
  add_value(
      verb, "--max-message", "SIZE", read_message_size,
      [&wire](std::size_t size) { wire.max_message = size; },
      "Largest message in either direction (default " + write_size(Limits{}.max_message) + ")");
}

void check_wire(const CLI::App& verb, const Wire& wire) {
  if (given(verb, "--framing") && wire.type != SocketType::stream) {
    refuse_flags("--type --framing",
                 "only a stream has a framing; packets have boundaries of their own");
  }
}

namespace {

std::string from_environment(const char* name, const char* otherwise) {
  const char* chosen = std::getenv(name);
  return chosen != nullptr && *chosen != '\0' ? chosen : otherwise;
}

/// A user, or "any": nullopt.
Read<std::optional<std::uint32_t>> read_server_user(const std::string& text) {
  if (text == "any") return std::nullopt;
  const auto user = read_user(text);
  if (!user) return std::unexpected(user.error());
  return *user;
}

/// Whether neither root nor this user made this directory or link. In a user namespace, what root
/// has outside belongs to the overflow uid, as "/" does: there the two look the same.
bool is_of_another(const struct stat& entry) {
  struct stat root{};
  const bool of_root =
      entry.st_uid == 0 || (::stat("/", &root) == 0 && entry.st_uid == root.st_uid);
  return !of_root && entry.st_uid != ::geteuid();
}

/// Whether every user may have made the file at this path, a directory on the way to it, or a
/// symbolic link: each is looked at as path_resolution(7) walks it.
bool anyone_may_take(const std::filesystem::path& path) {
  namespace fs = std::filesystem;
  constexpr int max_links = 40;  // that the kernel follows
  std::error_code error;
  const fs::path absolute = fs::absolute(path, error);
  std::deque<fs::path> rest(absolute.begin(), absolute.end());
  fs::path directory;
  for (int links = 0; !rest.empty() && links <= max_links;) {
    const fs::path name = rest.front();
    rest.pop_front();
    if (name.empty() || name == ".") continue;
    if (name.is_absolute() || name == "..") {
      directory = name.is_absolute() ? name : directory.parent_path();
      continue;
    }
    struct stat its{};
    struct stat entry{};
    const fs::path here = directory / name;
    if (::stat(directory.c_str(), &its) < 0) return false;  // connecting will report it
    const bool exists = ::lstat(here.c_str(), &entry) == 0;
    if ((its.st_mode & S_IWOTH) != 0) {
      const bool can_be_replaced = (its.st_mode & S_ISVTX) == 0;
      if (rest.empty() || !exists || can_be_replaced || is_of_another(entry)) return true;
    }
    if (!exists) return false;
    if (!S_ISLNK(entry.st_mode)) {
      directory = here;
      continue;
    }
    const fs::path target = fs::read_symlink(here, error);
    rest.insert(rest.begin(), target.begin(), target.end());
    ++links;
  }
  return false;
}

}  // namespace

std::string default_address() { return from_environment("HALLWAY_ADDRESS", defaults::address); }

bool Target::requires_trust() const {
  return !server_uid && !any_server && address.kind() == Address::Kind::path &&
         anyone_may_take(address.name());
}

Result<std::optional<std::uint32_t>> Target::datagram_server_uid() const {
  struct stat file{};
  if (!requires_trust()) return server_uid;
  if (::stat(address.name().c_str(), &file) < 0) return server_uid;
  if (file.st_uid == 0 || file.st_uid == ::geteuid()) return file.st_uid;
  Error error = error_of(std::errc::operation_not_permitted, "connect", address.unescaped(),
                         fmt::format("the socket file belongs to uid {}, neither root nor this "
                                     "user: it may have taken the name",
                                     file.st_uid));
  error.hint = fmt::format("set server_uid to {} if this server is meant; nothing was sent to it",
                           file.st_uid);
  return std::unexpected(std::move(error));
}

Address read_address(const std::string& word) {
  auto address = Address::parse(word);
  if (!address) refuse_value(word, address.error());
  return std::move(*address);
}

void add_spin(CLI::App& verb, LoopOptions& loop) {
  add_value(
      verb, "--spin", "auto|off|TIME", read_spin,
      [&loop](std::optional<Duration> spin) { loop.spin = spin; },
      fmt::format("After each message, poll for the next one for TIME before sleeping: faster "
                  "answers for more CPU time (default auto, which is {}, or off on a single core)",
                  write_duration(bounds::spin)));
}

void add_target_flags(CLI::App& verb, Target& target, const std::string& timeout_help) {
  add_value(
      verb, "--timeout", "TIME", read_duration,
      [&target](Duration timeout) { target.timeout = timeout; }, timeout_help);
  add_value(
      verb, "--server-uid", "USER", read_server_user,
      [&target](std::optional<std::uint32_t> uid) {
        target.server_uid = uid;
        target.any_server = !uid;
      },
      "Refuse a server of another user before the first byte; any accepts every server. Without "
      "this flag, only root's and this user's servers are accepted in a directory that every user "
      "may write to, or that another user made in one");
}

void add_retry(CLI::App& verb, Target& target) {
  add_value(
      verb, "--retry", "TIME", read_duration, [&target](Duration time) { target.retry_for = time; },
      "While no server listens, try again for TIME (default 0s, which tries once)");
}

Error about(const Target& target, Error error, const Counters& counters) {
  if (target.address.kind() == Address::Kind::exec) {
    error.subject = target.address.unescaped();
    return error;
  }
  const bool ended =
      error.code == std::errc::broken_pipe || error.code == std::errc::connection_reset;
  if (ended && counters.bytes_received == 0 && error.hint.empty()) {
    error.hint = "it sent nothing before; if it turned this user away, its log has the reason";
  }
  return error;
}

Error timed_out(Error error, const std::string& what, Duration timeout) {
  if (error.hint.empty()) {
    error.reason = what + " within " + write_duration(timeout) + " (--timeout)";
  } else {
    error.reason += ": does the server use the same --framing?";
    error.hint.clear();
  }
  return error;
}

void check_target(const CLI::App& verb, const Target& target, SocketType type) {
  if (target.retry_for > Duration::zero()) {
    if (type == SocketType::datagram) {
      refuse_flags("--type datagram --retry", "datagrams have no connections");
    }
    if (target.address.kind() == Address::Kind::exec) {
      refuse_flags("--retry", "a program started by hallway needs no waiting");
    }
  }
  if (!given(verb, "--server-uid")) return;
  if (type == SocketType::datagram && target.address.kind() != Address::Kind::path) {
    refuse_flags("--type datagram --server-uid",
                 "a datagram socket does not report its receiver; only a path has an owner");
  }
  if (target.address.kind() == Address::Kind::exec) {
    refuse_flags("--server-uid", "a program started by hallway runs as this user");
  }
}

}  // namespace hallway::tool
