// SPDX-License-Identifier: Apache-2.0
//
// Says what the evidence about the sockets of a process means. Pure: no system call, no clock.
#pragma once

#include <hallway/diagnosis.hpp>

#include "net/diagnosis/connection_evidence.hpp"

namespace hallway::net {

/// What is certain comes first, then by descriptor.
Diagnosis explain(const ConnectionEvidence& evidence);

}  // namespace hallway::net
