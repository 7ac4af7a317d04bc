// SPDX-License-Identifier: Apache-2.0
#include "placement.hpp"

#include <sched.h>

#include <array>
#include <cstdio>
#include <cstdlib>
#include <utility>

#include "fail.hpp"

namespace bench {

namespace {

constexpr std::array<std::pair<std::string_view, Placement>, 3> names{{
    {"split", Placement::split},
    {"same", Placement::same},
    {"unpinned", Placement::unpinned},
}};

}  // namespace

void place(Placement placement, Core core) {
  if (placement == Placement::unpinned) return;
  bind_to(placement == Placement::same ? 0 : static_cast<unsigned>(core));
}

void bind_to(unsigned core) {
  cpu_set_t cores;
  CPU_ZERO(&cores);
  CPU_SET(core, &cores);
  if (sched_setaffinity(0, sizeof cores, &cores) != 0) fail_with_errno("sched_setaffinity");
}

Placement parse_placement(std::string_view text) {
  for (const auto& [name, placement] : names) {
    if (name == text) return placement;
  }
  std::fprintf(stderr, "--placement is split, same or unpinned\n");
  std::_Exit(2);
}

std::string_view to_string(Placement placement) {
  for (const auto& [name, value] : names) {
    if (value == placement) return name;
  }
  return {};
}

}  // namespace bench
