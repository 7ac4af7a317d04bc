// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <hallway/diagnosis.hpp>
#include <hallway/error.hpp>

#include "net/diagnosis/look.hpp"

namespace hallway::net {

/// Fills in Evidence::subject, the mounts, and where the subject's paths begin.
/// @errors as diagnose(), for a wrong subject
Result<void> look_at_subject(Look& look, const DiagnoseOptions& options);

}  // namespace hallway::net
