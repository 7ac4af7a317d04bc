// SPDX-License-Identifier: Apache-2.0
#include "loop/thread_pool.hpp"

#include <pthread.h>

#include <atomic>
#include <chrono>
#include <system_error>
#include <utility>

#include <hallway/limits.hpp>

#include "sys/thread.hpp"

namespace hallway::detail {

namespace {

/// How long a thread waits for more work before it ends.
constexpr auto idle_time = std::chrono::milliseconds(500);

}  // namespace

// NOLINTBEGIN(cppcoreguidelines-owning-memory): never destroyed, see the header

// A forked child lacks the threads, and its copy of the mutex may stay locked: it makes a pool of
// its own.
ThreadPool& ThreadPool::instance() {
  static constinit std::atomic<ThreadPool*> current = nullptr;
  [[maybe_unused]] static const int registered =
      ::pthread_atfork(nullptr, nullptr, [] { current = nullptr; });
  ThreadPool* pool = current;
  if (pool != nullptr) return *pool;
  auto* const made = new ThreadPool;
  if (current.compare_exchange_strong(pool, made)) return *made;
  delete made;  // another thread was faster
  return *pool;
}
// NOLINTEND(cppcoreguidelines-owning-memory)

void ThreadPool::run(Work work) {
  const std::lock_guard lock(mutex_);
  waiting_.push_back(std::move(work));
  if (idle_ >= waiting_.size() || threads_ >= bounds::blocking_threads) {
    changed_.notify_one();
    return;
  }
  try {
    auto thread = sys::start_thread([this] { serve(); });
    if (!thread) throw std::system_error(thread.error(), std::generic_category(), "start a thread");
    thread->detach();
    ++threads_;
  } catch (...) {
    if (threads_ > 0) return;           // one of those takes it
    work = std::move(waiting_.back());  // what it owns ends without the lock
    waiting_.pop_back();
    throw;
  }
}

void ThreadPool::serve() {
  std::unique_lock lock(mutex_);
  for (;;) {
    while (waiting_.empty()) {
      ++idle_;
      const bool in_time = changed_.wait_for(lock, idle_time, [this] { return !waiting_.empty(); });
      --idle_;
      if (!in_time) {
        --threads_;
        return;
      }
    }
    Work work = std::move(waiting_.front());
    waiting_.pop_front();
    lock.unlock();
    work();
    work = nullptr;  // what it owns ends here, without the lock
    lock.lock();
  }
}

}  // namespace hallway::detail
