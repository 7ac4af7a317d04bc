// SPDX-License-Identifier: Apache-2.0
//
// Files without a name, in memory. Their contents pass to another process with their descriptor.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include <hallway/descriptor.hpp>

#include "sys/expected.hpp"

namespace hallway::sys {

/// Makes a file in memory, which is gone with its last descriptor. The name is for /proc only.
Expected<Descriptor> make_memory_file(const char* name);
/// Writes all of it at this offset.
Expected<void> write_at(int file, std::string_view bytes, std::uint64_t offset);
/// Zero: the end of the file.
Expected<std::size_t> read_at(int file, char* to, std::size_t most, std::uint64_t offset);

}  // namespace hallway::sys
