// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <string_view>

#include "placement.hpp"

namespace bench {

/// What every program of a work understands. A work documents those it looks at.
struct Options {
  Placement placement = Placement::split;
  std::size_t size = 64;  ///< bytes in a message
  std::size_t count = 0;  ///< messages, connections, ...; 0 leaves it to duration
  std::size_t subscribers = 1;
  std::size_t processes = 1;  ///< that share the subscribers
  std::size_t connections = 1;
  std::size_t hogs = 0;        ///< programs that only burn CPU, one bound to each core
  std::size_t disturbers = 0;  ///< programs awake for 1 ms in every 10, wherever they are put
  double duration = 0.2;       ///< seconds
  std::string_view mode = {};  ///< of a work that has several
};

/// Reads `--placement split --size 64 ...`. `options` holds the defaults of this work; exits with 2
/// on anything it does not know.
Options parse_options(int argc, char** argv, Options options = {});

}  // namespace bench
