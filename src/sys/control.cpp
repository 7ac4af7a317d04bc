// SPDX-License-Identifier: Apache-2.0
#include "sys/control.hpp"

#include <sys/socket.h>

#include <algorithm>
#include <cstring>

namespace hallway::sys {

// The macros of cmsg(3), on values. The macros do not check that an item is complete: a length
// below the header's size would underflow, and one beyond the buffer would read past its end.
std::optional<ControlItem> next_control_item(ByteView& control) noexcept {
  cmsghdr header{};
  if (control.size() < sizeof header) return std::nullopt;
  std::memcpy(&header, control.data(), sizeof header);
  const std::size_t size = header.cmsg_len;
  if (size < CMSG_LEN(0) || size > control.size()) return std::nullopt;
  const ByteView payload = control.substr(CMSG_LEN(0), size - CMSG_LEN(0));
  control.remove_prefix(std::min(CMSG_ALIGN(size), control.size()));
  return ControlItem{header.cmsg_level, header.cmsg_type, payload};
}

}  // namespace hallway::sys
