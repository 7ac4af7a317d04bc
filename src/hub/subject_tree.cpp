// SPDX-License-Identifier: Apache-2.0
#include "hub/subject_tree.hpp"

#include <algorithm>
#include <cassert>
#include <utility>

#include "hub/subject.hpp"

namespace hallway::hub {

namespace {

constexpr Index root = 0;

}  // namespace

SubjectTree::SubjectTree(const core::HashKey& key)
    : mixed_in_(core::SipHash::of("steps", key)), words_(key) {
  nodes_.take();
}

// MurmurHash3's last step: what goes in is no text of a stranger, only numbers of ours.
std::uint32_t SubjectTree::hash(Index one, Index other) const noexcept {
  std::uint64_t mixed = ((std::uint64_t{one} << 32U) | other) ^ mixed_in_;
  mixed = (mixed ^ (mixed >> 33U)) * 0xff51afd7ed558ccdU;
  mixed = (mixed ^ (mixed >> 33U)) * 0xc4ceb9fe1a85ec53U;
  return static_cast<std::uint32_t>(mixed ^ (mixed >> 33U));
}

// Coming and going -------------------------------------------------------------------------------

bool SubjectTree::add(Subscription& subscription) {
  assert(is_valid_subject(subscription.subject_) && !subscription.routed());
  const Index index = seats_.take();
  Seat seat{.subscription = &subscription, .node = root};
  try {
    seat.node = grow(subscription.subject_);
    if (!subscription.group_.empty()) seat.group = group_in(seat.node, subscription.group_);
  } catch (...) {
    prune(seat.node);
    seats_.give_back(index);
    throw;
  }
  seat.serial = ++last_serial_;
  seat.next = std::exchange(first_beside(seat), index);
  if (seat.next != no_index) seats_[seat.next].previous = index;
  seats_[index] = seat;
  subscription.id_ = {index, seat.serial};
  return seat.next == no_index;
}

bool SubjectTree::remove(Subscription& subscription) noexcept {
  assert(find(subscription.id_) == &subscription);
  const Index index = std::exchange(subscription.id_, {}).index;
  const Seat seat = seats_[index];
  (seat.previous == no_index ? first_beside(seat) : seats_[seat.previous].next) = seat.next;
  if (seat.next != no_index) seats_[seat.next].previous = seat.previous;
  seats_.give_back(index);
  const bool last = first_beside(seat) == no_index;
  if (last && seat.group != no_index) end_group(seat.group);
  if (last) prune(seat.node);
  return last;
}

Subscription* SubjectTree::find(SubscriptionId id) const noexcept {
  const Seat& seat = seats_[id.index];
  return seat.serial == id.serial ? seat.subscription : nullptr;
}

// Groups -----------------------------------------------------------------------------------------

/// The one of that name in `node`, a new one if need be.
Index SubjectTree::group_in(Index node, std::string_view name) {
  const Word word = words_.use(name);
  const std::uint32_t hash = this->hash(node, word);
  Index index = group_index_.find(hash, [&](Index known) {
    return groups_[known].node == node && groups_[known].name == word;
  });
  if (index != no_index) {
    words_.use_less(word);
    return index;
  }
  try {
    group_index_.reserve_one();
    index = groups_.take();
  } catch (...) {
    words_.use_less(word);
    throw;
  }
  Index& first = nodes_[node].group;
  groups_[index] = {node, word, no_index, first, no_index};
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
  group_index_.erase(hash(group.node, group.name), index);
  groups_.give_back(index);
  words_.use_less(group.name);
}

// Nodes ------------------------------------------------------------------------------------------

Index SubjectTree::child(Index node, Word word) const noexcept {
  const Node& at = nodes_[node];
  if (at.known_child != no_index && nodes_[at.known_child].word == word) return at.known_child;
  if (!has_others(at)) return no_index;
  return steps_.find(hash(node, word), [&](Index known) {
    return nodes_[known].parent == node && nodes_[known].word == word;
  });
}

/// The node of `subject`, with all before it.
Index SubjectTree::grow(std::string_view subject) {
  Index node = root;
  try {
    for (Tokens tokens(subject); !tokens.done();) node = grow_child(node, tokens.next());
  } catch (...) {
    prune(node);
    throw;
  }
  return node;
}

Index SubjectTree::grow_child(Index node, std::string_view token) {
  if (token == "*" || token == ">") {
    const auto wildcard = token == "*" ? &Node::any_one : &Node::any_more;
    if (nodes_[node].*wildcard == no_index) {
      const Index grown = nodes_.take();
      nodes_[grown].parent = node;
      nodes_[node].*wildcard = grown;
    }
    return nodes_[node].*wildcard;
  }
  const Word word = words_.use(token);
  Index index = child(node, word);
  if (index != no_index) {
    words_.use_less(word);
    return index;
  }
  try {
    steps_.reserve_one();
    index = nodes_.take();
  } catch (...) {
    words_.use_less(word);
    throw;
  }
  nodes_[index].parent = node;
  nodes_[index].word = word;
  Node& parent = nodes_[node];
  ++parent.children;
  if (parent.known_child == no_index) parent.known_child = index;
  steps_.insert(hash(node, word), index);
  return index;
}

/// Takes away what leads to nobody any more, from `node` upwards.
void SubjectTree::prune(Index node) noexcept {
  while (node != root) {
    const Node& at = nodes_[node];
    const bool leads_on = at.children > 0 || at.any_one != no_index || at.any_more != no_index;
    if (leads_on || at.seat != no_index || at.group != no_index) return;
    const Index parent = at.parent;
    cut_off(node);
    node = parent;
  }
}

void SubjectTree::cut_off(Index node) noexcept {
  const Word word = nodes_[node].word;
  Node& parent = nodes_[nodes_[node].parent];
  if (word != no_word) {
    steps_.erase(hash(nodes_[node].parent, word), node);
    words_.use_less(word);
    --parent.children;
    if (parent.known_child == node) parent.known_child = no_index;
  } else {
    (parent.any_one == node ? parent.any_one : parent.any_more) = no_index;
  }
  nodes_.give_back(node);
}

// Matching ---------------------------------------------------------------------------------------

void SubjectTree::collect(std::string_view subject, Concerned& concerned) {
  concerned.all.clear();
  concerned.members.clear();
  if (!read_path(subject)) return;
  reached_.assign(1, root);
  for (const Step& step : path_) take_step(step.word, concerned);
  for (const Index node : reached_) gather(node, concerned);
  std::ranges::sort(concerned.members, {}, &Concerned::Member::group);
}

/// The words that `subject` is made of. @return whether no token is empty
bool SubjectTree::read_path(std::string_view subject) {
  path_.clear();
  for (Tokens tokens(subject); !tokens.done();) {
    const std::string_view token = tokens.next();
    if (token.empty()) return false;
    path_.push_back({token, words_.hash(token), no_word});
    words_.prefetch(path_.back().hash);
  }
  for (Step& step : path_) step.word = words_.find(step.token, step.hash);
  return true;
}

/// From the nodes that are reached to those that a token with this word leads to.
void SubjectTree::take_step(Word word, Concerned& concerned) {
  const auto reach = [&](Index node) {
    nodes_.prefetch(node);
    next_.push_back(node);
  };
  for (const Index node : reached_) {
    if (has_others(nodes_[node])) steps_.prefetch(hash(node, word));
  }
  next_.clear();
  for (const Index node : reached_) {
    const Node& at = nodes_[node];
    if (at.any_more != no_index) gather(at.any_more, concerned);
    if (at.any_one != no_index) reach(at.any_one);
    if (word == no_word) continue;
    if (const Index by_word = child(node, word); by_word != no_index) reach(by_word);
  }
  std::swap(reached_, next_);
}

void SubjectTree::gather(Index node, Concerned& concerned) const {
  const Node& at = nodes_[node];
  for (Index seat = at.seat; seat != no_index; seat = seats_[seat].next) {
    concerned.all.push_back({seat, seats_[seat].serial});
  }
  for (Index group = at.group; group != no_index; group = groups_[group].next) {
    for (Index seat = groups_[group].seat; seat != no_index; seat = seats_[seat].next) {
      concerned.members.push_back({groups_[group].name, {seat, seats_[seat].serial}});
    }
  }
}

}  // namespace hallway::hub
