// SPDX-License-Identifier: Apache-2.0
#include "hub/subject_tree.hpp"

#include <algorithm>
#include <cassert>

#include "hub/subject.hpp"

namespace hallway::hub {

namespace {

constexpr Index root = 0;

}  // namespace

SubjectTree::SubjectTree(const core::HashKey& key)
    : mixed_in_(core::SipHash::of("steps", key)), words_(key), no_group_(words_.use("")) {
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
  const Index seat = seats_.take();
  Index node = root;
  Index interest = no_index;
  try {
    node = grow(subscription.subject_);
    interest = interest_in(node, subscription.group_);
  } catch (...) {
    prune(node);
    seats_.give_back(seat);
    throw;
  }
  Index& first = interests_[interest].seat;
  const bool alone = first == no_index;
  seats_[seat] = {&subscription, ++last_serial_, interest, first, no_index};
  if (!alone) seats_[first].previous = seat;
  first = seat;
  subscription.id_ = {seat, last_serial_};
  return alone;
}

bool SubjectTree::remove(Subscription& subscription) noexcept {
  assert(find(subscription.id_) == &subscription);
  const Index index = subscription.id_.index;
  const Seat seat = seats_[index];
  const bool first = seat.previous == no_index;
  const bool last = first && seat.next == no_index;
  (first ? interests_[seat.interest].seat : seats_[seat.previous].next) = seat.next;
  if (seat.next != no_index) seats_[seat.next].previous = seat.previous;
  seats_.give_back(index);
  subscription.id_ = {};
  if (last) end_interest(seat.interest);
  return last;
}

Subscription* SubjectTree::find(SubscriptionId id) const noexcept {
  const Seat& seat = seats_[id.index];
  return seat.serial == id.serial ? seat.subscription : nullptr;
}

// Interests --------------------------------------------------------------------------------------

/// That of `group` in `node`, a new one if need be.
Index SubjectTree::interest_in(Index node, std::string_view group) {
  const Word word = words_.use(group);
  const std::uint32_t hash = this->hash(node, word);
  Index index = interest_index_.find(hash, [&](Index known) {
    return interests_[known].node == node && interests_[known].group == word;
  });
  if (index != no_index) {
    words_.use_less(word);
    return index;
  }
  try {
    interest_index_.reserve_one();
    index = interests_.take();
  } catch (...) {
    words_.use_less(word);
    throw;
  }
  Index& first = nodes_[node].interest;
  interests_[index] = {node, word, no_index, first, no_index};
  if (first != no_index) interests_[first].previous = index;
  first = index;
  interest_index_.insert(hash, index);
  return index;
}

void SubjectTree::end_interest(Index index) noexcept {
  const Interest interest = interests_[index];
  const bool first = interest.previous == no_index;
  (first ? nodes_[interest.node].interest : interests_[interest.previous].next) = interest.next;
  if (interest.next != no_index) interests_[interest.next].previous = interest.previous;
  interest_index_.erase(hash(interest.node, interest.group), index);
  interests_.give_back(index);
  words_.use_less(interest.group);
  prune(interest.node);
}

// Nodes ------------------------------------------------------------------------------------------

Index SubjectTree::child(Index node, Word word) const noexcept {
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
  ++nodes_[node].children;
  steps_.insert(hash(node, word), index);
  return index;
}

/// Takes away what leads to nobody any more, from `node` upwards.
void SubjectTree::prune(Index node) noexcept {
  while (node != root) {
    const Node& at = nodes_[node];
    const bool leads_on = at.children > 0 || at.any_one != no_index || at.any_more != no_index;
    if (leads_on || at.interest != no_index) return;
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
  // Depth first. A `*` beside the way of the words is a branch for later: at most one a token
  // waits.
  branches_.clear();
  branches_.push_back({root, 0});
  while (!branches_.empty()) {
    auto [node, depth] = branches_.back();
    branches_.pop_back();
    for (; node != no_index && depth < path_.size(); ++depth) {
      const Node& at = nodes_[node];
      if (at.any_more != no_index) gather(at.any_more, concerned);
      if (at.any_one != no_index) branches_.push_back({at.any_one, depth + 1});
      const bool known = at.children > 0 && path_[depth] != no_word;
      node = known ? child(node, path_[depth]) : no_index;
    }
    if (node != no_index) gather(node, concerned);
  }
  std::ranges::sort(concerned.members, {}, &Concerned::Member::group);
}

/// The words that `subject` is made of. @return whether no token is empty
bool SubjectTree::read_path(std::string_view subject) {
  path_.clear();
  for (Tokens tokens(subject); !tokens.done();) {
    const std::string_view token = tokens.next();
    if (token.empty()) return false;
    path_.push_back(words_.find(token));
  }
  return true;
}

void SubjectTree::gather(Index node, Concerned& concerned) const {
  for (Index at = nodes_[node].interest; at != no_index; at = interests_[at].next) {
    const Interest& interest = interests_[at];
    for (Index seat = interest.seat; seat != no_index; seat = seats_[seat].next) {
      const SubscriptionId id{seat, seats_[seat].serial};
      if (interest.group == no_group_) {
        concerned.all.push_back(id);
      } else {
        concerned.members.push_back({interest.group, id});
      }
    }
  }
}

}  // namespace hallway::hub
