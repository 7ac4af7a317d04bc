// SPDX-License-Identifier: Apache-2.0
//
// All subscriptions by subject: a tree with one level for each token.
//
// A child is found by its parent node and the hash of the token, in one table for the whole tree.
// So a token is hashed once for each message, however many paths the wildcards open. The hash has a
// key, so no subscriber can make a table degenerate. No function recurses, so a subject may have
// any depth.
//
// In a large tree, the time goes into cache misses. Three measures reduce them. Single-child paths
// are compressed into one node, until another path branches off. All that matching needs of a node
// is in one cache line, including its tokens (unless they are long) and its only subscription. The
// matcher advances all candidate paths level by level, so that their cache misses overlap.
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

/// The subscriptions that a subject matches.
struct MatchResult {
  struct Member {
    Symbol group;
    SubscriptionId id;
  };
  std::vector<SubscriptionId> all;  ///< each gets the message
  std::vector<Member> members;      ///< one of each group gets it; members of a group are adjacent

  [[nodiscard]] std::size_t size() const noexcept { return all.size() + members.size(); }
};

class SubjectTree {
 public:
  explicit SubjectTree(const core::HashKey& key);

  /// Precondition: its subject is valid, and it is in no tree.
  /// @return whether it is the first with this subject and group
  bool add(RoutedSubscription& subscription);

  /// Precondition: it is in this tree.
  /// @return whether it was the last with this subject and group
  bool remove(RoutedSubscription& subscription) noexcept;

  /// nullptr once the subscription was removed.
  [[nodiscard]] RoutedSubscription* find(SubscriptionId id) const noexcept {
    const Slot& slot = slots_[id.index];
    return slot.serial == id.serial ? slot.subscription : nullptr;
  }

  /// Replaces the contents of `result`. Empty if a token is empty.
  /// @return the work done, in nodes, tokens and cache lines: wildcards may make it large
  std::size_t collect(std::string_view subject, MatchResult& result);

  [[nodiscard]] std::size_t size() const noexcept { return slots_.size(); }
  /// The number of nodes, including the root. A node that was made for a branch stays while a path
  /// leads through it.
  [[nodiscard]] std::size_t nodes() const noexcept { return nodes_.size(); }

 private:
  struct alignas(64) Node {
    std::string tokens;            // the path from the parent; in a leaf, all tokens that remain
    std::uint32_t first_size = 0;  // the size of the first token
    Index parent = no_index;
    Index any_one = no_index;    // the child for `*`
    Index any_more = no_index;   // the child for `>`
    std::uint32_t children = 0;  // the number of children for literal tokens
    Index slot = no_index;       // the first subscription without a group
    std::uint32_t alone = 0;     // its serial, if it is the only one in that list; else 0
    Index group = no_index;      // the first group

    [[nodiscard]] std::string_view first() const noexcept { return {tokens.data(), first_size}; }
    /// The tokens after the first. A node that has them has no children.
    [[nodiscard]] bool has_tail() const noexcept { return tokens.size() > first_size; }
    [[nodiscard]] std::string_view tail() const noexcept {
      return std::string_view(tokens).substr(first_size + 1);
    }
  };
  static_assert(sizeof(Node) == 64, "one cache line");

  /// The subscriptions with one subject and one group. It is in the list of its node.
  struct Group {
    Index node = no_index;
    Symbol name = no_word;
    std::uint32_t hash = 0;  // of node and name
    Index slot = no_index;   // the first subscription in it
    Index next = no_index;
    Index previous = no_index;
  };

  /// One subscription. It is in the list of its group, or else of its node.
  struct Slot {
    RoutedSubscription* subscription = nullptr;
    std::uint32_t serial = 0;  // of the subscription in this slot
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
  /// Combines a node with the keyed hash of a token. That hash is unpredictable without the key, so
  /// one multiplication is enough to spread the nodes.
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
  /// The head of the list that this slot is in.
  [[nodiscard]] Index& first_beside(const Slot& slot) noexcept {
    return slot.group == no_index ? nodes_[slot.node].slot : groups_[slot.group].slot;
  }
  void update_alone(Index node) noexcept;

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

  // Buffers of collect().
  struct Search {
    Index node;
    std::uint32_t hash;  // of the node and the token
  };
  std::vector<Token> path_;
  std::vector<Index> reached_;
  std::vector<Search> searches_;
  std::vector<Index> next_;
};

}  // namespace hallway::hub
