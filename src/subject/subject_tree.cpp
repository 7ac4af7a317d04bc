// SPDX-License-Identifier: Apache-2.0
#include "subject/subject_tree.hpp"

#include <algorithm>
#include <cassert>
#include <utility>

#include "subject/subject.hpp"

namespace hallway::hub {

namespace {

constexpr Index root = 0;

constexpr std::size_t cache_line = 64;

std::string_view first_of(std::string_view tokens) { return tokens.substr(0, tokens.find('.')); }

}  // namespace

SubjectTree::SubjectTree(const core::HashKey& key) : key_(key), symbols_(key) { nodes_.acquire(); }

// Adding and removing ----------------------------------------------------------------------------

bool SubjectTree::add(RoutedSubscription& subscription) {
  assert(is_subject_pattern(subscription.subject_) && !subscription.routed());
  const Index index = slots_.acquire();
  Slot slot{.subscription = &subscription, .node = root};
  try {
    slot.node = grow(subscription.subject_);
    if (!subscription.group_.empty()) slot.group = group_in(slot.node, subscription.group_);
  } catch (...) {
    prune(slot.node);
    slots_.release(index);
    throw;
  }
  slot.serial = ++last_serial_;
  slot.next = std::exchange(first_beside(slot), index);
  if (slot.next != no_index) slots_[slot.next].previous = index;
  slots_[index] = slot;
  update_alone(slot.node);
  subscription.id_ = {index, slot.serial};
  return slot.next == no_index;
}

bool SubjectTree::remove(RoutedSubscription& subscription) noexcept {
  assert(find(subscription.id_) == &subscription);
  const Index index = std::exchange(subscription.id_, {}).index;
  const Slot slot = slots_[index];
  (slot.previous == no_index ? first_beside(slot) : slots_[slot.previous].next) = slot.next;
  if (slot.next != no_index) slots_[slot.next].previous = slot.previous;
  slots_.release(index);
  update_alone(slot.node);
  const bool last = first_beside(slot) == no_index;
  if (last && slot.group != no_index) end_group(slot.group);
  if (last) prune(slot.node);
  return last;
}

void SubjectTree::update_alone(Index node) noexcept {
  Node& at = nodes_[node];
  const bool alone = at.slot != no_index && slots_[at.slot].next == no_index;
  at.alone = alone ? slots_[at.slot].serial : 0;
}

// Groups -----------------------------------------------------------------------------------------

/// The group of that name in `node`; makes one if there is none.
Index SubjectTree::group_in(Index node, std::string_view name) {
  const Symbol symbol = symbols_.acquire(name);
  const std::uint32_t hash = SubjectTree::hash(node, token_of(name).hash);
  Index index = group_index_.find(hash, [&](Index known) {
    return groups_[known].node == node && groups_[known].name == symbol;
  });
  if (index != no_index) {
    symbols_.release(symbol);
    return index;
  }
  try {
    group_index_.reserve_one();
    index = groups_.acquire();
  } catch (...) {
    symbols_.release(symbol);
    throw;
  }
  Index& first = nodes_[node].group;
  groups_[index] = {.node = node, .name = symbol, .hash = hash, .next = first};
  if (first != no_index) groups_[first].previous = index;
  first = index;
  group_index_.insert(hash, index);
  return index;
}

void SubjectTree::end_group(Index index) noexcept {
  const Group group = groups_[index];
  const bool first = group.previous == no_index;
  (first ? nodes_[group.node].group : groups_[group.previous].next) = group.next;
  if (group.next != no_index) groups_[group.next].previous = group.previous;
  group_index_.erase(group.hash, index);
  groups_.release(index);
  symbols_.release(group.name);
}

// Nodes ------------------------------------------------------------------------------------------

/// @param hash  of the node and the token
Index SubjectTree::child(Index node, std::uint32_t hash, std::string_view text) const noexcept {
  return steps_.find(hash, [&](Index known) {
    return nodes_[known].parent == node && nodes_[known].first() == text;
  });
}

Index SubjectTree::child_of_pattern(Index node, const Token& token) const noexcept {
  if (token.text == "*") return nodes_[node].any_one;
  if (token.text == ">") return nodes_[node].any_more;
  return child(node, hash(node, token.hash), token.text);
}

/// The node of `subject`. Makes it and the nodes before it if there are none.
Index SubjectTree::grow(std::string_view subject) {
  Index node = root;
  for (std::string_view rest = subject; !rest.empty();) {
    const Token token = token_of(first_of(rest));
    Index next = child_of_pattern(node, token);
    if (next == no_index) return grow_leaf(node, rest);
    rest.remove_prefix(std::min(rest.size(), token.text.size() + 1));
    if (nodes_[next].has_tail()) {
      if (nodes_[next].tail() == rest) return next;
      next = split(next);
    }
    node = next;
  }
  return node;
}

Index SubjectTree::grow_leaf(Index node, std::string_view tokens) {
  std::string kept(tokens);
  steps_.reserve_one();
  const Index leaf = nodes_.acquire();
  nodes_[leaf].tokens = std::move(kept);
  nodes_[leaf].parent = node;
  attach(leaf);
  return leaf;
}

/// Inserts a node for the first token of a leaf between the leaf and its parent.
Index SubjectTree::split(Index leaf) {
  std::string first(nodes_[leaf].first());
  steps_.reserve_one();
  const Index between = nodes_.acquire();
  detach(leaf);
  nodes_[between].tokens = std::move(first);
  nodes_[between].parent = nodes_[leaf].parent;
  attach(between);
  nodes_[leaf].tokens.erase(0, nodes_[leaf].first_size + 1);
  nodes_[leaf].parent = between;
  attach(leaf);
  return between;
}

/// Links a node to its parent. Precondition: steps_.reserve_one().
void SubjectTree::attach(Index node) noexcept {
  Node& at = nodes_[node];
  Node& parent = nodes_[at.parent];
  const Token token = token_of(first_of(at.tokens));
  at.first_size = static_cast<std::uint32_t>(token.text.size());
  if (token.text == "*") {
    parent.any_one = node;
  } else if (token.text == ">") {
    parent.any_more = node;
  } else {
    steps_.insert(hash(at.parent, token.hash), node);
    ++parent.children;
  }
}

/// The opposite of attach().
void SubjectTree::detach(Index node) noexcept {
  const Node& at = nodes_[node];
  Node& parent = nodes_[at.parent];
  if (parent.any_one == node) {
    parent.any_one = no_index;
  } else if (parent.any_more == node) {
    parent.any_more = no_index;
  } else {
    steps_.erase(hash(at.parent, token_of(at.first()).hash), node);
    --parent.children;
  }
}

/// Removes the nodes that lead to no subscription, from `node` upwards.
void SubjectTree::prune(Index node) noexcept {
  while (node != root) {
    const Node& at = nodes_[node];
    const bool leads_on = at.children > 0 || at.any_one != no_index || at.any_more != no_index;
    if (leads_on || at.slot != no_index || at.group != no_index) return;
    const Index parent = at.parent;
    detach(node);
    nodes_.release(node);
    node = parent;
  }
}

// Matching ---------------------------------------------------------------------------------------

std::size_t SubjectTree::collect(std::string_view subject, MatchResult& result) {
  result.all.clear();
  result.members.clear();
  if (!read_path(subject)) return 0;
  reached_.assign(1, root);
  std::size_t work = 0;
  std::string_view rest = subject;
  for (std::size_t depth = 0; depth < path_.size(); ++depth) {
    work += take_step(depth, rest, result);
    rest.remove_prefix(std::min(rest.size(), path_[depth].text.size() + 1));
  }
  for (const Index node : reached_) {
    if (!nodes_[node].has_tail()) gather(node, result);
  }
  std::ranges::sort(result.members, {}, &MatchResult::Member::group);
  return work;
}

/// Reads the tokens of `subject`.
/// @return whether none is empty
bool SubjectTree::read_path(std::string_view subject) {
  path_.clear();
  const char* const end = subject.data() + subject.size();
  for (const char* at = subject.data();; ++at) {
    const char* const begin = at;
    while (at != end && *at != '.') ++at;
    if (at == begin) return false;
    path_.push_back(token_of({begin, at}));
    if (at == end) return true;
  }
}

/// Advances from the reached nodes to those that the next token leads to.
/// @param rest  of the subject, from that token on
/// @return the work done
std::size_t SubjectTree::take_step(std::size_t depth, std::string_view rest, MatchResult& result) {
  const Token& token = path_[depth];
  std::size_t work = 0;
  searches_.clear();
  next_.clear();
  for (const Index node : reached_) {
    const Node& at = nodes_[node];
    if (at.has_tail()) {
      if (at.tail() == rest || matches(at.tail(), rest)) gather(node, result);
      work += path_.size() - depth + rest.size() / cache_line;
      continue;
    }
    if (at.any_more != no_index) gather(at.any_more, result);
    if (at.any_one != no_index) {
      nodes_.prefetch(at.any_one);
      next_.push_back(at.any_one);
    }
    if (at.children > 0) {
      searches_.push_back({node, hash(node, token.hash)});
      steps_.prefetch(searches_.back().hash);
    }
  }
  for (const Search& search : searches_) {
    const Index found = child(search.node, search.hash, token.text);
    if (found != no_index) next_.push_back(found);
  }
  std::swap(reached_, next_);
  return work + reached_.size();
}

void SubjectTree::gather(Index node, MatchResult& result) const {
  const Node& at = nodes_[node];
  if (at.alone != 0) {
    result.all.push_back({at.slot, at.alone});
  } else {
    for (Index slot = at.slot; slot != no_index; slot = slots_[slot].next) {
      result.all.push_back({slot, slots_[slot].serial});
    }
  }
  for (Index group = at.group; group != no_index; group = groups_[group].next) {
    for (Index slot = groups_[group].slot; slot != no_index; slot = slots_[slot].next) {
      result.members.push_back({groups_[group].name, {slot, slots_[slot].serial}});
    }
  }
}

}  // namespace hallway::hub
