// SPDX-License-Identifier: Apache-2.0
#include "net/responsible.hpp"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <map>
#include <sstream>
#include <string_view>
#include <system_error>

#include "core/number.hpp"
#include "net/trust.hpp"

namespace hallway::net {

namespace {

// Limit of lines read; later lines are ignored.
constexpr std::size_t most_lines = 65'536;

constexpr auto id_in = core::parse_number<std::uint32_t>;

/// The fields of a line, which colons separate.
std::vector<std::string_view> fields_of(std::string_view line) {
  std::vector<std::string_view> fields;
  while (true) {
    const std::size_t colon = line.find(':');
    fields.push_back(line.substr(0, colon));
    if (colon == std::string_view::npos) return fields;
    line.remove_prefix(colon + 1);
  }
}

template <typename Take>
void for_each_line(const std::string& path, Take take) {
  std::ifstream file(path);
  std::string line;
  for (std::size_t i = 0; i < most_lines && std::getline(file, line); ++i) take(fields_of(line));
}

bool contains(std::uint32_t first, std::uint32_t count, std::uint32_t one) {
  return one >= first && one - first < count;
}

}  // namespace

std::optional<SubordinateUids> SubordinateUids::read(const std::string& ranges,
                                                     const std::string& users) {
  SubordinateUids all;
  for (const std::string& path : {ranges, users}) {
    std::error_code error;
    if (std::filesystem::exists(path, error) && !std::ifstream(path)) return std::nullopt;
  }
  std::map<std::string, std::uint32_t, std::less<>> uids;
  for_each_line(users, [&](const std::vector<std::string_view>& user) {
    if (user.size() < 3) return;
    if (const auto uid = id_in(user[2])) uids.emplace(user[0], *uid);
  });
  for_each_line(ranges, [&](const std::vector<std::string_view>& range) {
    if (range.size() != 3) return;
    const auto named = uids.find(range[0]);
    const auto owner = named != uids.end() ? std::optional(named->second) : id_in(range[0]);
    const auto first = id_in(range[1]);
    const auto count = id_in(range[2]);
    if (owner && first && count) all.ranges_.push_back({*first, *count, *owner});
  });
  return all;
}

std::optional<std::uint32_t> SubordinateUids::owner_of(std::uint32_t uid) const noexcept {
  const auto found = std::ranges::find_if(
      ranges_, [uid](const Range& range) { return contains(range.first, range.count, uid); });
  // Root's own ranges are for containers that root runs. Each of those is a different user, so root
  // does not count as the owner.
  if (found == ranges_.end() || found->owner == 0) return std::nullopt;
  return found->owner;
}

std::vector<UidRange> parse_uid_map(const std::string& text) {
  std::vector<UidRange> map;
  std::istringstream lines(text);
  for (UidRange line{}; lines >> line.inside >> line.outside >> line.count;) map.push_back(line);
  return map;
}

std::optional<std::uint32_t> root_in(const std::vector<UidRange>& map, std::uint32_t uid) noexcept {
  const bool brings_it_in = std::ranges::any_of(
      map, [uid](const UidRange& line) { return contains(line.outside, line.count, uid); });
  const auto root = std::ranges::find_if(
      map, [](const UidRange& line) { return contains(line.inside, line.count, 0); });
  if (!brings_it_in || root == map.end()) return std::nullopt;
  return root->outside;
}

std::uint32_t responsible_uid(const Peer& peer, const SubordinateUids& subordinates) {
  if (trusts(peer) || peer.uid == Peer::overflow_uid) return peer.uid;
  if (const auto owner = subordinates.owner_of(peer.uid)) return *owner;
  if (peer.pid <= 0) return peer.uid;
  std::ostringstream text;
  text << std::ifstream("/proc/" + std::to_string(peer.pid) + "/uid_map").rdbuf();
  // In our own namespace, and in one that root created, the outer uid of root is 0.
  const auto root = root_in(parse_uid_map(text.str()), peer.uid);
  return root && *root != 0 ? *root : peer.uid;
}

}  // namespace hallway::net
