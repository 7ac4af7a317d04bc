// SPDX-License-Identifier: Apache-2.0
//
// Parses values as people write them on a command line, and formats them the same way.
#pragma once

#include <cstddef>
#include <cstdint>
#include <expected>
#include <limits>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include <hallway/address.hpp>
#include <hallway/error.hpp>
#include <hallway/limits.hpp>
#include <hallway/overflow_policy.hpp>
#include <hallway/peer.hpp>

namespace hallway::tool {

/// Why a text is not a value, such as "not a count (a whole number of at least 1)", and a hint what
/// to do if there is one.
struct Unread {
  // NOLINTBEGIN(google-explicit-constructor,hicpp-explicit-conversions): most give only a reason
  Unread(const char* its_reason) : why(its_reason) {}
  Unread(std::string its_reason) : why(std::move(its_reason)) {}
  Unread(const Error& error) : why(error.why()), hint(error.hint) {}
  // NOLINTEND(google-explicit-constructor,hicpp-explicit-conversions)

  std::string why;
  std::string hint;
};

/// A parsed value, or why it could not be parsed.
template <typename T>
using Read = std::expected<T, Unread>;

/// The result of one of the library's parsers as Read<T>.
template <typename T>
Read<T> as_read(Result<T> result) {
  if (!result) return std::unexpected(result.error());
  return std::move(*result);
}

/// One of the `supported` overflow policies by its name, with `joint` between the words: '-' in
/// flags, '_' in a config file.
Read<OverflowPolicy> read_overflow(std::string_view text, std::span<const OverflowPolicy> supported,
                                   char joint);

/// "nats://HOST:PORT" or "tls://HOST:PORT", with or without the port.
Read<std::string> read_server_url(std::string_view text);

/// "20us", "500ms", "1.5s", "2m", "1h"; a number alone counts seconds.
Read<Duration> read_duration(std::string_view text);

/// The same, but 0 is refused.
Read<Duration> read_time_span(std::string_view text);

/// "auto" (nullopt), "off" (zero), or a duration: see LoopOptions::spin.
Read<std::optional<Duration>> read_spin(std::string_view text);

/// "4096", "64K", "1M", "2G": powers of 1024.
Read<std::size_t> read_size(std::string_view text);

/// The same, but 0 is refused: nothing could be delivered.
Read<std::size_t> read_room(std::string_view text);

/// The size of a message: 1 to bounds::max_message.
Read<std::size_t> read_message_size(std::string_view text);

/// A whole number of at least 1.
Read<std::size_t> read_count(std::string_view text);

/// The same, limited to the range of `Count`.
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

/// A known user or group, returned as it was written: the library takes a name or a number.
Read<std::string> read_user_name(std::string_view text);
Read<std::string> read_group_name(std::string_view text);

/// The address that a server listens on. Programs are refused, and so are texts probably meant for
/// TCP ("8080", "127.0.0.1:80"), unless "unix:" or "./" marks them as a file.
Read<Address> read_listening_address(std::string_view text);

/// A pattern of subjects.
Read<std::string> read_pattern(std::string_view text);

/// A pattern with at least one subject that a link forwards.
Read<std::string> read_link_pattern(std::string_view text);

/// "warn", "rebind" or "exit"
Read<PathLost> read_path_lost(std::string_view text);

/// An allow rule: "uid:alice", "group:video". A name must be known now, but it is kept as a name,
/// because its id may change later.
Read<AllowRule> read_allow_rule(std::string_view text);

/// Text in which \n, \r, \t, \0, \\ and \xHH stand for the bytes they name.
Read<std::string> read_escaped(std::string_view text);

/// WORD=REPLY, both with escapes, separated by the first "=".
Read<std::pair<std::string, std::string>> read_word_and_reply(std::string_view text);

/// "10s", "500ms"
std::string write_duration(Duration duration);

/// "1M", "64K", "1000"
std::string write_size(std::size_t size);

/// "1 byte", "2 bytes"
std::string counted(std::uint64_t count, std::string_view thing);

/// Whether a word is probably an address: it has a slash, a scheme or a leading "@", or it ends in
/// ".sock" or ".socket".
bool looks_like_address(std::string_view word);

}  // namespace hallway::tool
