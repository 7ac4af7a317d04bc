// SPDX-License-Identifier: Apache-2.0
//
// Each different word once, with a number: words are equal when their numbers are. The words are
// chosen by strangers, hence the key of the hash.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "core/siphash.hpp"
#include "hub/hash_index.hpp"
#include "hub/pool.hpp"

namespace hallway::hub {

/// The number of a word: good while somebody uses the word.
using Word = Index;
inline constexpr Word no_word = no_index;

class WordTable {
 public:
  explicit WordTable(const core::HashKey& key) : key_(key) {}

  [[nodiscard]] std::uint32_t hash(std::string_view text) const noexcept {
    return static_cast<std::uint32_t>(core::SipHash::of(text, key_));
  }

  /// no_word where nobody uses it. @param hash  of the text
  [[nodiscard]] Word find(std::string_view text, std::uint32_t hash) const noexcept {
    return index_.find(hash, [&](Index index) { return entries_[index].text == text; });
  }

  /// The word, used once more.
  Word use(std::string_view text);
  void use_less(Word word) noexcept;

  [[nodiscard]] std::size_t size() const noexcept { return entries_.size(); }

 private:
  struct Entry {
    std::string text;
    std::uint32_t hash = 0;
    std::uint32_t uses = 0;
  };

  core::HashKey key_;
  Pool<Entry> entries_;
  HashIndex index_;
};

}  // namespace hallway::hub
