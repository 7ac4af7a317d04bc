// SPDX-License-Identifier: Apache-2.0
//
// Names of users and groups, from the user database (NSS: it may read files or ask a network
// service, so it blocks; only while something is opened).
#pragma once

#include <cstdint>
#include <string>

#include <hallway/error.hpp>

namespace hallway::net {

/// A name or a decimal number.
Result<std::uint32_t> user_id(const std::string& name);
Result<std::uint32_t> group_id(const std::string& name);

}  // namespace hallway::net
