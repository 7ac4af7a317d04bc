// SPDX-License-Identifier: Apache-2.0
// Layer: core
#pragma once

#include <string_view>

namespace hallway {

/// Borrowed bytes. A `std::string_view` because every text, literal and string becomes one by
/// itself; what it shows is data, not text: any byte may occur, NUL and invalid UTF-8 too.
using ByteView = std::string_view;

}  // namespace hallway
