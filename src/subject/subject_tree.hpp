// SPDX-License-Identifier: Apache-2.0
//
// All subscriptions by subject: a tree with one step a token.
//
// A step is found by the node and the hash of the token, in one table for the whole tree. So a
// token is hashed once for a message however many ways the wildcards open, and nobody who
// subscribes can make any table degenerate: the hash has a key. No function recurses: a subject may
// be as deep as its writer likes.
//
// What costs time in a large tree is waiting for memory. So a way that leads to one end only is one
// node, until another branches off; all that is asked of a node is in one cache line, its tokens
// (if they are no long ones) and its only subscription among it; and all ways are gone along
// together, token by token: they wait at the same time.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "core/siphash.hpp"
#include "subject/hash_index.hpp"
#include "subject/pool.hpp"
#include "subject/string_interner.hpp"
#include "subject/subscription.hpp"

namespace hallway::hub {

/// Whom a subject concerns.
struct MatchResult {
  struct Member {
    Symbol group;
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
  [[nodiscard]] Subscription* find(SubscriptionId id) const noexcept {
    const Slot& slot = slots_[id.index];
    return slot.serial == id.serial ? slot.subscription : nullptr;
  }

  /// Replaces what is in `concerned`. Nobody, where a token is empty.
  /// @return how much that took, in nodes, tokens and cache lines: wildcards may make it many
  std::size_t collect(std::string_view subject, MatchResult& result);

  [[nodiscard]] std::size_t size() const noexcept { return slots_.size(); }
  /// Of the tree, its root among them. One that stood where ways parted may stay while it leads on.
  [[nodiscard]] std::size_t nodes() const noexcept { return nodes_.size(); }

 private:
  struct alignas(64) Node {
    std::string tokens;            // what leads here from the parent; of a leaf, up to its end
    std::uint32_t first_size = 0;  // of the first of them
    Index parent = no_index;
    Index any_one = no_index;    // the child for `*`
    Index any_more = no_index;   // the child for `>`
    std::uint32_t children = 0;  // by tokens
    Index slot = no_index;       // the first of who is in no group
    std::uint32_t alone = 0;     // its serial, where no other sits there; or 0
    Index group = no_index;      // the first group

    [[nodiscard]] std::string_view first() const noexcept { return {tokens.data(), first_size}; }
    /// What follows the first token. Its node has no children.
    [[nodiscard]] bool has_tail() const noexcept { return tokens.size() > first_size; }
    [[nodiscard]] std::string_view tail() const noexcept {
      return std::string_view(tokens).substr(first_size + 1);
    }
  };
  static_assert(sizeof(Node) == 64, "one cache line");

  /// The subscriptions with one subject and one group. In the list of its node.
  struct Group {
    Index node = no_index;
    Symbol name = no_word;
    std::uint32_t hash = 0;  // of both
    Index slot = no_index;   // the first in it
    Index next = no_index;
    Index previous = no_index;
  };

  /// One subscription. In the list of its group, or else of its node.
  struct Slot {
    Subscription* subscription = nullptr;
    std::uint32_t serial = 0;  // of who sits here
    Index node = no_index;
    Index group = no_index;
    Index next = no_index;
    Index previous = no_index;
  };

  struct Token {
    std::string_view text;
    std::uint64_t hash;
  };

  [[nodiscard]] Token token_of(std::string_view text) const noexcept {
    return {text, core::SipHash::of(text, key_)};
  }
  /// Of a node and the hash of a text, which nobody knows who does not know the key: one
  /// multiplication spreads the nodes.
  [[nodiscard]] static std::uint32_t hash(Index node, std::uint64_t text) noexcept {
    return static_cast<std::uint32_t>(((text + node) * 0x9e3779b97f4a7c15U) >> 32U);
  }

  [[nodiscard]] Index child(Index node, std::uint32_t hash, std::string_view text) const noexcept;
  [[nodiscard]] Index child_of_pattern(Index node, const Token& token) const noexcept;
  Index grow(std::string_view subject);
  Index grow_leaf(Index node, std::string_view tokens);
  Index split(Index leaf);
  void attach(Index node) noexcept;
  void detach(Index node) noexcept;
  void prune(Index node) noexcept;

  Index group_in(Index node, std::string_view name);
  void end_group(Index index) noexcept;
  /// The first in the list that this seat is in.
  [[nodiscard]] Index& first_beside(const Slot& slot) noexcept {
    return slot.group == no_index ? nodes_[slot.node].slot : groups_[slot.group].slot;
  }
  void note_who_is_alone(Index node) noexcept;

  bool read_path(std::string_view subject);
  std::size_t take_step(std::size_t depth, std::string_view rest, MatchResult& result);
  void gather(Index node, MatchResult& result) const;

  core::HashKey key_;
  Pool<Node> nodes_;
  HashIndex steps_;         // nodes by parent and token
  StringInterner symbols_;  // names of groups
  Pool<Group> groups_;
  HashIndex group_index_;  // by node and name
  Pool<Slot> slots_;
  std::uint32_t last_serial_ = 0;

  // What collect() works with.
  struct Search {
    Index node;
    std::uint32_t hash;  // of what is searched for there
  };
  std::vector<Token> path_;
  std::vector<Index> reached_;
  std::vector<Search> searches_;
  std::vector<Index> next_;
};

}  // namespace hallway::hub
