// SPDX-License-Identifier: Apache-2.0
#include "net/diagnosis/permissions.hpp"

#include <algorithm>
#include <vector>

#include <hallway/bytes.hpp>

namespace hallway::net {

namespace {

using Groups = std::vector<std::uint32_t>;

constexpr unsigned owner_shift = 6;
constexpr unsigned group_shift = 3;

unsigned bits(Access wanted) { return static_cast<unsigned>(wanted); }

bool has(unsigned permissions, Access wanted) { return (permissions & bits(wanted)) != 0; }

bool contains(const Groups& groups, std::uint32_t gid) {
  return std::ranges::find(groups, gid) != groups.end();
}

const AclEntry* entry(const PathStep& step, AclEntry::Tag tag, std::uint32_t id = 0) {
  const bool any_id = tag != AclEntry::Tag::user && tag != AclEntry::Tag::group;
  const auto found = std::ranges::find_if(
      step.acl, [&](const AclEntry& each) { return each.tag == tag && (any_id || each.id == id); });
  return found == step.acl.end() ? nullptr : &*found;
}

/// The mask limits what an entry allows.
Permission masked(const PathStep& step, unsigned permissions, DecidedBy by, Access wanted) {
  const AclEntry* const mask = entry(step, AclEntry::Tag::mask);
  if (!has(permissions, wanted)) return {false, by, false};
  if (mask != nullptr && !has(mask->permissions, wanted))
    return {false, DecidedBy::acl_mask, false};
  return {true, by, false};
}

/// Of all entries that name one of the groups, one that allows it is enough.
Permission by_groups_of_acl(const PathStep& step, const Groups& groups, Access wanted) {
  bool named = false;
  Permission best{false, DecidedBy::others, false};
  for (const AclEntry& each : step.acl) {
    const bool owning = each.tag == AclEntry::Tag::group_owner;
    if (!owning && each.tag != AclEntry::Tag::group) continue;
    if (!contains(groups, owning ? step.group : each.id)) continue;
    const DecidedBy by = owning ? DecidedBy::group : DecidedBy::acl_entry;
    const Permission found = masked(step, each.permissions, by, wanted);
    if (found.allowed) return found;
    if (!named || found.by == DecidedBy::acl_mask) best = found;
    named = true;
  }
  if (named) return best;
  return {has(step.mode, wanted), DecidedBy::others, false};
}

Permission by_list(const PathStep& step, std::uint32_t uid, const Groups& groups, Access wanted) {
  const AclEntry* const named = entry(step, AclEntry::Tag::user, uid);
  if (named != nullptr) return masked(step, named->permissions, DecidedBy::acl_entry, wanted);
  return by_groups_of_acl(step, groups, wanted);
}

Permission by_mode(const PathStep& step, const Groups& groups, Access wanted) {
  if (!contains(groups, step.group)) return {has(step.mode, wanted), DecidedBy::others, false};
  return {has(step.mode >> group_shift, wanted), DecidedBy::group, false};
}

Permission by_list_and_mode(const PathStep& step, std::uint32_t uid, const Groups& groups,
                            Access wanted) {
  if (uid == step.owner) return {has(step.mode >> owner_shift, wanted), DecidedBy::owner, false};
  if (step.acl.empty()) return by_mode(step, groups, wanted);
  const Permission listed = by_list(step, uid, groups, wanted);
  // The kernel does not read a list whose mask, which the mode's group bits are, is empty.
  const bool is_read = (step.mode >> group_shift & 7U) != 0;
  const Permission unlisted = by_mode(step, groups, wanted);
  return is_read || (!unlisted.allowed && listed.by == DecidedBy::acl_mask) ? listed : unlisted;
}

Groups with(Groups groups, std::uint32_t gid) {
  groups.push_back(gid);
  return groups;
}

std::string owner_name(const PathStep& step) {
  return step.owner_name.empty() ? "uid " + std::to_string(step.owner) : printable(step.owner_name);
}

std::string group_name(const PathStep& step) {
  return step.group_name.empty() ? "gid " + std::to_string(step.group) : printable(step.group_name);
}

}  // namespace

Permission permission(const PathStep& step, const Subject& subject, Access wanted) {
  Permission found = by_list_and_mode(step, subject.uid, with(subject.groups, subject.gid), wanted);
  if (found.allowed) return found;
  const bool overrides =
      wanted == Access::search ? subject.searches_everywhere : subject.overrides_permissions;
  if (overrides) return {true, DecidedBy::capability, false};
  Groups account = with(subject.groups, subject.gid);
  account.insert(account.end(), subject.account_groups.begin(), subject.account_groups.end());
  found.account_would_do = by_list_and_mode(step, subject.uid, account, wanted).allowed;
  return found;
}

bool is_world_writable(const PathStep& step) { return has(step.mode, Access::write); }

std::string allowed_words(const PathStep& step, Access wanted) {
  if (has(step.mode, wanted)) return "everybody";
  const bool owner = has(step.mode >> owner_shift, wanted);
  const bool group = has(step.mode >> group_shift, wanted);
  if (owner && group) return owner_name(step) + " and group " + group_name(step);
  if (owner) return "its owner, " + owner_name(step) + ",";
  if (group) return "group " + group_name(step);
  return "root";
}

}  // namespace hallway::net
