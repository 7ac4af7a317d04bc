// SPDX-License-Identifier: Apache-2.0
//
// Parses the bytes of a NATS client or server into operations.
//
//     parser.arrive(piece);
//     while (const Operation* operation = parser.next()) act_on(*operation);
//     if (parser.error() != ProtocolError::none) ...   // send text_of(it, verb()), then close
//
// An operation that lies within one piece is returned as views into the piece. Only an operation
// that is split across pieces is copied, into a buffer of the parser's own that grows with the
// bytes that arrive, never by a size that the peer announces. How a stream is split into pieces
// does not change the operations found.
//
// It accepts what nats-server 2.9.10 accepts:
//   - verbs in any case
//   - spaces, tabs and carriage returns between arguments
//   - a line feed alone at the end of a line, but not of a payload
//   - anything after PING, PONG and +OK
//   - no space after CONNECT and INFO
//   - sizes of one to nine digits
//   - an UNSUB max that is not a number, as 0
// It differs where that server contradicts itself:
//   - A line feed always ends the line. In nats-server, one before the first argument belongs to
//     that argument, and `PUB \nx 1` reaches subscribers as a broken line.
//   - A carriage return separates arguments in every line. In nats-server, it does not in PUB's; it
//     also removes the last byte of a line that ends with a line feed alone, and is lost from a
//     line that is split across pieces.
//   - HMSG from a client is an unknown operation. nats-server takes it for a message to no subject.
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

/// Which side sends the operations.
enum class Sender : std::uint8_t { client, server };

/// The defaults are those of nats-server.
struct ParserLimits {
  /// Bytes of a line after its verb and the blanks that follow it.
  std::size_t control_line = 4 * kibibyte;
  /// Bytes of a payload, including its header.
  std::size_t payload = 1 * mebibyte;
};

class Parser {
 public:
  explicit Parser(Sender sender, ParserLimits limits = {}) noexcept;

  /// Gives the parser the next bytes of the stream, borrowed until next() has returned nullptr.
  /// Precondition: it has returned nullptr for the previous bytes.
  void arrive(ByteView piece) noexcept;

  /// The next operation; its views are valid until next() or arrive() is called again.
  /// @return nullptr if no complete operation is left, or if error() reports why no more will
  ///         follow
  const Operation* next();

  [[nodiscard]] ProtocolError error() const noexcept { return error_; }

  /// The verb of the malformed operation, if error() is malformed_arguments.
  [[nodiscard]] Verb verb() const noexcept { return operation_.verb; }

  /// Bytes that the parser will own once the current operation has arrived, if that is split; else
  /// 0.
  [[nodiscard]] std::size_t rest_memory() const noexcept {
    if (kept_size_ == 0) return 0;
    return phase_ == Phase::payload ? payload_at_ + payload_size_ + 2 : kept_.size();
  }

  /// Bytes of memory that the parser owns: at most what the limits allow and three more.
  [[nodiscard]] std::size_t memory() const noexcept { return kept_.size(); }

 private:
  /// What is read next. An operation passes through the phases in this order and may skip some.
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

  /// The position of a field in a line.
  struct Field {
    std::uint8_t at = 0;
    std::uint8_t size = 0;
  };

  /// The line of the last operation with a payload. A publisher mostly repeats the same line, which
  /// is then not parsed again. There is none if its size is 0.
  struct Line {
    std::array<char, 96> bytes{};
    std::uint8_t size = 0;
    Verb verb = Verb::pub;
    Field subject, reply, sid, arguments;
  };

  bool repeat_line() noexcept;
  void remember_line() noexcept;

  // Each continues from at_ and returns false if the piece ends first or an error is found.
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

  // State of the current operation.
  const char* begin_ = nullptr;    // where it begins, if that is in this piece
  std::array<char, 8> letters_{};  // of a split verb, and how many
  std::size_t letter_count_ = 0;
  ByteView arguments_;           // once they are copied to kept_, only their size counts
  std::size_t header_size_ = 0;  // from the arguments
  std::size_t payload_size_ = 0;

  // Of a split operation: its arguments, then from payload_at_ on the received part of its payload.
  core::ReceiveBuffer kept_;
  std::size_t kept_size_ = 0;
  std::size_t payload_at_ = 0;
};

}  // namespace hallway::nats
