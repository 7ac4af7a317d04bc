// SPDX-License-Identifier: Apache-2.0
#include "io/values.hpp"

#include <algorithm>
#include <array>
#include <chrono>
#include <optional>
#include <vector>

#include <hallway/bytes.hpp>
#include <hallway/server_url.hpp>
#include <hallway/subject.hpp>

#include "io/ip_address.hpp"
#include "io/number.hpp"

namespace hallway::tool {

namespace {

using std::unexpected;

template <typename Number>
struct Unit {
  std::string_view name;
  Number factor;
};

constexpr std::array<Unit<std::int64_t>, 5> time_units{{
    {"us", 1'000},
    {"ms", 1'000'000},
    {"s", 1'000'000'000},
    {"m", 60'000'000'000},
    {"h", 3'600'000'000'000},
}};

constexpr std::array<Unit<std::size_t>, 3> size_units{{
    {"G", std::size_t{1} << 30},
    {"M", std::size_t{1} << 20},
    {"K", std::size_t{1} << 10},
}};

/// The longest accepted time. Beyond it, clock arithmetic could overflow.
constexpr std::int64_t longest_hours = 100'000;

template <typename Policy>
using Named = std::vector<std::pair<std::string, Policy>>;

/// A policy by its name.
template <typename Policy>
Read<Policy> read_policy(std::string_view text, const Named<Policy>& policies) {
  std::string names;
  for (const auto& [name, policy] : policies) {
    if (name == text) return policy;
    names += (names.empty() ? "" : ", ") + name;
  }
  return unexpected("not a policy (" + names + ")");
}
std::string_view::size_type digits_in(std::string_view text, std::string_view digits) {
  return std::min(text.find_first_not_of(digits), text.size());
}

std::optional<char> hex_byte(std::string_view digits) {
  if (digits.size() != 2) return std::nullopt;
  const auto value = parse_number<unsigned>(digits, 16);
  if (!value) return std::nullopt;
  return static_cast<char>(*value);
}

std::optional<char> simple_escape(char letter) {
  switch (letter) {
    case 'n': return '\n';
    case 'r': return '\r';
    case 't': return '\t';
    case '0': return '\0';
    case '\\': return '\\';
    default: return std::nullopt;
  }
}

}  // namespace

Read<std::string> read_server_url(std::string_view text) {
  const auto url = ServerUrl::parse(text);
  if (url) return std::string(text);
  return unexpected(Unread(url.error()));
}

Read<Duration> read_duration(std::string_view text) {
  const auto size = digits_in(text, "0123456789.");
  const std::string_view unit = size < text.size() ? text.substr(size) : "s";
  const auto* known = std::ranges::find(time_units, unit, &Unit<std::int64_t>::name);
  const auto amount = parse_number<double>(text.substr(0, size));
  if (!amount || known == time_units.end()) {
    return unexpected("not a duration (a number, then us, ms, s, m or h)");
  }
  const double nanoseconds = *amount * static_cast<double>(known->factor);
  if (nanoseconds >
      static_cast<double>(std::chrono::nanoseconds(std::chrono::hours(longest_hours)).count())) {
    return unexpected("too long");
  }
  // A value that rounds to 0 would disable the timeout it is meant for.
  if (*amount > 0 && nanoseconds < 1) return unexpected("too short");
  return Duration(static_cast<std::int64_t>(nanoseconds));
}

Read<Duration> read_time_span(std::string_view text) {
  auto duration = read_duration(text);
  if (duration && *duration == Duration::zero()) return unexpected("not a duration above 0");
  return duration;
}

Read<std::optional<Duration>> read_spin(std::string_view text) {
  if (text == "auto") return std::nullopt;
  if (text == "off") return Duration::zero();
  const auto duration = read_duration(text);
  if (!duration) return unexpected("not auto, off or a duration such as 20us");
  return *duration;
}

Read<std::size_t> read_size(std::string_view text) {
  const auto size = digits_in(text, "0123456789");
  std::size_t factor = 1;
  bool known = size == text.size();
  if (size + 1 == text.size()) {
    const std::string unit(1, static_cast<char>(text.back() & ~0x20));
    const auto* found = std::ranges::find(size_units, unit, &Unit<std::size_t>::name);
    known = found != size_units.end();
    if (known) factor = found->factor;
  }
  if (size == 0 || !known) return unexpected("not a size (a whole number, then K, M or G)");
  const auto value = parse_number<std::size_t>(text.substr(0, size));
  if (!value || *value > SIZE_MAX / 2 / factor) return unexpected("too large");
  return *value * factor;
}

Read<std::size_t> read_room(std::string_view text) {
  auto size = read_size(text);
  if (size && *size == 0) return std::unexpected("not a size of at least 1");
  return size;
}

Read<std::size_t> read_message_size(std::string_view text) {
  auto size = read_room(text);
  if (!size || *size <= bounds::max_message) return size;
  Unread refused("too large");
  refused.hint = "a message has at most " + std::to_string(bounds::max_message) + " bytes";
  return unexpected(refused);
}

Read<std::size_t> read_count(std::string_view text) {
  const auto value = parse_number<std::size_t>(text);
  if (!value || *value == 0) return unexpected("not a count (a whole number of at least 1)");
  return *value;
}

Read<unsigned> read_mode(std::string_view text) {
  const auto value = parse_number<unsigned>(text, 8);
  if (!value || *value > 0777) return unexpected("not a file mode (octal digits, such as 0660)");
  return *value;
}

Read<std::uint32_t> read_user(std::string_view text) { return as_read(user_id(std::string(text))); }

Read<std::uint32_t> read_group(std::string_view text) {
  return as_read(group_id(std::string(text)));
}

Read<std::string> read_user_name(std::string_view text) {
  auto id = read_user(text);
  if (!id) return unexpected(id.error());
  return std::string(text);
}

Read<std::string> read_group_name(std::string_view text) {
  auto id = read_group(text);
  if (!id) return unexpected(id.error());
  return std::string(text);
}

Read<Address> read_listening_address(std::string_view text) {
  auto address = Address::parse(text);
  if (!address) return unexpected(address.error());
  if (address->kind() == Address::Kind::exec) {
    return unexpected("only a client can start a program");
  }
  const bool plain = address->kind() == Address::Kind::path && !text.starts_with("unix:");
  if (plain && meant_for_tcp(text)) {
    Unread refused("an address here is of a Unix socket, not of TCP");
    refused.hint = "a file of that name is ./" + printable(text) +
                   "; a hub also serves NATS clients over TCP, with --listen";
    return unexpected(refused);
  }
  return std::move(*address);
}

Read<std::string> read_pattern(std::string_view text) {
  if (is_subject_pattern(text)) return std::string(text);
  return unexpected(
      "not a subject pattern (tokens between dots; * matches one token, > at the end one or more)");
}

Read<std::string> read_link_pattern(std::string_view text) {
  auto pattern = read_pattern(text);
  if (!pattern || internal_part_of(*pattern) != InternalPart::all) return pattern;
  return unexpected(
      "matches no subject that a link forwards: those below $SYS and _HALLWAY are excluded");
}

Read<PathLost> read_path_lost(std::string_view text) {
  return read_policy<PathLost>(
      text, {{"warn", PathLost::report}, {"rebind", PathLost::rebind}, {"exit", PathLost::drain}});
}

Read<OverflowPolicy> read_overflow(std::string_view text, std::span<const OverflowPolicy> supported,
                                   char joint) {
  Named<OverflowPolicy> policies;
  for (const OverflowPolicy policy : supported) {
    policies.emplace_back(to_string(policy), policy);
    std::ranges::replace(policies.back().first, '_', joint);
  }
  return read_policy(text, policies);
}

Read<AllowRule> read_allow_rule(std::string_view text) {
  auto rule = AllowRule::parse(text);
  if (!rule) return as_read(std::move(rule));
  if (auto resolved = rule->resolved(); !resolved) return as_read(std::move(resolved));
  return std::move(*rule);
}

Read<std::string> read_escaped(std::string_view text) {
  std::string bytes;
  for (std::size_t at = 0; at < text.size(); ++at) {
    if (text[at] != '\\') {
      bytes += text[at];
      continue;
    }
    if (++at == text.size()) return unexpected("ends with a single backslash (write \\\\)");
    auto byte = simple_escape(text[at]);
    if (text[at] == 'x') {
      byte = hex_byte(text.substr(at + 1, 2));
      at += 2;
    }
    if (!byte) return unexpected("has an unknown escape (known: \\n \\r \\t \\0 \\\\ \\xHH)");
    bytes += *byte;
  }
  return bytes;
}

Read<std::pair<std::string, std::string>> read_word_and_reply(std::string_view text) {
  const auto equals = text.find('=');
  if (equals == std::string_view::npos) return unexpected("not WORD=REPLY");
  auto word = read_escaped(text.substr(0, equals));
  if (!word) return unexpected(word.error());
  auto reply = read_escaped(text.substr(equals + 1));
  if (!reply) return unexpected(reply.error());
  return std::pair{std::move(*word), std::move(*reply)};
}

std::string write_duration(Duration duration) {
  const auto nanoseconds = duration.count();
  for (auto unit = time_units.rbegin(); unit != time_units.rend(); ++unit) {
    if (nanoseconds >= unit->factor && nanoseconds % unit->factor == 0) {
      return std::to_string(nanoseconds / unit->factor) + std::string(unit->name);
    }
  }
  return std::to_string(nanoseconds / time_units.front().factor) +
         std::string(time_units.front().name);
}

std::string write_size(std::size_t size) {
  for (const auto& unit : size_units) {
    if (size >= unit.factor && size % unit.factor == 0) {
      return std::to_string(size / unit.factor) + std::string(unit.name);
    }
  }
  return std::to_string(size);
}

std::string counted(std::uint64_t count, std::string_view thing) {
  return std::to_string(count) + " " + std::string(thing) + (count == 1 ? "" : "s");
}

bool looks_like_address(std::string_view word) {
  constexpr std::array<std::string_view, 7> schemes{
      "unix:", "abstract:", "unix-abstract:", "fd:", "activation", "exec:", "@"};
  constexpr std::array<std::string_view, 2> endings{".sock", ".socket"};
  return word.contains('/') ||
         std::ranges::any_of(schemes, [&](auto scheme) { return word.starts_with(scheme); }) ||
         std::ranges::any_of(endings, [&](auto ending) { return word.ends_with(ending); });
}

}  // namespace hallway::tool
