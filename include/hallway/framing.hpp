// SPDX-License-Identifier: Apache-2.0
// Layer: wire
//
// How a stream of bytes is divided into messages.
//
//   lines     up to a line feed; a carriage return before it is dropped; at the end of the stream,
//             a last line without a line feed also counts. A message sent with a line feed inside
//             arrives as several.
//   null      up to a NUL byte; at the end of the stream, a last message without it also counts
//   len32     a 32-bit length in host order, then that number of bytes (len32be, len32le: length
//             in big- or little-endian order)
//   raw[:N]   the bytes that have arrived, at most N: no boundaries
//
// Reading and writing frames is pure: bytes in, values out, no descriptor, no clock, no allocation.
// Thread: any.
#pragma once

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>

#include <hallway/bytes.hpp>
#include <hallway/error.hpp>
#include <hallway/export.hpp>

namespace hallway {

/// The result of looking for the next message in received bytes.
struct Frame {
  enum class State : std::uint8_t {
    complete,    ///< `message` is whole; its frame has `consumed` bytes
    incomplete,  ///< more bytes are needed
    too_large,   ///< the message, or the length it announces, is over the limit
  };
  State state = State::incomplete;
  std::size_t consumed = 0;
  ByteView message = {};  ///< borrowed from the input
};

/// A framing: a small value, copied freely.
class HALLWAY_EXPORT Framing {
 public:
  enum class Kind : std::uint8_t { lines, null, len32, len32be, len32le, raw };

  static constexpr Framing lines() noexcept { return {Kind::lines, 0}; }
  static constexpr Framing null() noexcept { return {Kind::null, 0}; }
  static constexpr Framing len32() noexcept { return {Kind::len32, 0}; }
  static constexpr Framing len32be() noexcept { return {Kind::len32be, 0}; }
  static constexpr Framing len32le() noexcept { return {Kind::len32le, 0}; }
  /// @param max_message  largest message, in bytes; 0 counts as 1
  static constexpr Framing raw(std::uint32_t max_message = UINT32_MAX) noexcept {
    return {Kind::raw, max_message > 0 ? max_message : 1};
  }

  /// Reads the names above: "lines", "len32be", "raw", "raw:16".
  static Result<Framing> parse(std::string_view text);
  [[nodiscard]] std::string to_string() const;

  [[nodiscard]] constexpr Kind kind() const noexcept { return kind_; }
  friend constexpr bool operator==(Framing, Framing) noexcept = default;

  /// Finds the first message in `input`.
  /// @param limit    largest message accepted, in bytes
  /// @param scanned  leading bytes of `input` known to hold no delimiter. They are not searched
  ///                 again, so a long line that arrives in small pieces takes linear time
  [[nodiscard]] Frame next(ByteView input, std::size_t limit, std::size_t scanned = 0) const;

  /// The message that remains when the stream ends after `rest`, which next() found incomplete.
  /// Incomplete if the framing needs more bytes: the peer closed in the middle of a message.
  [[nodiscard]] Frame last(ByteView rest, std::size_t limit) const noexcept;

  /// How many bytes a frame adds to its message.
  [[nodiscard]] constexpr std::size_t overhead() const noexcept { return overhead_; }

  /// Writes the frame of `message` to `out`, which must have room for message.size() + overhead()
  /// bytes. Returns the end of what was written.
  char* write(ByteView message, char* out) const noexcept;

  /// As write(), for a message of `size` bytes that is not copied: only the bytes before it and the
  /// bytes after it, overhead() bytes together.
  char* write_head(std::size_t size, char* out) const noexcept;
  char* write_tail(char* out) const noexcept;

  /// Size of a length prefix, in bytes.
  static constexpr std::size_t length_size = 4;

 private:
  constexpr Framing(Kind kind, std::uint32_t max_message) noexcept
      : kind_(kind), overhead_(overhead_of(kind)), max_message_(max_message) {}

  static constexpr std::uint8_t overhead_of(Kind kind) noexcept {
    switch (kind) {
      case Kind::lines:
      case Kind::null: return 1;
      case Kind::raw: return 0;
      default: return length_size;
    }
  }

  [[nodiscard]] Frame next_delimited(ByteView input, std::size_t limit, std::size_t scanned,
                                     char delimiter) const noexcept;
  [[nodiscard]] Frame next_counted(ByteView input, std::size_t limit) const noexcept;
  [[nodiscard]] constexpr bool counted() const noexcept {
    return kind_ >= Kind::len32 && kind_ <= Kind::len32le;
  }
  [[nodiscard]] std::uint32_t in_wire_order(std::uint32_t length) const noexcept;

  Kind kind_;
  std::uint8_t overhead_;
  std::uint32_t max_message_;  // raw only
};

// The rest is in the header because it is the inner loop of receive() and send().

inline std::uint32_t Framing::in_wire_order(std::uint32_t length) const noexcept {
  constexpr bool little = std::endian::native == std::endian::little;
  const bool swap = (kind_ == Kind::len32be && little) || (kind_ == Kind::len32le && !little);
  return swap ? __builtin_bswap32(length) : length;
}

inline Frame Framing::next_delimited(ByteView input, std::size_t limit, std::size_t scanned,
                                     char delimiter) const noexcept {
  const char* begin = input.data() + scanned;
  const auto* found =
      static_cast<const char*>(std::memchr(begin, delimiter, input.size() - scanned));
  if (found == nullptr) {
    // One byte over the limit may still be the carriage return that does not count.
    const bool over_limit = input.size() > limit + (kind_ == Kind::lines ? 1 : 0);
    return {over_limit ? Frame::State::too_large : Frame::State::incomplete};
  }
  auto size = static_cast<std::size_t>(found - input.data());
  const std::size_t consumed = size + 1;
  if (kind_ == Kind::lines && size > 0 && input[size - 1] == '\r') --size;
  if (size > limit) return {Frame::State::too_large};
  return {Frame::State::complete, consumed, input.substr(0, size)};
}

inline Frame Framing::next_counted(ByteView input, std::size_t limit) const noexcept {
  if (input.size() < length_size) return {};
  std::uint32_t wire = 0;
  std::memcpy(&wire, input.data(), length_size);
  const std::size_t length = in_wire_order(wire);
  // Checked before anything is allocated or awaited: a peer may announce any length.
  if (length > limit) return {Frame::State::too_large};
  if (input.size() - length_size < length) return {};
  return {Frame::State::complete, length_size + length, input.substr(length_size, length)};
}

inline Frame Framing::next(ByteView input, std::size_t limit, std::size_t scanned) const {
  if (input.empty()) return {};
  switch (kind_) {
    case Kind::lines: return next_delimited(input, limit, scanned, '\n');
    case Kind::null: return next_delimited(input, limit, scanned, '\0');
    case Kind::raw: {
      if (limit == 0) return {Frame::State::too_large};
      const std::size_t size = std::min({input.size(), std::size_t{max_message_}, limit});
      return {Frame::State::complete, size, input.substr(0, size)};
    }
    default: return next_counted(input, limit);
  }
}

inline char* Framing::write_head(std::size_t size, char* out) const noexcept {
  if (!counted()) return out;
  const std::uint32_t wire = in_wire_order(static_cast<std::uint32_t>(size));
  std::memcpy(out, &wire, length_size);
  return out + length_size;
}

inline char* Framing::write_tail(char* out) const noexcept {
  if (kind_ == Kind::lines) *out++ = '\n';
  if (kind_ == Kind::null) *out++ = '\0';
  return out;
}

inline char* Framing::write(ByteView message, char* out) const noexcept {
  out = write_head(message.size(), out);
  if (!message.empty()) std::memcpy(out, message.data(), message.size());
  out += message.size();
  return counted() ? out : write_tail(out);
}

}  // namespace hallway
