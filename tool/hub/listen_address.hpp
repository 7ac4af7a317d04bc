// SPDX-License-Identifier: Apache-2.0
//
// The addresses at which a hub accepts clients over TCP, besides its own.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "io/values.hpp"

namespace hallway::tool {

/// Reads "tcp:127.0.0.1:4222", "tcp:[::1]:4222", "fd:N" or "activation[:NAME]". The result is the
/// same text.
Read<std::string> read_listen_address(std::string_view text);

/// The first of `addresses` that occurs again; nullopt if there is none. Where the kernel picks the
/// port, and where the service manager's next socket is adopted, each occurrence is another one.
std::optional<std::string> given_twice(const std::vector<std::string>& addresses);

/// The first of `addresses` that other machines can reach; nullopt if there is none. Whether they
/// can reach an inherited socket is known only when it is adopted.
std::optional<std::string> reachable_from_outside(const std::vector<std::string>& addresses);

/// Why such an address is refused without --listen-anywhere, and what to do instead.
Unread refused_from_outside();

}  // namespace hallway::tool
