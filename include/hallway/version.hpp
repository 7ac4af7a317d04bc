// SPDX-License-Identifier: Apache-2.0
// Layer: core
#pragma once

#include <hallway/detail/require_cpp23.hpp>

namespace hallway {

inline constexpr const char* version = "0.1.0";

}  // namespace hallway
