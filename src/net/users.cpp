// SPDX-License-Identifier: Apache-2.0
#include <hallway/peer.hpp>

#include <grp.h>
#include <pwd.h>

#include <optional>
#include <vector>

#include <hallway/bytes.hpp>

#include "core/number.hpp"
#include "sys/expected.hpp"

namespace hallway {

namespace {

std::optional<std::uint32_t> parse_id(const std::string& text) {
  const auto id = core::parse_number<std::uint32_t>(text);
  // The largest number is (uid_t)-1: chown(2) reads it as "leave unchanged", and it is never an id.
  return id == UINT32_MAX ? std::nullopt : id;
}

/// One reentrant look-up, with a buffer that grows until the entry fits (getpwnam_r(3)).
template <typename Entry, typename Function>
Result<Entry> look_up(Function function, const std::string& name, const char* what) {
  constexpr std::size_t most = std::size_t{1024} * 1024;
  for (std::vector<char> buffer(1024);; buffer.resize(buffer.size() * 2)) {
    Entry entry{};
    Entry* found = nullptr;
    // c_str() ends at a NUL byte and would look up another user.
    const int error = name.contains('\0')
                          ? 0
                          : function(name.c_str(), &entry, buffer.data(), buffer.size(), &found);
    if (found != nullptr) return entry;
    if (error == EINTR || (error == ERANGE && buffer.size() < most)) continue;
    return sys::failure(error == 0 ? EINVAL : error, "look up", what + (" " + name),
                        error == 0 ? "there is no such " + std::string(what) : "");
  }
}

}  // namespace

Result<std::uint32_t> user_id(const std::string& name) {
  if (const auto id = parse_id(name)) return *id;
  const auto entry = look_up<passwd>(getpwnam_r, name, "user");
  if (!entry) return std::unexpected(entry.error());
  return entry->pw_uid;
}

Result<std::uint32_t> group_id(const std::string& name) {
  if (const auto id = parse_id(name)) return *id;
  const auto entry = look_up<group>(getgrnam_r, name, "group");
  if (!entry) return std::unexpected(entry.error());
  return entry->gr_gid;
}

}  // namespace hallway
