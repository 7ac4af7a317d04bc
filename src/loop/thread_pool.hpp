// SPDX-License-Identifier: Apache-2.0
//
// Threads for blocking work, shared by all loops of the process.
#pragma once

#include <condition_variable>
#include <cstddef>
#include <deque>
#include <functional>
#include <mutex>

namespace hallway::detail {

class ThreadPool {
 public:
  using Work = std::move_only_function<void()>;

  /// Never destroyed: its threads may run until the process ends.
  static ThreadPool& instance();

  /// Runs `work`, which must not throw, in a thread, when one is free.
  /// Throws std::system_error if there is no thread and none can be started.
  void run(Work work);

 private:
  ThreadPool() = default;
  void serve();

  std::mutex mutex_;  // guards what follows
  std::condition_variable changed_;
  std::deque<Work> waiting_;
  std::size_t threads_ = 0;
  std::size_t idle_ = 0;
};

}  // namespace hallway::detail
