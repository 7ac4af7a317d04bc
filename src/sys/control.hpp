// SPDX-License-Identifier: Apache-2.0
//
// Control messages (man 3 cmsg), read from the bytes that recvmsg(2) left. Pure: numbers of
// descriptors are only read here, and owned by whoever received them.
#pragma once

#include <optional>

#include <hallway/bytes.hpp>

namespace hallway::sys {

struct ControlItem {
  int level = 0;
  int type = 0;
  ByteView payload;  ///< borrowed from the input
};

/// Takes the first item off `control`. Nothing: no whole one is left.
std::optional<ControlItem> next_control_item(ByteView& control) noexcept;

}  // namespace hallway::sys
