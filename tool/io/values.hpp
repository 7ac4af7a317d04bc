// SPDX-License-Identifier: Apache-2.0
//
// How people write values on a command line, and how the command writes them back.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <expected>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include <hallway/address.hpp>
#include <hallway/error.hpp>
#include <hallway/limits.hpp>
#include <hallway/peer.hpp>

namespace hallway::tool {

/// Why a text is no value: "not a size (digits, then K, M or G)", and what to do about it where
/// there is more to say.
struct Unread {
  // NOLINTBEGIN(google-explicit-constructor,hicpp-explicit-conversions): most say only why
  Unread(const char* its_reason) : why(its_reason) {}
  Unread(std::string its_reason) : why(std::move(its_reason)) {}
  Unread(const Error& error) : why(error.why()), hint(error.hint) {}
  // NOLINTEND(google-explicit-constructor,hicpp-explicit-conversions)

  std::string why;
  std::string hint;
};

/// A value that was read, or why not.
template <typename T>
using Read = std::expected<T, Unread>;

/// A readable text of the library's: Result<T> as Read<T>.
template <typename T>
Read<T> as_read(Result<T> result) {
  if (!result) return std::unexpected(result.error());
  return std::move(*result);
}

/// A policy by its name.
template <typename Policy, std::size_t count>
Read<Policy> read_policy(std::string_view text,
                         const std::array<std::pair<std::string_view, Policy>, count>& policies) {
  std::string names;
  for (const auto& [name, policy] : policies) {
    if (name == text) return policy;
    names += (names.empty() ? "" : ", ") + std::string(name);
  }
  return std::unexpected("not a policy (" + names + ")");
}

/// "nats://HOST:PORT" or "tls://HOST:PORT", with or without the port.
Read<std::string> read_server_url(std::string_view text);

/// "20us", "500ms", "1.5s", "2m", "1h"; a number alone counts seconds.
Read<Duration> read_duration(std::string_view text);

/// The same where 0 would leave no time for anything.
Read<Duration> read_time_span(std::string_view text);

/// "auto", which is nothing, "off", or a duration: see LoopOptions::spin.
Read<std::optional<Duration>> read_spin(std::string_view text);

/// "4096", "64K", "1M", "2G": powers of 1024.
Read<std::size_t> read_size(std::string_view text);

/// The same where nothing could be delivered without room.
Read<std::size_t> read_room(std::string_view text);

/// A size that a message can have, at least 1.
Read<std::size_t> read_message_size(std::string_view text);

/// A whole number of at least 1.
Read<std::size_t> read_count(std::string_view text);

/// The same where no more fits into `Count`.
template <typename Count>
Read<Count> read_count_as(std::string_view text) {
  constexpr auto most = std::numeric_limits<Count>::max();
  const auto count = read_count(text);
  if (!count) return std::unexpected(count.error());
  if (std::cmp_greater(*count, most)) {
    return std::unexpected("too large (at most " + std::to_string(most) + ")");
  }
  return static_cast<Count>(*count);
}

/// An octal file mode: "0600", "660".
Read<unsigned> read_mode(std::string_view text);

/// A user's name or number, as a number.
Read<std::uint32_t> read_user(std::string_view text);

/// A group's name or number, as a number.
Read<std::uint32_t> read_group(std::string_view text);

/// A user or group that is known, as the library takes it: the name or number itself.
Read<std::string> read_user_name(std::string_view text);
Read<std::string> read_group_name(std::string_view text);

/// Where a server listens: any address but a program, and but what was meant for TCP ("8080",
/// "127.0.0.1:80"), unless "unix:" or "./" says that it is a file.
Read<Address> read_listening_address(std::string_view text);

/// A pattern of subjects.
Read<std::string> read_pattern(std::string_view text);

/// A pattern of subjects that a link passes on, all of them or some.
Read<std::string> read_link_pattern(std::string_view text);

/// "warn", "rebind" or "exit"
Read<PathLost> read_path_lost(std::string_view text);

/// Who may do something: "uid:alice", "group:video". A name stays one, because what it stands for
/// may be another id later, but it is known now.
Read<AllowRule> read_allow_rule(std::string_view text);

/// Text in which \n, \r, \t, \0, \\ and \xHH stand for the bytes they name.
Read<std::string> read_escaped(std::string_view text);

/// WORD=REPLY, both with escapes; the first "=" parts them.
Read<std::pair<std::string, std::string>> read_word_and_reply(std::string_view text);

/// "10s", "500ms"
std::string write_duration(Duration duration);

/// "1M", "64K", "1000"
std::string write_size(std::size_t size);

/// "1 byte", "2 bytes"
std::string counted(std::uint64_t count, std::string_view thing);

/// Whether a word is more likely meant as an address than as text: it has a slash, a scheme, a
/// leading "@", or ends as sockets' names do.
bool looks_like_address(std::string_view word);

}  // namespace hallway::tool
