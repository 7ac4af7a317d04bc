// SPDX-License-Identifier: Apache-2.0
//
// What systemd knows about a socket that it listens to for a service, by systemctl(1).
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "net/diagnosis/look.hpp"

namespace hallway::net {

/// Fills in Evidence::unit if systemd runs this machine, and a unit names the address.
void look_at_unit(Look& look);

/// The properties of one unit. A unit may listen to several names.
using UnitProperties = std::multimap<std::string, std::string>;

/// The output of "systemctl show" for several units, with an empty line between them.
std::vector<UnitProperties> parse_units(std::string_view text);

/// Whether one of its Listen= is that name: "/run/app.sock", or "@name".
bool listens_to(const UnitProperties& unit, std::string_view name);

}  // namespace hallway::net
