// SPDX-License-Identifier: Apache-2.0
//
// Bytes of a NATS client or server become operations.
//
//     parser.arrive(piece);
//     while (const Operation* operation = parser.next()) act_on(*operation);
//     if (parser.error() != ProtocolError::none) ...   // say text_of(it, verb()), then close
//
// An operation that lies whole in its piece is handed out as views into the piece. Only one that
// the end of a piece cuts is copied, into a buffer of the parser's own that grows with the bytes
// that arrive, never on the peer's word. How a stream is cut into pieces changes nothing in the
// operations found.
//
// It accepts what nats-server 2.9.10 accepts: verbs in any case; spaces, tabs and carriage returns
// between arguments; a line feed alone at the end of a line, but not of a payload; anything behind
// PING, PONG and +OK; no space behind CONNECT and INFO; sizes of one to nine digits, and as UNSUB's
// max anything that is no number for 0. It differs where that server contradicts itself:
//   - A line feed always ends the line. There, one in front of the first argument belongs to it,
//     and `PUB \nx 1` reaches subscribers as a broken line.
//   - A carriage return separates arguments in every line; there, not in PUB's. And there it costs
//     a line that ends with a line feed alone its last byte, and a line that was cut itself.
//   - HMSG of a client is an unknown operation. There it is taken for a message to nowhere.
// Thread: any, one at a time.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include <hallway/bytes.hpp>
#include <hallway/limits.hpp>

#include "core/receive_buffer.hpp"
#include "wire/nats_errors.hpp"
#include "wire/nats_operation.hpp"

namespace hallway::nats {

/// Whose operations are parsed.
enum class Sender : std::uint8_t { client, server };

/// nats-server's own defaults.
struct ParserLimits {
  /// Bytes of a line behind its verb and the blanks that follow it.
  std::size_t control_line = 4 * kibibyte;
  /// Bytes of a payload, its header counted.
  std::size_t payload = 1 * mebibyte;
};

class Parser {
 public:
  explicit Parser(Sender sender, ParserLimits limits = {}) noexcept;

  /// The next bytes of the stream, borrowed until next() has returned nullptr, which it must have
  /// done for those before.
  void arrive(ByteView piece) noexcept;

  /// The next operation; its views are valid until next() or arrive() is called again.
  /// nullptr: no whole one is left, or error() says why there will be none any more.
  const Operation* next();

  [[nodiscard]] ProtocolError error() const noexcept { return error_; }

  /// Of the operation that is malformed, where error() says that its arguments are.
  [[nodiscard]] Verb verb() const noexcept { return operation_.verb; }

  /// Bytes that it will own once the operation under way has arrived, where that was cut; else 0.
  [[nodiscard]] std::size_t rest_memory() const noexcept {
    if (kept_size_ == 0) return 0;
    return phase_ == Phase::payload ? payload_at_ + payload_size_ + 2 : kept_.size();
  }

  /// Bytes of memory that the parser owns: at most what the limits allow and three more.
  [[nodiscard]] std::size_t memory() const noexcept { return kept_.size(); }

 private:
  /// What comes next. An operation goes through them downwards and may leave some out.
  enum class Phase : std::uint8_t {
    verb,
    blank,
    blanks,
    line,
    rest_of_line,
    payload,
    whole,
    failed
  };

  static Phase phase_after(Verb verb) noexcept;

  /// Where something is in a line.
  struct Field {
    std::uint8_t at = 0;
    std::uint8_t size = 0;
  };

  /// The line of the last operation with a payload: who publishes mostly says the same again, and
  /// what is known of it then needs no second look. None if its size is 0.
  struct Line {
    std::array<char, 96> bytes{};
    std::uint8_t size = 0;
    Verb verb = Verb::pub;
    Field subject, reply, sid, arguments;
  };

  bool repeat_line() noexcept;
  void remember_line() noexcept;

  // Each goes on from at_ and returns false when the piece ends first, or when it failed.
  bool read_verb();
  bool read_blank() noexcept;
  bool skip_blanks() noexcept;
  bool read_line();
  bool skip_rest_of_line() noexcept;
  bool read_payload();

  bool read_arguments(ByteView line) noexcept;
  bool assign(ByteView line) noexcept;
  void attach(const char* payload) noexcept;
  bool fail(ProtocolError error) noexcept;

  [[nodiscard]] std::size_t unread() const noexcept { return static_cast<std::size_t>(end_ - at_); }
  [[nodiscard]] ByteView kept() const noexcept { return {kept_.data(), kept_size_}; }
  void keep(ByteView bytes, std::size_t most);
  void forget() noexcept;

  Sender sender_;
  ParserLimits limits_;
  const char* at_ = nullptr;
  const char* end_ = nullptr;
  Phase phase_ = Phase::verb;
  ProtocolError error_ = ProtocolError::none;
  Operation operation_;

  Line line_;

  // Of the operation that is under way.
  const char* begin_ = nullptr;    // where it begins, if that is in this piece
  std::array<char, 8> letters_{};  // of a verb that was cut, and how many
  std::size_t letter_count_ = 0;
  ByteView arguments_;           // once they are kept, too, only their size counts
  std::size_t header_size_ = 0;  // what they say
  std::size_t payload_size_ = 0;

  // Of one that was cut: its arguments, then from payload_at_ on what there is of its payload.
  core::ReceiveBuffer kept_;
  std::size_t kept_size_ = 0;
  std::size_t payload_at_ = 0;
};

}  // namespace hallway::nats
