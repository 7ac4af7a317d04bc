// SPDX-License-Identifier: Apache-2.0
#include "subject/string_interner.hpp"

#include <utility>

namespace hallway::hub {

Symbol StringInterner::acquire(std::string_view text) {
  const std::uint32_t hash = this->hash(text);
  Symbol word = find(text, hash);
  if (word == no_word) {
    std::string kept(text);
    index_.reserve_one();
    word = entries_.acquire();
    entries_[word] = {std::move(kept), hash, 0};
    index_.insert(hash, word);
  }
  ++entries_[word].references;
  return word;
}

void StringInterner::release(Symbol word) noexcept {
  Entry& entry = entries_[word];
  if (--entry.references > 0) return;
  index_.erase(entry.hash, word);
  entries_.release(word);
}

}  // namespace hallway::hub
