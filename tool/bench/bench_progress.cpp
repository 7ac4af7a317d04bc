// SPDX-License-Identifier: Apache-2.0
#include "bench/bench_progress.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <string>
#include <utility>

#include "io/figures.hpp"
#include "io/log.hpp"

namespace hallway::tool {

namespace {

constexpr Duration between_drawings = std::chrono::milliseconds(100);
constexpr std::size_t bar_width = 24;

void write(std::string text) { Log::standard_error().write(std::move(text)); }

std::string line_of(const Load& load, const Measurement& measured) {
  if (!measured.begun()) return "connecting";
  const Duration passed = std::chrono::steady_clock::now() - measured.began();
  const double share = std::min(1.0, seconds(passed) / seconds(load.duration));
  const auto full = static_cast<std::size_t>(share * bar_width);
  std::string line =
      fmt::format("[{}{}] {:>4} of {:.3g} s", std::string(full, '#'),
                  std::string(bar_width - full, ' '), write_share(share), seconds(load.duration));
  if (measured.intervals().empty()) return line;
  const Interval& last = measured.intervals().back();
  return line + fmt::format("  {}/s  p99 {}", write_grouped(last.rate()),
                            write_time(static_cast<double>(last.p99)));
}

/// Erases the line when the coroutine is destroyed, wherever it waits.
struct Eraser {
  Eraser() = default;
  Eraser(const Eraser&) = delete;
  Eraser& operator=(const Eraser&) = delete;
  ~Eraser() { write("\r\x1b[K"); }
};

}  // namespace

Task<> show_progress(Loop& loop, const Load& load, const Measurement& measured) {
  const Eraser eraser;
  do {
    // If the terminal is stopped (Ctrl-S), wait: a queued line would be out of date when shown.
    co_await loop.writable(STDERR_FILENO);
    write("\r" + line_of(load, measured) + "\x1b[K");
  } while (co_await loop.sleep(between_drawings) == Outcome::ok);
}

}  // namespace hallway::tool
