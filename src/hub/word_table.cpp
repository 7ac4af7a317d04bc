// SPDX-License-Identifier: Apache-2.0
#include "hub/word_table.hpp"

#include <utility>

namespace hallway::hub {

Word WordTable::use(std::string_view text) {
  const std::uint32_t hash = this->hash(text);
  Word word = find(text, hash);
  if (word == no_word) {
    std::string kept(text);
    index_.reserve_one();
    word = entries_.take();
    entries_[word] = {std::move(kept), hash, 0};
    index_.insert(hash, word);
  }
  ++entries_[word].uses;
  return word;
}

void WordTable::use_less(Word word) noexcept {
  Entry& entry = entries_[word];
  if (--entry.uses > 0) return;
  index_.erase(entry.hash, word);
  entries_.give_back(word);
}

}  // namespace hallway::hub
