// SPDX-License-Identifier: Apache-2.0
//
// Control messages (man 3 cmsg), parsed from the bytes that recvmsg(2) left. Pure: descriptor
// numbers are only read here; the caller owns the descriptors.
#pragma once

#include <optional>

#include <hallway/bytes.hpp>

namespace hallway::sys {

struct ControlItem {
  int level = 0;
  int type = 0;
  ByteView payload;  ///< borrowed from the input
};

/// Takes the first item off `control`.
/// @return nullopt if no complete item is left
std::optional<ControlItem> next_control_item(ByteView& control) noexcept;

}  // namespace hallway::sys
