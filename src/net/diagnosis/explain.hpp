// SPDX-License-Identifier: Apache-2.0
//
// Says what the evidence means. Pure: no system call, no clock, no user database.
#pragma once

#include <hallway/diagnosis.hpp>

#include "net/diagnosis/evidence.hpp"

namespace hallway::net {

/// Where several causes would stop the subject, all are in `findings`, and the first is the one
/// that the kernel meets first.
Diagnosis explain(const Evidence& evidence);

}  // namespace hallway::net
