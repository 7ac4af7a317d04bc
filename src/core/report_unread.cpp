// SPDX-License-Identifier: Apache-2.0
#include "core/report_unread.hpp"

#include <cstdio>
#include <mutex>
#include <new>
#include <string>
#include <utility>

namespace hallway::detail {

std::optional<std::uint64_t> OncePerSecond::admit(TimePoint now) noexcept {
  if (last_ && now - *last_ < std::chrono::seconds(1)) {
    ++held_back_;
    return std::nullopt;
  }
  last_ = now;
  return std::exchange(held_back_, 0);
}

namespace {

std::optional<std::uint64_t> admit() noexcept {
  static constinit std::mutex mutex;
  static constinit OncePerSecond limit;
  const std::lock_guard lock(mutex);
  return limit.admit(std::chrono::steady_clock::now());
}

}  // namespace

void report_unread(const Error& error) noexcept {
  const auto others = admit();
  if (!others) return;
  try {
    std::string line = "hallway: nobody looked at this failure: " + error.explain();
    if (*others > 0) line += " (" + std::to_string(*others) + " others were not printed)";
    line += '\n';
    std::fputs(line.c_str(), stderr);
  } catch (const std::bad_alloc&) {
    // A destructor calls this, and has no caller that could be notified.
  }
}

}  // namespace hallway::detail
