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
  return fmt::format("hallway: {} log lines were dropped, nobody took them\n", missing);
}

/// In one write(2): whether anybody takes it is seen piece by piece.
constexpr std::size_t piece = 16 * kibibyte;

}  // namespace

/// What the owner and the thread share, as long as one of them is there.
struct Log::State {
  explicit State(int its_descriptor) : descriptor(its_descriptor) {}

  /// The life of the thread.
  void run() {
    std::unique_lock lock(mutex);
    while (wait_for_work(lock)) {
      run_actions(lock);
      write_next(lock);
    }
  }

  // The following are called with the lock, and return with it.

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

  /// A log that failed is tried again with the next line, and not all the time.
  [[nodiscard]] bool has_lines() const { return !waiting.empty() || (dropped > 0 && !failed); }
  [[nodiscard]] bool has_work() const { return has_lines() || !actions.empty(); }

  /// False: nobody will queue anything more.
  bool wait_for_work(std::unique_lock<std::mutex>& lock) {
    for (;;) {
      queue_what_is_due();
      if (has_work()) return true;
      if (ownerless) return false;
      if (timed.empty()) {
        changed.wait(lock);
      } else {
        const auto until = timed.begin()->first;  // a copy: it may be gone after the wait
        changed.wait_until(lock, until);
      }
    }
  }

  /// The missing lines are the oldest ones, so that they are told before what is left.
  void write_next(std::unique_lock<std::mutex>& lock) {
    if (!has_lines()) return;
    const std::uint64_t missing = std::exchange(dropped, 0);
    std::string lines = missing > 0 ? dropped_line(missing) : take_oldest();
    writing = true;
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

  /// Without the lock.
  bool write_all(std::string_view text) {
    // A write that failed in the middle of a line left half of it.
    if (std::exchange(mid_line, false) && patient_write(descriptor, "\n") < 0) {
      mid_line = true;
      return false;
    }
    while (!text.empty()) {
      const ssize_t wrote = patient_write(descriptor, text.substr(0, piece));
      if (wrote < 0) return false;
      text.remove_prefix(static_cast<std::size_t>(wrote));
      mid_line = !text.empty();
      const std::lock_guard lock(mutex);
      ++writes;
      progress.notify_all();
    }
    return true;
  }

  const int descriptor;
  bool mid_line = false;  // the writer's alone
  std::mutex mutex;       // of what follows
  std::condition_variable changed;
  std::condition_variable progress;
  std::deque<std::string> waiting;
  std::size_t waiting_bytes = 0;
  std::multimap<Clock::time_point, std::function<std::string()>> timed;
  std::function<std::string(std::uint64_t)> dropped_line = plain_dropped_line;
  std::function<void(const std::string&)> taker;
  std::vector<std::function<void()>> actions;
  std::uint64_t dropped = 0;  // lines, not told yet
  std::uint64_t writes = 0;
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
    // A user with as many threads as are allowed still wants to know what is wrong.
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
  // Without a thread there is nobody else to wait.
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
  const auto end = Clock::now() + log_end_time;
  const auto written = [this] {
    return state_->timed.empty() && !state_->writing && !state_->has_work();
  };
  while (!written() && Clock::now() < end) {
    const auto before = state_->writes;
    const auto patience = std::min(end, Clock::now() + log_patience);
    const bool moved = state_->progress.wait_until(
        lock, patience, [&] { return written() || state_->writes != before; });
    if (!moved) return;
  }
}

}  // namespace hallway::tool
