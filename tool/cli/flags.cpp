// SPDX-License-Identifier: Apache-2.0
#include "cli/flags.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>

#include "cli/add_value.hpp"

namespace hallway::tool {

void refuse_flags(const std::string& flags, const std::string& why) {
  throw CLI::ValidationError(flags, why);
}

bool given(const CLI::App& verb, const std::string& name) { return verb.count(name) > 0; }

std::vector<std::string> words_of(const CLI::App& verb, const TrailingArgs& rest) {
  std::vector<std::string> words = verb.remaining();
  for (const std::string& word : words) {
    const bool flag = word.size() > 1 && word[0] == '-' && (word[1] < '0' || word[1] > '9');
    if (flag) refuse_flags(word, "unknown flag (a message that looks like one goes after --)");
  }
  if (rest) words.insert(words.end(), rest->begin(), rest->end());
  return words;
}

void add_wordiness(CLI::App& verb, Verbosity& wordiness) {
  verb.add_flag_callback(
      "-q,--quiet", [&wordiness] { wordiness.verbosity = -1; }, "Say nothing but failures");
  verb.add_flag_function(
      "-v,--verbose",
      [&wordiness](std::int64_t times) { wordiness.verbosity = static_cast<int>(times); },
      "Say more: each message; twice: all of each message");
  // Only true is accepted: main.cpp decides whether failures are JSON before flags are parsed.
  verb.add_flag("--json", wordiness.json, "One JSON object per line, for messages and for events")
      ->disable_flag_override();
  verb.get_option("--quiet")->excludes(verb.get_option("--verbose"));
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
      "How messages are told apart in a stream (default lines)");
  add_value(
      verb, "--max-message", "SIZE", read_message_size,
      [&wire](std::size_t size) { wire.max_message = size; },
      "Largest message in either direction (default " + write_size(Limits{}.max_message) + ")");
}

void check_wire(const CLI::App& verb, const Wire& wire) {
  if (given(verb, "--framing") && wire.type != SocketType::stream) {
    refuse_flags("--type --framing", "packets carry their own boundaries; only a stream is framed");
  }
}

namespace {

std::string from_environment(const char* name, const char* otherwise) {
  const char* chosen = std::getenv(name);
  return chosen != nullptr && *chosen != '\0' ? chosen : otherwise;
}

}  // namespace

std::string default_address() { return from_environment("HALLWAY_ADDRESS", defaults::address); }

std::string default_hub_address() { return from_environment("HALLWAY_HUB", defaults::hub_address); }

Address read_address(const std::string& word) {
  auto address = Address::parse(word);
  if (!address) throw Refused(word, address.error());
  return std::move(*address);
}

void add_spin(CLI::App& verb, LoopOptions& loop) {
  add_value(
      verb, "--spin", "auto|off|TIME", read_spin,
      [&loop](std::optional<Duration> spin) { loop.spin = spin; },
      fmt::format("After a message, ask for the next for so long before sleeping: faster answers, "
                  "for processor time (default auto, which is {} where that pays)",
                  write_duration(bounds::spin)));
}

void add_reach(CLI::App& verb, Target& target, const std::string& timeout_help) {
  add_value(
      verb, "--timeout", "TIME", read_duration,
      [&target](Duration timeout) { target.timeout = timeout; }, timeout_help);
  add_value(
      verb, "--server-uid", "USER", read_user,
      [&target](std::uint32_t uid) { target.server_uid = uid; },
      "Refuse a server of another user, before the first byte");
}

Error about(const Target& target, Error error, const Counters& counters) {
  if (target.address.kind() == Address::Kind::exec) {
    error.subject = target.address.unescaped();
    return error;
  }
  const bool ended =
      error.code == std::errc::broken_pipe || error.code == std::errc::connection_reset;
  if (ended && counters.bytes_received == 0 && error.hint.empty()) {
    error.hint =
        "it said nothing before that; a server that turns this user away looks the same, and has "
        "the reason in its log";
  }
  return error;
}

void check_reach(const CLI::App& verb, const Target& target, SocketType type) {
  if (!given(verb, "--server-uid")) return;
  if (type == SocketType::datagram && target.address.kind() != Address::Kind::path) {
    refuse_flags("--type datagram --server-uid",
                 "datagram sockets do not say who receives; only a path has an owner");
  }
  if (target.address.kind() == Address::Kind::exec) {
    refuse_flags("--server-uid", "a program started here runs as we do");
  }
}

}  // namespace hallway::tool
