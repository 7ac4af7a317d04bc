// SPDX-License-Identifier: Apache-2.0
//
// The opposite of a SubjectTree: subjects without wildcards, and which of them a pattern matches.
//
// The subjects are in one ordered map, token by token, so that everything below a token is side by
// side. A search compares the pattern with one subject and then goes directly to the next subject
// that can match: with m matches, and p beginnings of subjects that match the beginning of the
// pattern, it takes O((m + p) log n) comparisons of subjects. A pattern without wildcards takes
// O(log n). An ordered map, not a hash table: clients choose the subjects, and no choice can make
// it slow. Nothing recurses, so a subject may have any number of tokens.
#pragma once

#include <cstddef>
#include <cstdint>
#include <iterator>
#include <map>
#include <string>
#include <string_view>

#include "subject/pool.hpp"

namespace hallway::hub {

class SubjectIndex {
 public:
  /// The item of a subject; no_index if the subject is not here.
  [[nodiscard]] Index find(std::string_view subject) const {
    const auto found = items_.find(subject);
    return found == items_.end() ? no_index : found->second;
  }

  /// Precondition: the subject is not here. Out of memory, it throws and changes nothing.
  /// @return the subject as it is stored, valid until it is erased
  std::string_view insert(std::string_view subject, Index item) {
    return items_.emplace(subject, item).first->first;
  }

  /// Precondition: the subject is here.
  void erase(std::string_view subject) noexcept { items_.erase(items_.find(subject)); }

  [[nodiscard]] std::size_t size() const noexcept { return items_.size(); }

  /// Calls visit(Index) for each subject, in the order of the index.
  template <typename Visit>
  void for_each(Visit visit) const {
    for (const auto& [subject, item] : items_) visit(item);
  }

  /// A search that can be interrupted. Between two calls of advance(), subjects may be inserted and
  /// erased: of these, it finds those behind its position.
  class Search {
   public:
    /// @param pattern  valid
    explicit Search(std::string pattern);

    /// Compares at most `most` subjects, and calls visit(Index) for each that matches, in the order
    /// of the index. `visit` must not change the index.
    /// @return false if the search is complete
    template <typename Visit>
    bool advance(const SubjectIndex& index, std::size_t most, Visit visit) {
      if (done_) return false;
      auto at = index.items_.lower_bound(position_);
      for (std::size_t i = 0; i < most && at != index.items_.end(); ++i) {
        const Step step = step_at(at->first);
        if (step == Step::match) visit(at->second);
        if (step == Step::end) {
          at = index.items_.end();
        } else {
          at = step == Step::seek ? index.items_.lower_bound(position_) : std::next(at);
        }
      }
      done_ = at == index.items_.end();
      if (!done_) position_ = at->first;
      return !done_;
    }

   private:
    /// What follows the comparison with one subject.
    enum class Step : std::uint8_t {
      match,  // go on with the next subject
      skip,   // the same; this one does not match
      seek,   // go on at position_: no subject before it matches
      end,    // no further subject matches
    };
    [[nodiscard]] Step step_at(std::string_view subject);
    [[nodiscard]] Step seek_behind(std::string_view tokens);

    std::string pattern_;
    std::string position_;
    bool done_ = false;
  };

 private:
  /// Orders subjects by their tokens: a dot comes before every other byte.
  struct Order {
    using is_transparent = void;  // NOLINT(readability-identifier-naming): as the library asks
    bool operator()(std::string_view one, std::string_view other) const noexcept;
  };

  std::map<std::string, Index, Order> items_;
};

}  // namespace hallway::hub
