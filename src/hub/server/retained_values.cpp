// SPDX-License-Identifier: Apache-2.0
#include "hub/server/retained_values.hpp"

#include <algorithm>
#include <new>

#include "core/copy_bytes.hpp"
#include "net/trust.hpp"
#include "subject/inbox_subject.hpp"
#include "subject/reserved_subjects.hpp"
#include "subject/subject.hpp"

namespace hallway::hub {

namespace {

// Upper bound of the memory of a value besides its bytes: its place in the pool, which grows by
// doubling, the node and the text of its subject, the head of its chunk, and the entry of a user
// that has no other value. hallway/limits.hpp and docs/LIMITS.md state it.
constexpr std::size_t value_overhead = 448;
static_assert(2 * sizeof(RetainedValue) <= 224);

std::size_t cost_of(const RetainableMessage& message) noexcept {
  return value_overhead + message.subject.size() + message.header.size() + message.payload.size();
}

bool exceeds(const RetainedValues::Usage& usage, std::size_t values, std::size_t memory) noexcept {
  return usage.values > values || usage.memory > memory;
}

bool is_bounded(std::uint32_t uid) noexcept { return !net::trusts(Peer{.uid = uid}); }

/// Whether a value of this size may be stored at all.
bool fits(const RetainLimits& limits, std::size_t cost, std::uint32_t uid) noexcept {
  if (limits.max_values == 0 || cost > limits.max_memory) return false;
  const bool fits_user = limits.max_values_per_uid > 0 && cost <= limits.max_memory_per_uid;
  return fits_user || !is_bounded(uid);
}

core::Chunk copy_of(const RetainableMessage& message) {
  auto chunk = core::Chunk::make(message.header.size() + message.payload.size() +
                                 RetainedValue::line_end.size());
  char* end = core::copy_bytes(message.header, chunk.data());
  end = core::copy_bytes(message.payload, end);
  core::copy_bytes(RetainedValue::line_end, end);
  return chunk;
}

}  // namespace

bool RetainedValues::is_retainable(std::string_view subject) noexcept {
  return !is_inbox(subject) && !is_internal(subject);
}

std::uint32_t RetainedValues::rule_of(const Groups& groups, std::string_view subject) {
  if (!is_retainable(subject)) return no_rule;
  const auto names_it = [&](const Group& group) {
    return any_matches(group.rule.subjects, subject);
  };
  const auto found = std::ranges::find_if(groups, names_it);
  return found == groups.end() ? no_rule : static_cast<std::uint32_t>(found - groups.begin());
}

// Rules ------------------------------------------------------------------------------------------

void RetainedValues::set_rules(const std::vector<RetainRule>& rules) {
  struct Place {
    Ref ref;
    std::uint32_t rule;
  };
  Groups groups;
  for (const RetainRule& rule : rules) groups.push_back({rule, {}, {}});
  std::map<std::uint32_t, std::uint64_t> evicted;
  for_each_user([&](std::uint32_t uid, const Usage& usage) { evicted[uid] += usage.evicted; });
  std::vector<Place> places;
  places.reserve(values_.size());
  index_.for_each([&](Index index) {
    const RetainedValue& value = values_[index];
    const std::uint32_t rule = rule_of(groups, value.subject);
    if (rule != no_rule) groups[rule].users.try_emplace(value.uid);
    places.push_back({{value.serial, index}, rule});
  });
  std::ranges::sort(places, {}, &Place::ref);

  // From here on, nothing fails.
  usage_ = {.evicted = usage_.evicted};
  groups_ = std::move(groups);
  for (const auto& [ref, rule] : places) {
    RetainedValue& value = values_[ref.index];
    value.rule = rule;
    if (rule == no_rule) {
      release(ref.index);
    } else {
      link(groups_[rule].users.find(value.uid)->second, ref.index);
    }
  }
  for (Group& group : groups_) {
    for (auto user = group.users.begin(); user != group.users.end();) {
      const auto [uid, next] = std::pair(user->first, std::next(user));
      // A user's lost values are counted in the first group that has values of it.
      if (const auto before = evicted.find(uid); before != evicted.end()) {
        user->second.usage.evicted = before->second;
        evicted.erase(before);
      }
      keep_bounds_of_user(group, user);
      user = next;
    }
    keep_bounds(group, 0);
  }
}

// Values -----------------------------------------------------------------------------------------

bool RetainedValues::put(const RetainableMessage& message, Time now) noexcept {
  const std::uint32_t rule = rule_of(groups_, message.subject);
  if (rule == no_rule) return false;
  Group& group = groups_[rule];
  ++last_serial_;
  const Index old = index_.find(message.subject);
  const bool deletes = message.payload.empty();
  if (!deletes && fits(group.rule.limits, cost_of(message), message.uid)) {
    try {
      store(message, rule, old, now);
      return true;
    } catch (const std::bad_alloc&) {
      // The old value is no longer the last one, so it must not stay.
    }
  }
  if (old != no_index) erase(old);
  if (!deletes) count_evicted(group, message.uid);
  return true;
}

/// Out of memory, it throws and changes nothing.
void RetainedValues::store(const RetainableMessage& message, std::uint32_t rule, Index old,
                           Time now) {
  Group& group = groups_[rule];
  core::Chunk bytes = copy_of(message);
  const Index index = old == no_index ? acquire(message.subject) : old;
  auto user = group.users.end();
  try {
    user = group.users.try_emplace(message.uid).first;
  } catch (...) {
    if (old == no_index) release(index);
    throw;
  }
  RetainedValue& value = values_[index];
  const std::uint32_t uid_before = value.uid;
  if (old != no_index) unlink(old);
  value.bytes = std::move(bytes);
  value.header_size = message.header.size();
  value.published = now;
  value.serial = last_serial_;
  value.publisher = message.publisher;
  value.cost = cost_of(message);
  value.uid = message.uid;
  value.rule = rule;
  link(user->second, index);
  if (old != no_index) forget_if_idle(group, uid_before);
  keep_bounds_of_user(group, user);
  keep_bounds(group, message.uid);
}

/// Makes a place for the value of a subject. Out of memory, it throws and changes nothing.
Index RetainedValues::acquire(std::string_view subject) {
  const Index index = values_.acquire();
  try {
    values_[index].subject = index_.insert(subject, index);
  } catch (...) {
    values_.release(index);
    throw;
  }
  return index;
}

void RetainedValues::release(Index index) noexcept {
  index_.erase(values_[index].subject);
  values_.release(index);
}

/// Appends a value to those of its user. Precondition: it is in no list.
void RetainedValues::link(User& user, Index index) noexcept {
  RetainedValue& value = values_[index];
  value.previous = user.latest;
  value.next = no_index;
  (user.latest == no_index ? user.oldest : values_[user.latest].next) = index;
  user.latest = index;
  for (Usage* usage : {&user.usage, &groups_[value.rule].usage, &usage_}) {
    ++usage->values;
    usage->memory += value.cost;
  }
}

/// The opposite of link().
void RetainedValues::unlink(Index index) noexcept {
  const RetainedValue& value = values_[index];
  Group& group = groups_[value.rule];
  User& user = group.users.find(value.uid)->second;
  (value.previous == no_index ? user.oldest : values_[value.previous].next) = value.next;
  (value.next == no_index ? user.latest : values_[value.next].previous) = value.previous;
  for (Usage* usage : {&user.usage, &group.usage, &usage_}) {
    --usage->values;
    usage->memory -= value.cost;
  }
}

void RetainedValues::erase(Index index) noexcept {
  const std::uint32_t uid = values_[index].uid;
  Group& group = groups_[values_[index].rule];
  unlink(index);
  release(index);
  forget_if_idle(group, uid);
}

void RetainedValues::forget_if_idle(Group& group, std::uint32_t uid) noexcept {
  const auto user = group.users.find(uid);
  if (user != group.users.end() && user->second.usage.values == 0) group.users.erase(user);
}

// Bounds -----------------------------------------------------------------------------------------

void RetainedValues::count_evicted(Group& group, std::uint32_t uid) noexcept {
  ++usage_.evicted;
  const auto user = group.users.find(uid);
  if (user != group.users.end()) ++user->second.usage.evicted;
}

void RetainedValues::evict(Group& group, Index index) noexcept {
  count_evicted(group, values_[index].uid);
  erase(index);
}

/// May erase the user.
void RetainedValues::keep_bounds_of_user(Group& group, Users::iterator user) noexcept {
  const RetainLimits& limits = group.rule.limits;
  const auto over = [&] {
    return exceeds(user->second.usage, limits.max_values_per_uid, limits.max_memory_per_uid);
  };
  if (!over() || !is_bounded(user->first)) return;
  for (bool more = true; more;) {
    more = user->second.usage.values > 1;
    evict(group, user->second.oldest);
    more = more && over();
  }
}

/// The user that has most of what is short in a group; between equals `first`.
RetainedValues::User& RetainedValues::largest_user(Group& group, std::uint32_t first) noexcept {
  const bool values = group.usage.values > group.rule.limits.max_values;
  const auto used = [values](const User& user) {
    return values ? user.usage.values : user.usage.memory;
  };
  const auto preferred = group.users.find(first);
  User* largest =
      preferred == group.users.end() ? &group.users.begin()->second : &preferred->second;
  for (auto& [uid, user] : group.users) {
    if (used(user) > used(*largest)) largest = &user;
  }
  return *largest;
}

/// @param publisher  the uid that the latest value counts for
void RetainedValues::keep_bounds(Group& group, std::uint32_t publisher) noexcept {
  const RetainLimits& limits = group.rule.limits;
  while (exceeds(group.usage, limits.max_values, limits.max_memory)) {
    evict(group, largest_user(group, publisher).oldest);
  }
}

// Finding ----------------------------------------------------------------------------------------

const RetainedValue* RetainedValues::find(Ref ref) const noexcept {
  const RetainedValue& value = values_[ref.index];
  return value.serial == ref.serial ? &value : nullptr;
}

std::optional<RetainedValues::Time> RetainedValues::published(std::string_view subject) const {
  const Index index = index_.find(subject);
  return index == no_index ? std::nullopt : std::optional(values_[index].published);
}

bool RetainedValues::may_match(std::string_view pattern) const noexcept {
  if (values_.size() == 0) return false;
  return std::ranges::any_of(groups_, [&](const Group& group) {
    return std::ranges::any_of(group.rule.subjects, [&](const std::string& subjects) {
      return overlap(pattern, subjects);
    });
  });
}

std::vector<RetainedValues::Ref> RetainedValues::all() const {
  std::vector<Ref> refs;
  refs.reserve(values_.size());
  index_.for_each([&](Index index) { refs.push_back({values_[index].serial, index}); });
  std::ranges::sort(refs);
  return refs;
}

bool RetainedValues::Search::advance(const RetainedValues& values, std::size_t most,
                                     std::vector<Ref>& found) {
  return search_.advance(values.index_, most, [&](Index index) {
    const std::uint64_t serial = values.values_[index].serial;
    if (serial <= last_serial_) found.push_back({serial, index});
  });
}

}  // namespace hallway::hub
