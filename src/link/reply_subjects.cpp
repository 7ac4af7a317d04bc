// SPDX-License-Identifier: Apache-2.0
#include "link/reply_subjects.hpp"

#include <cstdint>

#include "subject/reserved_subjects.hpp"

namespace hallway::link {

namespace {

constexpr std::size_t seal_size = 16;

}  // namespace

ReplySubjects::ReplySubjects(ByteView link, const core::HashKey& key)
    : prefix_(std::string(hub::link_reply_prefix).append(link) + '.'), key_(key) {}

std::string ReplySubjects::seal_of(ByteView subject) const {
  constexpr ByteView digits = "0123456789abcdef";
  std::uint64_t hash = core::SipHash::of(subject, key_);
  std::string seal(seal_size, '0');
  for (char& digit : seal) {
    digit = digits[hash & 15U];
    hash >>= 4U;
  }
  return seal;
}

std::string ReplySubjects::seal(ByteView subject) const {
  return prefix_ + seal_of(subject) + '.' + std::string(subject);
}

std::optional<ByteView> ReplySubjects::open(ByteView sealed) const {
  if (!sealed.starts_with(prefix_)) return std::nullopt;
  sealed.remove_prefix(prefix_.size());
  if (sealed.size() <= seal_size + 1 || sealed[seal_size] != '.') return std::nullopt;
  const ByteView subject = sealed.substr(seal_size + 1);
  if (sealed.substr(0, seal_size) != seal_of(subject)) return std::nullopt;
  return subject;
}

}  // namespace hallway::link
