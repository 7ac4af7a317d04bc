// SPDX-License-Identifier: Apache-2.0
//
// What a load is, and what was measured under it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <hallway/limits.hpp>

#include "bench/bench_flight.hpp"
#include "bench/histogram.hpp"
#include "cli/flags.hpp"

namespace hallway::tool {

enum class Pattern : std::uint8_t {
  pingpong,   ///< each connection waits for an answer before it sends again
  stream,     ///< each connection sends on while answers come
  broadcast,  ///< one connection sends, all others receive
  connect,    ///< each message has a connection of its own
};

/// "pingpong", "stream", "broadcast", "connect"
std::string_view to_string(Pattern pattern) noexcept;

/// What is counted: "round trips", "answers", "deliveries", "connections".
std::string_view counted_by(Pattern pattern) noexcept;

struct Load {
  Pattern pattern = Pattern::pingpong;
  LoopOptions loop;  ///< of the load, and of a server of its own
  Wire wire;
  Target target;
  bool own_server = false;
  std::size_t size = 64;
  std::size_t connections = 1;
  Duration duration = std::chrono::seconds(5);
  std::optional<std::size_t> rate;  ///< messages a second that are meant to leave, all together

  [[nodiscard]] Duration timeout() const { return target.timeout.value_or(defaults::connect_time); }
};

/// A stretch of the run. Times in nanoseconds; without answers they are 0.
struct Interval {
  Duration begin;
  Duration length;
  std::uint64_t answers;
  std::uint64_t p50;
  std::uint64_t p99;
  std::uint64_t max;

  [[nodiscard]] double rate() const noexcept;  ///< a second
};

class Measurement {
 public:
  /// @param expected  how long it is going to take
  explicit Measurement(Duration expected);

  void begin(Moment now);
  [[nodiscard]] bool begun() const noexcept { return begun_; }

  /// An answer came to what was meant to leave at `intended`.
  void record(Moment intended, Moment now) {
    if (now >= interval_end_) [[unlikely]] {
      close_intervals(now);
    }
    current_.record(static_cast<std::uint64_t>((now - intended).count()));
    last_ = now;
  }

  /// No more is sent.
  void sending_ended(Moment now) noexcept { last_ = now; }

  /// No more is recorded.
  void end();

  /// All that was recorded; of a run that goes on, up to its last whole interval.
  [[nodiscard]] const Histogram& latencies() const noexcept { return latencies_; }
  [[nodiscard]] const std::vector<Interval>& intervals() const noexcept { return intervals_; }
  [[nodiscard]] Moment began() const noexcept { return start_; }

  /// From the beginning to the last answer, or to the end of sending if that was later.
  [[nodiscard]] Duration elapsed() const noexcept { return last_ - start_; }
  [[nodiscard]] double rate() const noexcept;  ///< answers a second

  std::uint64_t sent = 0;
  std::uint64_t lost = 0;
  std::uint64_t reordered = 0;
  std::uint64_t repeated = 0;
  std::uint64_t unsent = 0;          ///< due by the rate asked for, and never sent
  double load_cpu = 0;               ///< cores kept busy by the load itself
  std::optional<double> server_cpu;  ///< the same of a server started for this
  std::string cut_short;             ///< why the run was shorter than asked, if it was

  [[nodiscard]] bool is_sound() const noexcept { return lost + reordered + repeated == 0; }

 private:
  void close_intervals(Moment now);
  void close_interval(Duration length);

  Duration width_;
  Histogram current_;
  Histogram latencies_;
  std::vector<Interval> intervals_;
  Moment start_;
  Moment interval_end_ = Moment::max();
  Moment last_;
  bool begun_ = false;
};

/// In seconds, as arithmetic wants it.
inline double seconds(Duration duration) { return std::chrono::duration<double>(duration).count(); }

}  // namespace hallway::tool
