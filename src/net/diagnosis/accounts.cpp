// SPDX-License-Identifier: Apache-2.0
#include "net/diagnosis/accounts.hpp"

#include <grp.h>
#include <pwd.h>

#include <cerrno>
#include <cstddef>

namespace hallway::net {

namespace {

/// One reentrant look-up, with a buffer that grows until the entry fits (getpwuid_r(3)). `take`
/// copies what is wanted before the buffer goes away.
template <typename Entry, typename Function, typename Take>
void look_up(Function function, std::uint32_t id, const Take& take) {
  constexpr std::size_t most = std::size_t{1024} * 1024;
  for (std::vector<char> buffer(1024);; buffer.resize(buffer.size() * 2)) {
    Entry entry{};
    Entry* found = nullptr;
    const int error = function(id, &entry, buffer.data(), buffer.size(), &found);
    if (found != nullptr) return take(entry);
    if (error == EINTR || (error == ERANGE && buffer.size() < most)) continue;
    return;
  }
}

}  // namespace

const std::optional<Account>& Accounts::account(std::uint32_t uid) {
  const auto [known, is_new] = users_.try_emplace(uid);
  if (is_new) {
    look_up<passwd>(getpwuid_r, uid, [&](const passwd& entry) {
      known->second = Account{.name = entry.pw_name, .gid = entry.pw_gid};
    });
  }
  return known->second;
}

const std::string& Accounts::user_name(std::uint32_t uid) {
  static const std::string none;
  const auto& found = account(uid);
  return found ? found->name : none;
}

const std::string& Accounts::group_name(std::uint32_t gid) {
  const auto [known, is_new] = groups_.try_emplace(gid);
  if (is_new) {
    look_up<group>(getgrgid_r, gid, [&](const group& entry) { known->second = entry.gr_name; });
  }
  return known->second;
}

std::vector<std::uint32_t> Accounts::groups_of(std::uint32_t uid) {
  const auto& user = account(uid);
  if (!user) return {};
  constexpr int most = 65536;  // NGROUPS_MAX
  std::vector<gid_t> groups(64);
  while (true) {
    int count = static_cast<int>(groups.size());
    if (getgrouplist(user->name.c_str(), user->gid, groups.data(), &count) >= 0) {
      groups.resize(static_cast<std::size_t>(count));
      return {groups.begin(), groups.end()};
    }
    if (count > most || count <= static_cast<int>(groups.size())) return {user->gid};
    groups.resize(static_cast<std::size_t>(count));
  }
}

}  // namespace hallway::net
