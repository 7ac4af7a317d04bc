// SPDX-License-Identifier: Apache-2.0
//
// Returns memory to the kernel after a peak of connections. malloc(3) keeps freed memory for the
// next peak, which may be far away.
#pragma once

#include <cstddef>

#include <hallway/loop.hpp>
#include <hallway/task.hpp>
#include <hallway/task_scope.hpp>

namespace hallway::tool {

/// Returns free memory to the kernel once most of many connections have closed.
class SpareMemory {
 public:
  explicit SpareMemory(Loop& loop) : loop_(&loop), giving_back_(loop) {}

  void connected();
  void closed();

 private:
  Task<> give_back();

  Loop* loop_;
  std::size_t present_ = 0;
  std::size_t most_ = 0;  // since memory was last returned
  TaskScope giving_back_;
};

}  // namespace hallway::tool
