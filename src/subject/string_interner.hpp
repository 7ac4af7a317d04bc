// SPDX-License-Identifier: Apache-2.0
//
// Stores each distinct string once, with a number: strings are equal if their numbers are. Peers
// choose the strings, so the hash has a key.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "core/siphash.hpp"
#include "subject/hash_index.hpp"
#include "subject/pool.hpp"

namespace hallway::hub {

/// The number of a string, valid as long as a reference to the string is held.
using Symbol = Index;
inline constexpr Symbol no_word = no_index;

class StringInterner {
 public:
  explicit StringInterner(const core::HashKey& key) : key_(key) {}

  [[nodiscard]] std::uint32_t hash(std::string_view text) const noexcept {
    return static_cast<std::uint32_t>(core::SipHash::of(text, key_));
  }

  /// no_word if the string is not stored.
  /// @param hash  of the text
  [[nodiscard]] Symbol find(std::string_view text, std::uint32_t hash) const noexcept {
    return index_.find(hash, [&](Index index) { return entries_[index].text == text; });
  }

  /// The number of the string, with one more reference. Each reference is returned with release().
  Symbol acquire(std::string_view text);
  void release(Symbol word) noexcept;

  [[nodiscard]] std::size_t size() const noexcept { return entries_.size(); }

 private:
  struct Entry {
    std::string text;
    std::uint32_t hash = 0;
    std::uint32_t references = 0;
  };

  core::HashKey key_;
  Pool<Entry> entries_;
  HashIndex index_;
};

}  // namespace hallway::hub
