// SPDX-License-Identifier: Apache-2.0
#include "hub/server/absent_links.hpp"

#include <algorithm>
#include <utility>

#include "subject/subject.hpp"

namespace hallway::hub {

void AbsentLinks::leave(const std::string& id, std::uint64_t handed,
                        std::vector<std::string> subjects, Time now) {
  if (!absent_.contains(id) && absent_.size() >= most) return;
  Absent& link = absent_[id];
  link.handed += handed;
  link.subjects = std::move(subjects);
  link.since = now;
}

void AbsentLinks::publish(std::string_view subject, Time now) {
  std::erase_if(absent_, [now](const auto& one) { return now - one.second.since > longest; });
  for (auto& [id, link] : absent_) {
    if (any_matches(link.subjects, subject)) ++link.missed;
  }
}

void AbsentLinks::reconnect(const std::string& id, std::uint64_t seen) {
  if (!absent_.contains(id)) {
    if (auto expected = absent_.extract(std::string()); !expected.empty()) {
      expected.key() = id;
      absent_.insert(std::move(expected));
    }
  }
  const auto link = absent_.find(id);
  if (link == absent_.end()) return;
  const std::uint64_t handed = std::exchange(link->second.handed, 0);
  link->second.missed += handed - std::min(handed, seen);
}

void AbsentLinks::subscribe(const std::string& id, std::string_view subject) {
  if (const auto link = absent_.find(id); link != absent_.end()) {
    std::erase(link->second.subjects, subject);
  }
}

bool AbsentLinks::is_complete(const std::string& id) const {
  const auto link = absent_.find(id);
  return link != absent_.end() && link->second.subjects.empty();
}

std::uint64_t AbsentLinks::settle(const std::string& id) {
  const auto link = absent_.find(id);
  if (link == absent_.end()) return 0;
  const std::uint64_t missed = link->second.missed;
  absent_.erase(link);
  return missed;
}

}  // namespace hallway::hub
