// SPDX-License-Identifier: Apache-2.0
//
// The last value of each subject that a RetainRule names, for subscribers that come later. See
// "Retained values" in hallway/hub.hpp.
//
// Each rule has its bounds, and each user has a part of them. A value over a bound of its user
// replaces the oldest values of that user. A value over a bound of the rule replaces the oldest
// values of the user that has most of what is short: a user never loses a value to a user that has
// less. Values that are lost this way are counted.
//
// Pure: it does not depend on sockets, and callers pass the time.
#pragma once

#include <compare>
#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <hallway/bytes.hpp>
#include <hallway/hub_rules.hpp>
#include <hallway/loop.hpp>

#include "core/chunk.hpp"
#include "subject/pool.hpp"
#include "subject/subject_index.hpp"

namespace hallway::hub {

/// A message that may become the value of its subject.
struct RetainableMessage {
  ByteView subject;
  ByteView header;
  ByteView payload;             ///< empty: the subject has no value from now on
  std::uint32_t uid = 0;        ///< of the user that the value counts for
  std::uint64_t publisher = 0;  ///< the number of the connection; 0: one of a hub before this one
};

/// The value of a subject. Its bytes are stored once: the header, the payload, and a CR LF.
struct RetainedValue {
  RetainedValue() noexcept = default;

  std::string_view subject;
  core::Chunk bytes;
  std::size_t header_size = 0;
  Loop::Clock::time_point published;
  std::uint64_t serial = 0;  ///< values published later have higher ones
  std::uint64_t publisher = 0;
  std::size_t cost = 0;  ///< bytes of memory that it takes up
  std::uint32_t uid = 0;
  std::uint32_t rule = 0;
  // In the list of the user's values, from the oldest to the latest.
  Index previous = no_index;
  Index next = no_index;

  static constexpr ByteView line_end = "\r\n";

  [[nodiscard]] ByteView header() const noexcept { return {bytes.data(), header_size}; }
  [[nodiscard]] std::size_t payload_end() const noexcept { return bytes.size() - line_end.size(); }
  [[nodiscard]] ByteView payload() const noexcept {
    return {bytes.data() + header_size, payload_end() - header_size};
  }
};

/// Thread: one.
class RetainedValues {
 public:
  using Time = Loop::Clock::time_point;

  /// Names a value until it is replaced or lost, and nothing after that.
  struct Ref {
    std::uint64_t serial = 0;
    Index index = no_index;

    friend auto operator<=>(const Ref& one, const Ref& other) noexcept {
      return one.serial <=> other.serial;
    }
    friend bool operator==(const Ref& one, const Ref& other) noexcept {
      return one.serial == other.serial;
    }
  };

  struct Usage {
    std::uint64_t values = 0;
    std::uint64_t memory = 0;   ///< bytes
    std::uint64_t evicted = 0;  ///< values lost because a bound was reached
  };

  /// Whether messages on this subject may be retained at all: not those to inboxes, and not those
  /// that hubs, links and servers send each other.
  [[nodiscard]] static bool is_retainable(std::string_view subject) noexcept;

  /// Replaces the rules. Values that no rule names any longer are dropped, and not counted as lost;
  /// those over the new bounds are lost. Takes O(n log n) for n values. Out of memory, it throws
  /// and changes nothing.
  /// @param rules  valid
  void set_rules(const std::vector<RetainRule>& rules);

  /// Whether there is a rule.
  [[nodiscard]] bool active() const noexcept { return !groups_.empty(); }

  /// The message replaces the value of its subject, if a rule names that. Takes O(log n), and
  /// O(users) for each value that is lost to a bound of the rule. Out of memory, the subject has no
  /// value, which is counted as lost.
  /// @return whether a rule names the subject
  bool put(const RetainableMessage& message, Time now) noexcept;

  /// When the value of a subject was published; nullopt if it has none.
  [[nodiscard]] std::optional<Time> published(std::string_view subject) const;

  /// nullptr once the value was replaced or lost.
  [[nodiscard]] const RetainedValue* find(Ref ref) const noexcept;
  /// Whether the pattern may match a subject with a value. Takes O(rules).
  [[nodiscard]] bool may_match(std::string_view pattern) const noexcept;

  /// The serial of the latest message that put() stored or deleted; 0: none.
  [[nodiscard]] std::uint64_t last_serial() const noexcept { return last_serial_; }

  /// A search for the values of a pattern that were published before it began.
  class Search {
   public:
    Search(const RetainedValues& values, std::string pattern)
        : search_(std::move(pattern)), last_serial_(values.last_serial()) {}

    /// Compares at most `most` subjects, and adds what it finds to `found`.
    /// @return false if the search is complete
    bool advance(const RetainedValues& values, std::size_t most, std::vector<Ref>& found);

   private:
    SubjectIndex::Search search_;
    std::uint64_t last_serial_;
  };

  /// All values, from the oldest to the latest.
  [[nodiscard]] std::vector<Ref> all() const;

  [[nodiscard]] Usage usage() const noexcept { return usage_; }
  /// Calls visit(uid, Usage) for each user that has values, once for each rule.
  template <typename Visit>
  void for_each_user(Visit visit) const {
    for (const Group& group : groups_) {
      for (const auto& [uid, user] : group.users) visit(uid, user.usage);
    }
  }

 private:
  struct User {
    Usage usage;
    Index oldest = no_index;
    Index latest = no_index;
  };
  using Users = std::map<std::uint32_t, User>;

  /// A rule, and the values that it retains.
  struct Group {
    RetainRule rule;
    Usage usage;
    Users users;
  };
  using Groups = std::vector<Group>;

  static constexpr std::uint32_t no_rule = UINT32_MAX;

  [[nodiscard]] static std::uint32_t rule_of(const Groups& groups, std::string_view subject);
  void store(const RetainableMessage& message, std::uint32_t rule, Index old, Time now);
  [[nodiscard]] Index acquire(std::string_view subject);
  void release(Index index) noexcept;
  void link(User& user, Index index) noexcept;
  void unlink(Index index) noexcept;
  void erase(Index index) noexcept;
  static void forget_if_idle(Group& group, std::uint32_t uid) noexcept;
  void count_evicted(Group& group, std::uint32_t uid) noexcept;
  void evict(Group& group, Index index) noexcept;
  void keep_bounds_of_user(Group& group, Users::iterator user) noexcept;
  [[nodiscard]] static User& largest_user(Group& group, std::uint32_t first) noexcept;
  void keep_bounds(Group& group, std::uint32_t publisher) noexcept;

  Groups groups_;  // in the order of the rules
  Usage usage_;    // of all groups
  Pool<RetainedValue> values_;
  SubjectIndex index_;
  std::uint64_t last_serial_ = 0;
};

}  // namespace hallway::hub
