// SPDX-License-Identifier: Apache-2.0
//
// Names and groups by the user database, which may block.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace hallway::net {

struct Account {
  std::string name;
  std::uint32_t gid = 0;
};

/// Asks about each id once. Not for several threads.
class Accounts {
 public:
  /// Empty: the id has no name.
  const std::string& user_name(std::uint32_t uid);
  const std::string& group_name(std::uint32_t gid);
  /// nullopt: the user has no entry.
  const std::optional<Account>& account(std::uint32_t uid);
  /// All groups of a user, its own first; empty if it has no entry.
  std::vector<std::uint32_t> groups_of(std::uint32_t uid);

 private:
  std::map<std::uint32_t, std::optional<Account>> users_;
  std::map<std::uint32_t, std::string> groups_;
};

}  // namespace hallway::net
