// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string_view>

namespace bench {

/// Where the two sides of a measurement run: the answer differs by a factor of twenty.
enum class Placement { split, same, unpinned };

/// Core 0 is for who serves and receives, core 1 for who asks and sends.
enum class Core { server = 0, client = 1 };

/// Binds this process, and the threads and children it will have, to the core of its side: with
/// Placement::same to core 0, with Placement::unpinned to none.
void place(Placement placement, Core core);

/// Binds this process to a core, whatever the placement.
void bind_to(unsigned core);

/// Exits with 2 on a word that is no placement.
Placement parse_placement(std::string_view text);
std::string_view to_string(Placement placement);

}  // namespace bench
