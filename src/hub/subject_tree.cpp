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

SubjectTree::SubjectTree(const core::HashKey& key) : key_(key), words_(key) { nodes_.take(); }

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
  note_who_is_alone(seat.node);
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
  note_who_is_alone(seat.node);
  const bool last = first_beside(seat) == no_index;
  if (last && seat.group != no_index) end_group(seat.group);
  if (last) prune(seat.node);
  return last;
}

void SubjectTree::note_who_is_alone(Index node) noexcept {
  Node& at = nodes_[node];
  const bool alone = at.seat != no_index && seats_[at.seat].next == no_index;
  at.alone = alone ? seats_[at.seat].serial : 0;
}

// Groups -----------------------------------------------------------------------------------------

/// The one of that name in `node`, a new one if need be.
Index SubjectTree::group_in(Index node, std::string_view name) {
  const Word word = words_.use(name);
  const std::uint32_t hash = SubjectTree::hash(node, token_of(name).hash);
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
  groups_[index] = {.node = node, .name = word, .hash = hash, .next = first};
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
  groups_.give_back(index);
  words_.use_less(group.name);
}

// Nodes ------------------------------------------------------------------------------------------

Index SubjectTree::child(Index node, const Token& token) const noexcept {
  const Node& at = nodes_[node];
  if (has_others(at)) {
    return steps_.find(hash(node, token.hash), [&](Index known) {
      return nodes_[known].parent == node && nodes_[known].token == token.text;
    });
  }
  const bool known = at.known_child != no_index && nodes_[at.known_child].token == token.text;
  return known ? at.known_child : no_index;
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

Index SubjectTree::grow_child(Index node, std::string_view text) {
  if (text == "*" || text == ">") {
    const auto wildcard = text == "*" ? &Node::any_one : &Node::any_more;
    if (nodes_[node].*wildcard == no_index) {
      const Index grown = nodes_.take();
      nodes_[grown].parent = node;
      nodes_[node].*wildcard = grown;
    }
    return nodes_[node].*wildcard;
  }
  const Token token = token_of(text);
  if (const Index known = child(node, token); known != no_index) return known;
  std::string kept(text);
  steps_.reserve_one();
  const Index index = nodes_.take();
  nodes_[index].token = std::move(kept);
  nodes_[index].parent = node;
  Node& parent = nodes_[node];
  ++parent.children;
  if (parent.known_child == no_index) parent.known_child = index;
  steps_.insert(hash(node, token.hash), index);
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
  const Node& at = nodes_[node];
  Node& parent = nodes_[at.parent];
  if (!at.token.empty()) {
    steps_.erase(hash(at.parent, token_of(at.token).hash), node);
    --parent.children;
    if (parent.known_child == node) parent.known_child = no_index;
  } else {
    (parent.any_one == node ? parent.any_one : parent.any_more) = no_index;
  }
  nodes_.give_back(node);
}

// Matching ---------------------------------------------------------------------------------------

std::size_t SubjectTree::collect(std::string_view subject, Concerned& concerned) {
  concerned.all.clear();
  concerned.members.clear();
  if (!read_path(subject)) return 0;
  reached_.assign(1, root);
  std::size_t nodes = 0;
  for (const Token& token : path_) {
    take_step(token, concerned);
    nodes += reached_.size();
  }
  for (const Index node : reached_) gather(node, concerned);
  std::ranges::sort(concerned.members, {}, &Concerned::Member::group);
  return nodes;
}

/// The tokens that `subject` is made of. @return whether none is empty
bool SubjectTree::read_path(std::string_view subject) {
  path_.clear();
  for (Tokens tokens(subject); !tokens.done();) {
    const std::string_view text = tokens.next();
    if (text.empty()) return false;
    path_.push_back(token_of(text));
  }
  return true;
}

/// child() will be called with both.
void SubjectTree::prefetch_step(Index node, const Token& token) const noexcept {
  const Node& at = nodes_[node];
  if (has_others(at)) {
    steps_.prefetch(hash(node, token.hash));
  } else if (at.known_child != no_index) {
    nodes_.prefetch(at.known_child);
  }
}

/// From the nodes that are reached to those that the token leads to.
void SubjectTree::take_step(const Token& token, Concerned& concerned) {
  const auto reach = [&](Index node) {
    nodes_.prefetch(node);
    next_.push_back(node);
  };
  for (const Index node : reached_) prefetch_step(node, token);
  next_.clear();
  for (const Index node : reached_) {
    const Node& at = nodes_[node];
    if (at.any_more != no_index) gather(at.any_more, concerned);
    if (at.any_one != no_index) reach(at.any_one);
    if (const Index by_token = child(node, token); by_token != no_index) reach(by_token);
  }
  std::swap(reached_, next_);
}

void SubjectTree::gather(Index node, Concerned& concerned) const {
  const Node& at = nodes_[node];
  if (at.alone != 0) {
    concerned.all.push_back({at.seat, at.alone});
  } else {
    for (Index seat = at.seat; seat != no_index; seat = seats_[seat].next) {
      concerned.all.push_back({seat, seats_[seat].serial});
    }
  }
  for (Index group = at.group; group != no_index; group = groups_[group].next) {
    for (Index seat = groups_[group].seat; seat != no_index; seat = seats_[seat].next) {
      concerned.members.push_back({groups_[group].name, {seat, seats_[seat].serial}});
    }
  }
}

}  // namespace hallway::hub
