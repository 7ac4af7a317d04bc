// SPDX-License-Identifier: Apache-2.0
//
// What a crowd took and left behind: malloc(3) keeps it for the next one, and a server may wait
// long for that.
#pragma once

#include <cstddef>
#include <optional>

#include <hallway/loop.hpp>

#include "io/scoped_task.hpp"

namespace hallway::tool {

/// Gives free memory back to the kernel once most of many connections have gone.
class SpareMemory {
 public:
  explicit SpareMemory(Loop& loop) : loop_(&loop) {}

  void connected();
  void closed();

 private:
  ScopedTask give_back();

  Loop* loop_;
  std::size_t present_ = 0;
  std::size_t most_ = 0;  // since memory was last given back
  std::optional<ScopedTask> giving_back_;
};

}  // namespace hallway::tool
