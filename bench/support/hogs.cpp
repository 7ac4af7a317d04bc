// SPDX-License-Identifier: Apache-2.0
#include "hogs.hpp"

#include <ctime>

#include "clock.hpp"
#include "placement.hpp"

namespace bench {

void start_hogs(Sides& sides, std::size_t count) {
  for (std::size_t i = 0; i < count; ++i) {
    sides.start("hog", Core::server, [i](Side& side) {
      bind_to(static_cast<unsigned>(i));
      side.ready();
      for (volatile unsigned burnt = 0;;) burnt = burnt + 1;
    });
  }
  sides.await_ready("hog");
}

void start_disturbers(Sides& sides, std::size_t count) {
  for (std::size_t i = 0; i < count; ++i) {
    sides.start("disturber", Core::server, [](Side& side) {
      constexpr std::uint64_t awake = 1'000'000;
      constexpr timespec asleep{.tv_sec = 0, .tv_nsec = 9'000'000};
      side.ready();
      while (true) {
        for (const std::uint64_t began = now(); now() - began < awake;) {
        }
        nanosleep(&asleep, nullptr);
      }
    });
  }
  sides.await_ready("disturber");
}

}  // namespace bench
