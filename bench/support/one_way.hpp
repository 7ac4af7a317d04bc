// SPDX-License-Identifier: Apache-2.0
//
// The work `oneway`: the client sends numbered messages as fast as it can, --count of them or for
// --duration, and the server takes every one out of the stream and checks its number.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "clock.hpp"
#include "numbered.hpp"
#include "options.hpp"
#include "program.hpp"
#include "sides.hpp"
#include "stream.hpp"

namespace bench {

/// The client's half, whatever carries its messages:
///
///     while (const auto message = departures.next()) send(*message);
///     departures.end();
class Departures {
 public:
  Departures(Side& side, const Options& options)
      : side_(&side),
        message_(options.size),
        between_looks_(std::clamp<std::size_t>(enough_bytes / message_.size(), 1, 256)),
        count_(options.count > 0 ? options.count : unlimited),
        duration_(static_cast<std::uint64_t>(options.duration * 1e9)) {}

  /// The next message, borrowed until the next call; the last one says that it is the last, and
  /// after it there is none.
  std::optional<std::string_view> next() {
    if (over_) return std::nullopt;
    // Looking at the clock for each message would cost more than sending it.
    if (next_ + 1 == count_ || (next_ % between_looks_ == 0 && time_is_up())) {
      over_ = true;
      return message_.last();
    }
    return message_.with(next_++);
  }

  [[nodiscard]] bool over() const noexcept { return over_; }

  /// Everything was handed over for good.
  void end() { side_->end(next_ + 1); }

 private:
  static constexpr std::size_t enough_bytes = 64 << 10;
  static constexpr std::uint64_t unlimited = UINT64_MAX;

  bool time_is_up() {
    if (!side_->began()) {
      side_->begin();
      end_ = now() + duration_;
    }
    return count_ == unlimited && now() >= end_;
  }

  Side* side_;
  Numbered message_;
  std::uint64_t between_looks_;
  std::uint64_t count_;
  std::uint64_t duration_;
  std::uint64_t end_ = 0;
  std::uint64_t next_ = 0;
  bool over_ = false;
};

/// What a program gathers that batches by hand, and what one reads at once.
inline constexpr std::size_t batch_size = std::size_t{256} << 10;

/// Batching by hand: messages copied into one buffer, frame after frame.
class Batch {
 public:
  explicit Batch(const Options& options)
      : frame_size_(length_size + std::max(options.size, sizeof(std::uint64_t))),
        buffer_(std::max(batch_size, frame_size_)) {}

  /// As many as fit, borrowed until the next call; empty when there are no more.
  std::string_view fill(Departures& departures) {
    char* end = buffer_.data();
    for (std::size_t room = buffer_.size(); room >= frame_size_; room -= frame_size_) {
      const auto message = departures.next();
      if (!message) break;
      end = write_frame(*message, end);
    }
    return {buffer_.data(), end};
  }

 private:
  std::size_t frame_size_;
  std::vector<char> buffer_;
};

/// The server's half.
class Arrivals {
 public:
  Arrivals(Side& side, const Options& options) : side_(&side), sequence_(options.size) {}

  /// Takes a message. False when it was the last: then everything has arrived.
  bool take(std::string_view message) {
    if (sequence_.taken() == 0) side_->begin();
    if (sequence_.take(message)) [[likely]] {
      return true;
    }
    side_->end(sequence_.taken() + 1);
    return false;
  }

 private:
  Side* side_;
  Sequence sequence_;
};

/// The main function of a oneway: runs both halves and prints the line.
int run_one_way(int argc, char** argv, const Half& receive, const Half& send);

}  // namespace bench
