// SPDX-License-Identifier: Apache-2.0
//
// As much of JSON (RFC 8259) as a hub needs: a reader for the members of a received object, and a
// writer for an object of strings, numbers, booleans and arrays of objects.
#pragma once

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace hallway::hub {

enum class JsonKind : std::uint8_t { null, boolean, number, string, array, object };

/// One member of an object. Names and strings are as they were written, without their quotes;
/// escapes are not decoded. The views refer to the text that the reader was given.
struct JsonMember {
  std::string_view name;
  JsonKind kind = JsonKind::null;
  std::string_view value;
};

/// Reads the members of one object from the first to the last.
///
///     JsonReader reader(text);
///     while (const JsonMember* member = reader.next()) ...
///     if (!reader.valid()) ...   // not JSON, or not an object
class JsonReader {
 public:
  /// Maximum nesting of arrays and objects in a member; deeper text is not valid.
  static constexpr std::size_t deepest = 64;

  explicit JsonReader(std::string_view text) noexcept;

  /// @return nullptr if there are no more members, or the text is not valid
  const JsonMember* next() noexcept;

  /// Whether the text read so far is valid; after next() returned nullptr, whether the whole text
  /// is. `null` counts as an object without members.
  [[nodiscard]] bool valid() const noexcept { return valid_; }

 private:
  struct Open;

  void skip_blanks() noexcept;
  bool take(char character) noexcept;
  bool take_word(std::string_view word) noexcept;
  bool take_digits() noexcept;
  bool take_string(std::string_view& content) noexcept;
  bool take_number() noexcept;
  bool take_scalar(JsonKind& kind) noexcept;
  bool take_value(JsonMember& member) noexcept;
  bool take_name(std::string_view& name) noexcept;
  bool take_nested() noexcept;
  [[nodiscard]] bool begins_nested() const noexcept;
  bool enter(Open& open) noexcept;
  bool leave(Open& open) noexcept;
  bool take_separator(const Open& open, bool first) noexcept;
  bool take_plain() noexcept;
  const JsonMember* end(bool valid) noexcept;

  std::string_view rest_;
  JsonMember member_;
  bool first_ = true;
  bool valid_ = true;
  bool done_ = false;
};

/// Builds the text of an object, member by member.
class JsonObject {
 public:
  /// Adds a string, escaped as JSON requires. JSON carries only text: a value that is not UTF-8 is
  /// added in base64, as the member NAME_base64.
  JsonObject& add(std::string_view name, std::string_view value);
  JsonObject& add(std::string_view name, const char* value) {
    return add(name, std::string_view(value));
  }
  JsonObject& add(std::string_view name, std::same_as<bool> auto value) {
    return add_bare(name, value ? "true" : "false");
  }
  JsonObject& add(std::string_view name, std::unsigned_integral auto value)
    requires(!std::same_as<decltype(value), bool>)
  {
    return add_bare(name, std::to_string(value));
  }

  /// Adds an array of objects.
  JsonObject& add(std::string_view name, std::span<const JsonObject> objects);

  [[nodiscard]] std::string text() const { return text_ + '}'; }

 private:
  JsonObject& add_bare(std::string_view name, std::string_view value);

  std::string text_ = "{";
};

}  // namespace hallway::hub
