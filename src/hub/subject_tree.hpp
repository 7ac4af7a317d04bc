// SPDX-License-Identifier: Apache-2.0
//
// All subscriptions by subject: a tree with one step a token.
//
// A step is found by two numbers, the node and the word that the token is, in one table for the
// whole tree. So a token is hashed once for a message however many ways the wildcards open, and
// nobody who subscribes can make any table degenerate. No function recurses: a subject may be as
// deep as its writer likes.
//
// What costs time in a large tree is waiting for memory. All ways are gone along together, token by
// token, so that they wait at the same time.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

#include "core/siphash.hpp"
#include "hub/hash_index.hpp"
#include "hub/pool.hpp"
#include "hub/subscription.hpp"
#include "hub/word_table.hpp"

namespace hallway::hub {

/// Whom a subject concerns.
struct Concerned {
  struct Member {
    Word group;
    SubscriptionId id;
  };
  std::vector<SubscriptionId> all;  ///< each gets the message
  std::vector<Member> members;      ///< of each group one does; those of a group side by side

  [[nodiscard]] std::size_t size() const noexcept { return all.size() + members.size(); }
};

class SubjectTree {
 public:
  explicit SubjectTree(const core::HashKey& key);

  /// Precondition: its subject is valid, and it is in no tree.
  /// @return whether it is the first with this subject and group
  bool add(Subscription& subscription);

  /// Precondition: it is here. @return whether it was the last with this subject and group
  bool remove(Subscription& subscription) noexcept;

  /// nullptr once it was removed.
  [[nodiscard]] Subscription* find(SubscriptionId id) const noexcept;

  /// Replaces what is in `concerned`. Nobody, where a token is empty.
  void collect(std::string_view subject, Concerned& concerned);

  [[nodiscard]] std::size_t size() const noexcept { return seats_.size(); }
  /// Of the tree, its root among them.
  [[nodiscard]] std::size_t nodes() const noexcept { return nodes_.size(); }

 private:
  // Half a cache line, and never in two.
  struct alignas(32) Node {
    Index parent = no_index;
    Word word = no_word;           // what leads here from the parent; no_word of the wildcards
    Index any_one = no_index;      // the child for `*`
    Index any_more = no_index;     // the child for `>`
    std::uint32_t children = 0;    // by words
    Index known_child = no_index;  // one of them, which needs no search; maybe none
    Index seat = no_index;         // the first of who is in no group
    Index group = no_index;        // the first group
  };

  /// The subscriptions with one subject and one group. In the list of its node.
  struct Group {
    Index node = no_index;
    Word name = no_word;
    Index seat = no_index;  // the first in it
    Index next = no_index;
    Index previous = no_index;
  };

  /// One subscription. In the list of its group, or else of its node.
  struct Seat {
    Subscription* subscription = nullptr;
    std::uint32_t serial = 0;  // of who sits here
    Index node = no_index;
    Index group = no_index;
    Index next = no_index;
    Index previous = no_index;
  };

  /// A token of a subject that is matched.
  struct Step {
    std::string_view token;
    std::uint32_t hash;
    Word word;
  };

  /// Whether there are children by words beside the known one.
  [[nodiscard]] static bool has_others(const Node& node) noexcept {
    return node.children > (node.known_child == no_index ? 0 : 1);
  }
  [[nodiscard]] Index child(Index node, Word word) const noexcept;
  Index grow(std::string_view subject);
  Index grow_child(Index node, std::string_view token);
  void prune(Index node) noexcept;
  void cut_off(Index node) noexcept;

  Index group_in(Index node, std::string_view name);
  void end_group(Index index) noexcept;
  /// The first in the list that this seat is in.
  [[nodiscard]] Index& first_beside(const Seat& seat) noexcept {
    return seat.group == no_index ? nodes_[seat.node].seat : groups_[seat.group].seat;
  }

  bool read_path(std::string_view subject);
  void take_step(Word word, Concerned& concerned);
  void gather(Index node, Concerned& concerned) const;

  [[nodiscard]] std::uint32_t hash(Index one, Index other) const noexcept;

  std::uint64_t mixed_in_;  // the key of hash()
  WordTable words_;         // tokens, and names of groups
  Pool<Node> nodes_;
  HashIndex steps_;  // nodes by parent and word
  Pool<Group> groups_;
  HashIndex group_index_;  // by node and name
  Pool<Seat> seats_;
  std::uint32_t last_serial_ = 0;

  // What collect() works with.
  std::vector<Step> path_;
  std::vector<Index> reached_;
  std::vector<Index> next_;
};

}  // namespace hallway::hub
