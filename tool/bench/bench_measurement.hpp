// SPDX-License-Identifier: Apache-2.0
//
// The settings of a load, and the measurement made under it.
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
  stream,     ///< each connection sends without waiting for answers
  broadcast,  ///< one connection sends, all others receive
  connect,    ///< each message has a connection of its own
};

/// "pingpong", "stream", "broadcast", "connect"
std::string_view to_string(Pattern pattern) noexcept;

/// The unit that is counted: "round trips", "answers", "deliveries", "connections".
std::string_view counted_by(Pattern pattern) noexcept;

struct Load {
  Pattern pattern = Pattern::pingpong;
  LoopOptions loop;  ///< for the load and for its own server
  Wire wire;
  Target target;
  bool own_server = false;
  std::size_t size = 64;
  std::size_t connections = 1;
  Duration duration = std::chrono::seconds(5);
  std::optional<std::size_t> rate;  ///< messages a second to send, over all connections

  [[nodiscard]] Duration timeout() const { return target.timeout.value_or(defaults::connect_time); }
};

/// A part of the run. Latencies are in nanoseconds, and 0 if there were no answers.
struct Interval {
  Duration begin;
  Duration length;
  std::uint64_t answers;
  std::uint64_t p50;
  std::uint64_t p99;
  std::uint64_t max;

  [[nodiscard]] double rate() const noexcept;  ///< answers a second
};

class Measurement {
 public:
  /// @param expected  expected duration of the run
  explicit Measurement(Duration expected);

  void begin(Moment now);
  [[nodiscard]] bool begun() const noexcept { return begun_; }

  /// Records an answer to the message that was due at `intended`.
  void record(Moment intended, Moment now) {
    if (now >= interval_end_) [[unlikely]] {
      close_intervals(now);
    }
    current_.record(static_cast<std::uint64_t>((now - intended).count()));
    last_ = now;
  }

  /// The load has stopped sending.
  void sending_ended(Moment now) noexcept { last_ = now; }

  /// Ends the recording.
  void end();

  /// All recorded latencies; before end(), those up to the last complete interval.
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
  std::uint64_t unsent = 0;          ///< due by the requested rate, but never sent
  double load_cpu = 0;               ///< cores kept busy by the load itself
  std::optional<double> server_cpu;  ///< the same for the server started for this run
  std::string cut_short;             ///< why the run was shorter than requested, if it was

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

/// A duration in seconds, for arithmetic.
inline double seconds(Duration duration) { return std::chrono::duration<double>(duration).count(); }

}  // namespace hallway::tool
