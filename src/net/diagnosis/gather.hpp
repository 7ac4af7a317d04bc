// SPDX-License-Identifier: Apache-2.0
//
// Looks at everything that may decide whether an address can be reached. Only reads, and connects
// at most once (DiagnoseOptions::probe). What cannot be looked at is named in Evidence::unseen, and
// the rest is looked at all the same.
#pragma once

#include <hallway/address.hpp>
#include <hallway/diagnosis.hpp>
#include <hallway/error.hpp>

#include "net/diagnosis/evidence.hpp"

namespace hallway::net {

/// Blocking, as diagnose().
/// @errors as diagnose()
Result<Evidence> gather(const Address& address, const DiagnoseOptions& options);

}  // namespace hallway::net
