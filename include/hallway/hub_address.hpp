// SPDX-License-Identifier: Apache-2.0
// Layer: hub
//
// Where the hub is if nobody names its address.
//
//     auto client = co_await hub::Client::find(loop);  // looks at each of default_addresses()
//
// Blocking: for a look at a directory. Thread: any, while no thread changes the environment.
#pragma once

#include <string>
#include <vector>

#include <hallway/export.hpp>

namespace hallway::hub {

/// The addresses at which a client looks for a hub, in this order:
///   1. HALLWAY_HUB, if this variable is set and not empty
///   2. $XDG_RUNTIME_DIR/hallway/hub, if that directory has an absolute path and belongs to this
///      process's user
///   3. defaults::system_hub_address
///   4. defaults::hub_address
/// The text of HALLWAY_HUB may be wrong, in which case it is not an address.
[[nodiscard]] HALLWAY_EXPORT std::vector<std::string> default_addresses();

/// The first of default_addresses() that a hub of this process's user may listen at: the system's
/// address is for root.
[[nodiscard]] HALLWAY_EXPORT std::string default_listening_address();

}  // namespace hallway::hub
