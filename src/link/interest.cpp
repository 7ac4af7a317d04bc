// SPDX-License-Identifier: Apache-2.0
#include "link/interest.hpp"

#include "core/random.hpp"

namespace hallway::link {

Interest::Interest() : tree_({core::random_number(), core::random_number()}) {}

Interest::~Interest() {
  for (auto& [pattern, wanted] : patterns_) tree_.remove(wanted.as);
}

bool Interest::add(ByteView pattern) {
  if (const auto found = patterns_.find(pattern); found != patterns_.end()) {
    ++found->second.by;
    return false;
  }
  const auto added = patterns_.try_emplace(std::string(pattern), std::string(pattern)).first;
  try {
    tree_.add(added->second.as);
  } catch (...) {
    patterns_.erase(added);
    throw;
  }
  return true;
}

bool Interest::remove(ByteView pattern) {
  const auto found = patterns_.find(pattern);
  if (found == patterns_.end() || --found->second.by > 0) return false;
  tree_.remove(found->second.as);
  patterns_.erase(found);
  return true;
}

bool Interest::wants(ByteView subject) {
  tree_.collect(subject, found_);
  return found_.size() > 0;
}

}  // namespace hallway::link
