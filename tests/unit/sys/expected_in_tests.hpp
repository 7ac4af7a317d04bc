// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>

#include "sys/expected.hpp"
#include "sys/socket.hpp"

namespace hallway::sys {

inline constexpr std::array all_types{Type::stream, Type::seqpacket, Type::datagram};

/// The errno of a call that failed, or 0.
template <typename T>
int error_of(const Expected<T>& result) {
  return result ? 0 : result.error();
}

}  // namespace hallway::sys
