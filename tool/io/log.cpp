// SPDX-License-Identifier: Apache-2.0
#include "io/log.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <condition_variable>
#include <deque>
#include <exception>
#include <map>
#include <mutex>
#include <string_view>
#include <utility>
#include <vector>

#include "io/patient_write.hpp"

namespace hallway::tool {

namespace {

std::uint64_t lines_in(std::string_view text) {
  return static_cast<std::uint64_t>(std::ranges::count(text, '\n'));
}

std::string plain_dropped_line(std::uint64_t missing) {
  return fmt::format("hallway: {} log lines dropped: standard error was not read\n", missing);
}

/// Bytes per write(2), so that finish() can see progress.
constexpr std::size_t bytes_per_log_write = 16 * kibibyte;

}  // namespace

/// Shared by the owner and the thread; the last of them frees it.
struct Log::State {
  explicit State(int its_descriptor) : descriptor(its_descriptor) {}

  /// The body of the thread.
  void run() {
    std::unique_lock lock(mutex);
    while (wait_for_work(lock)) {
      run_actions(lock);
      write_next(lock);
    }
  }

  // The following are called with the lock held, and return with it held.

  void queue(std::string lines) {
    waiting_bytes += lines.size();
    waiting.push_back(std::move(lines));
    while (waiting_bytes > log_waiting && waiting.size() > 1) drop_oldest();
    changed.notify_all();
  }

  void drop_oldest() {
    dropped += lines_in(waiting.front());
    waiting_bytes -= waiting.front().size();
    waiting.pop_front();
  }

  void queue_what_is_due() {
    const auto now = Clock::now();
    while (!timed.empty() && (ending || timed.begin()->first <= now)) {
      const auto lines = std::move(timed.begin()->second);
      timed.erase(timed.begin());
      queue(lines());
    }
  }

  void run_actions(std::unique_lock<std::mutex>& lock) {
    const auto due = std::exchange(actions, {});
    lock.unlock();
    for (const auto& action : due) action();
    lock.lock();
  }

  /// After a failed write, the next line triggers a retry. A count of dropped lines alone does not.
  [[nodiscard]] bool has_lines() const { return !waiting.empty() || (dropped > 0 && !failed); }
  [[nodiscard]] bool has_work() const { return has_lines() || !actions.empty(); }

  /// @return false if the owner is gone and nothing is left to write
  bool wait_for_work(std::unique_lock<std::mutex>& lock) {
    for (;;) {
      queue_what_is_due();
      if (has_work()) return true;
      if (ownerless) return false;
      if (timed.empty()) {
        changed.wait(lock);
      } else {
        const auto until = timed.begin()->first;  // a copy: the entry may be gone after the wait
        changed.wait_until(lock, until);
      }
    }
  }

  /// Dropped lines are the oldest ones, so their count is written before the remaining lines.
  void write_next(std::unique_lock<std::mutex>& lock) {
    if (!has_lines()) return;
    const std::uint64_t missing = std::exchange(dropped, 0);
    std::string lines = missing > 0 ? dropped_line(missing) : take_oldest();
    writing = true;
    ++steps;
    lock.unlock();
    const bool wrote = write_all(lines);
    lock.lock();
    writing = false;
    failed = !wrote;
    if (failed) {
      dropped += missing > 0 ? missing : lines_in(lines);
      while (!waiting.empty()) drop_oldest();
    }
    progress.notify_all();
  }

  std::string take_oldest() {
    std::string lines = std::move(waiting.front());
    waiting_bytes -= lines.size();
    waiting.pop_front();
    return lines;
  }

  /// Called without the lock.
  bool write_all(std::string_view text) {
    // A failed write left an incomplete line, which is ended first.
    if (std::exchange(mid_line, false) && patient_write(descriptor, "\n") < 0) {
      mid_line = true;
      return false;
    }
    while (!text.empty()) {
      const ssize_t wrote = patient_write(descriptor, text.substr(0, bytes_per_log_write));
      if (wrote < 0) return false;
      text.remove_prefix(static_cast<std::size_t>(wrote));
      mid_line = !text.empty();
      const std::lock_guard lock(mutex);
      ++steps;
      progress.notify_all();
    }
    return true;
  }

  const int descriptor;
  bool mid_line = false;  // used by the writing thread only
  std::mutex mutex;       // guards what follows
  std::condition_variable changed;
  std::condition_variable progress;
  std::deque<std::string> waiting;
  std::size_t waiting_bytes = 0;
  std::multimap<Clock::time_point, std::function<std::string()>> timed;
  std::function<std::string(std::uint64_t)> dropped_line = plain_dropped_line;
  std::function<void(const std::string&)> taker;
  std::vector<std::function<void()>> actions;
  std::uint64_t dropped = 0;  // lines not reported yet
  std::uint64_t steps = 0;    // of the writing thread: writes begun and ended
  bool started = false;
  bool writing = false;
  bool failed = false;
  bool ending = false;
  bool ownerless = false;
};

Log& Log::standard_error() {
  static Log log(STDERR_FILENO);
  return log;
}

Log::Log(int descriptor) : state_(std::make_shared<State>(descriptor)) {}

Log::~Log() {
  const std::lock_guard lock(state_->mutex);
  state_->ownerless = true;
  state_->changed.notify_all();
}

bool Log::start() {
  if (state_->started) return true;
  try {
    start_writing_thread([state = state_] { state->run(); });
    state_->started = true;
  } catch (const std::exception&) {
    // At the user's limit of threads, errors must still be reported: write() writes them itself.
  }
  return state_->started;
}

void Log::write(std::string lines) {
  std::unique_lock lock(state_->mutex);
  if (const auto taker = state_->taker) {
    lock.unlock();
    return taker(lines);
  }
  state_->queue(std::move(lines));
  // Without a thread, the caller writes, and blocks.
  if (!start()) state_->write_next(lock);
}

void Log::write_at(Clock::time_point when, std::function<std::string()> lines) {
  const std::lock_guard lock(state_->mutex);
  state_->timed.emplace(when, std::move(lines));
  state_->changed.notify_all();
}

void Log::on_dropped(std::function<std::string(std::uint64_t)> line) {
  const std::lock_guard lock(state_->mutex);
  state_->dropped_line = std::move(line);
}

void Log::divert(std::function<void(const std::string&)> taker) {
  const std::lock_guard lock(state_->mutex);
  state_->taker = std::move(taker);
}

void Log::run_in_thread(std::function<void()> action) {
  const std::lock_guard lock(state_->mutex);
  if (!state_->started) return;
  state_->actions.push_back(std::move(action));
  state_->changed.notify_all();
}

void Log::finish() {
  std::unique_lock lock(state_->mutex);
  if (!state_->started) return;
  state_->ending = true;
  state_->changed.notify_all();
  const auto begun = Clock::now();
  const auto written = [this] {
    return state_->timed.empty() && !state_->writing && !state_->has_work();
  };
  while (!written()) {
    const auto before = state_->steps;
    const bool moved = state_->progress.wait_for(
        lock, log_patience, [&] { return written() || state_->steps != before; });
    // On a busy machine, the thread itself can be late: it is not in a write, or the reader has
    // room.
    const bool thread_is_late = !moved && (!state_->writing || takes_writes(state_->descriptor));
    if (!moved && !thread_is_late) return;
    if (Clock::now() - begun >= (thread_is_late ? log_thread_time : log_end_time)) return;
  }
}

}  // namespace hallway::tool
