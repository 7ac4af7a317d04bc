// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <expected>

#include <hallway/descriptor.hpp>

#include "sys/expected.hpp"

namespace hallway::sys {

/// The owner of the descriptor that a system call returned.
inline Expected<Descriptor> adopted(Expected<int> number) {
  if (!number) return std::unexpected(number.error());
  return Descriptor::adopt(*number);
}

}  // namespace hallway::sys
