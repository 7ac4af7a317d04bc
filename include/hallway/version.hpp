// SPDX-License-Identifier: Apache-2.0
// Layer: core
#pragma once

namespace hallway {

inline constexpr const char* version = "0.1.0";

}  // namespace hallway
