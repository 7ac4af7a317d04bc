// SPDX-License-Identifier: Apache-2.0
//
// The header block of an HPUB or HMSG:
//
//     NATS/1.0[ STATUS[ DESCRIPTION]] CR LF
//     NAME: VALUE CR LF       any number of them; a name may come again
//     CR LF
//
// A server carries blocks as they are, valid or not, and looks into one only where it must.
#pragma once

#include <cstddef>
#include <optional>
#include <span>

#include <hallway/bytes.hpp>

namespace hallway::nats {

/// What a requester with no_responders hears, from the subject it asked, when nobody listens there:
/// an HMSG of this header and no payload.
inline constexpr ByteView no_responders_header = "NATS/1.0 503\r\n\r\n";

struct HeaderField {
  ByteView name;
  ByteView value;
};

/// A view of a valid block.
class HeaderBlock {
 public:
  /// nullopt: it is not of the form above. Blanks around a value are not part of it.
  static std::optional<HeaderBlock> parse(ByteView block) noexcept;

  /// "503", and what follows it; both empty in a block that only carries fields.
  [[nodiscard]] ByteView status() const noexcept;
  [[nodiscard]] ByteView description() const noexcept;

  /// The value of the first field of that name, whose case counts.
  [[nodiscard]] std::optional<ByteView> find(ByteView name) const noexcept;

  /// Calls visit(HeaderField) for each field in its order.
  template <typename Visit>
  void for_each(Visit visit) const {
    for (ByteView rest = fields_; const auto field = take_field(rest);) visit(*field);
  }

  /// The bytes of this block with `fields` at its end, and without whatever had one of their names,
  /// in any case, before: what a hub says of a publisher is nothing a publisher can say. A field
  /// without a value is only taken away. A block made by default has no fields, for messages that
  /// came without one.
  /// @param fields  no carriage return or line feed in them, nor a colon in a name
  [[nodiscard]] std::size_t size_with(std::span<const HeaderField> fields) const noexcept;

  /// Writes them and returns the end of what was written.
  char* write_with(std::span<const HeaderField> fields, char* out) const noexcept;

  /// Whether there is a field with one of these names, in any case.
  [[nodiscard]] bool has_any_of(std::span<const HeaderField> fields) const noexcept;

 private:
  static std::optional<HeaderField> take_field(ByteView& rest) noexcept;

  template <typename Visit>
  void for_each_line_but(std::span<const HeaderField> fields, Visit visit) const;

  ByteView first_line_;  // behind NATS/1.0
  ByteView fields_;
};

}  // namespace hallway::nats
