// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>

namespace bench {

/// Makes this process, and those it starts, able to hold so many connections.
void allow_descriptors(std::size_t connections);

}  // namespace bench
