// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include <hallway/bytes.hpp>

namespace hallway::core {

/// `bytes` with everything but printable ASCII written as \xHH (and a backslash doubled), so that
/// a name chosen by somebody else can stand in an error, a log or on a terminal.
std::string printable(ByteView bytes);

}  // namespace hallway::core
