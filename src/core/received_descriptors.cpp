// SPDX-License-Identifier: Apache-2.0
#include "core/received_descriptors.hpp"

#include <pthread.h>

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <exception>
#include <iterator>
#include <mutex>
#include <new>
#include <utility>

#include "core/thread_with_signals_blocked.hpp"

namespace hallway::core {

namespace {

using namespace std::chrono_literals;

// A peer can make each close(2) take seconds, and every descriptor that waits for it counts against
// the limit of the process.
constexpr std::size_t most_waiting = 256;

// The thread stays this long, so that a steady trickle does not start a thread per descriptor.
constexpr auto idle_time = 20ms;

class Closer {
 public:
  void add(std::vector<Descriptor>& descriptors) {
    const std::lock_guard lock(mutex_);
    if (waiting_.size() + in_hand_ + descriptors.size() > most_waiting) return;
    if (!running_) start();
    std::ranges::move(descriptors, std::back_inserter(waiting_));
    descriptors.clear();
    work_.notify_one();
  }

 private:
  void start() {
    thread_with_signals_blocked([this] { run(); }).detach();
    running_ = true;
  }

  void run() {
    std::unique_lock lock(mutex_);
    while (work_.wait_for(lock, idle_time, [this] { return !waiting_.empty(); })) {
      std::vector<Descriptor> batch = std::exchange(waiting_, {});
      in_hand_ = batch.size();
      lock.unlock();
      batch.clear();
      lock.lock();
      in_hand_ = 0;
    }
    running_ = false;
  }

  std::mutex mutex_;
  std::condition_variable work_;
  std::vector<Descriptor> waiting_;
  std::size_t in_hand_ = 0;
  bool running_ = false;
};

Closer& closer() {
  // It is never destroyed, because its thread may outlive main().
  alignas(Closer) static std::byte place[sizeof(Closer)];
  static auto* const one = [] {
    // A forked child lacks the thread, and its copy of the mutex may stay locked forever, so the
    // child starts with a new Closer.
    ::pthread_atfork(nullptr, nullptr, [] { new (place) Closer; });
    return new (place) Closer;
  }();
  return *one;
}

}  // namespace

void close_in_background(std::vector<Descriptor> descriptors) noexcept {
  if (descriptors.empty()) return;
  try {
    closer().add(descriptors);
  } catch (const std::exception&) {
    // There is no memory or no thread: the remaining descriptors are closed on return.
  }
}

void close_in_background(Descriptor descriptor) noexcept {
  try {
    std::vector<Descriptor> one;
    one.push_back(std::move(descriptor));
    close_in_background(std::move(one));
  } catch (const std::exception&) {
    // There is no memory: the descriptor is closed on return.
  }
}

}  // namespace hallway::core
