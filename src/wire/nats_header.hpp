// SPDX-License-Identifier: Apache-2.0
//
// The header block of an HPUB or HMSG:
//
//     NATS/1.0[ STATUS[ DESCRIPTION]] CR LF
//     NAME: VALUE CR LF       any number of them; names may repeat
//     CR LF
//
// A server forwards blocks unchanged, valid or not, and parses one only if it must.
#pragma once

#include <cstddef>
#include <optional>
#include <span>

#include <hallway/bytes.hpp>

namespace hallway::nats {

/// If a request has no subscriber, a requester with no_responders receives an HMSG of this header
/// and no payload, on its reply subject.
inline constexpr ByteView no_responders_header = "NATS/1.0 503\r\n\r\n";

struct HeaderField {
  ByteView name;
  ByteView value;
};

/// A view of a valid block.
class HeaderBlock {
 public:
  /// Blanks around a value are not part of it.
  /// @return nullopt if `block` is not of the form above
  static std::optional<HeaderBlock> parse(ByteView block) noexcept;

  /// A status such as "503", and the text after it; both are empty in a block that only carries
  /// fields.
  [[nodiscard]] ByteView status() const noexcept;
  [[nodiscard]] ByteView description() const noexcept;

  /// The value of the first field of that name, which is case-sensitive.
  [[nodiscard]] std::optional<ByteView> find(ByteView name) const noexcept;

  /// Calls visit(HeaderField) for each field, in order.
  template <typename Visit>
  void for_each(Visit visit) const {
    for (ByteView rest = fields_; const auto field = take_field(rest);) visit(*field);
  }

  /// The size of this block with `fields` at its end, and without earlier fields of the same names
  /// in any case: a publisher cannot forge what a hub states about it. A field without a value is
  /// only removed. A default-constructed block has no fields; it is for messages that came without
  /// a block.
  /// @param fields  no carriage return or line feed in them, nor a colon in a name
  [[nodiscard]] std::size_t size_with(std::span<const HeaderField> fields) const noexcept;

  /// Writes that block and returns the end of what was written.
  char* write_with(std::span<const HeaderField> fields, char* out) const noexcept;

  /// Whether the block has a field with one of these names, in any case.
  [[nodiscard]] bool has_any_of(std::span<const HeaderField> fields) const noexcept;

 private:
  static std::optional<HeaderField> take_field(ByteView& rest) noexcept;

  template <typename Visit>
  void for_each_line_but(std::span<const HeaderField> fields, Visit visit) const;

  ByteView first_line_;  // after NATS/1.0
  ByteView fields_;
};

}  // namespace hallway::nats
