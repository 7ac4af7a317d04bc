// SPDX-License-Identifier: Apache-2.0
#include "hogs.hpp"

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

}  // namespace bench
