// SPDX-License-Identifier: Apache-2.0
//
// The work `large`: the client sends big messages, of which at most three are on their way; the
// server reads every byte of each and answers with a single one.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>
#include <string_view>

#include "fail.hpp"
#include "numbered.hpp"
#include "one_way.hpp"
#include "options.hpp"
#include "program.hpp"
#include "sides.hpp"

namespace bench {

inline constexpr std::string_view acknowledgement = "a";

/// The client's half, whatever carries its messages:
///
///     while (const auto message = window.next()) {
///       send(*message);
///       for (; window.waits(); window.acknowledged()) receive_acknowledgement();
///     }
///     window.end();
class Window {
 public:
  Window(Side& side, const Options& options) : departures_(side, options) {}

  /// As Departures::next().
  std::optional<std::string_view> next() {
    const auto message = departures_.next();
    if (message) ++on_their_way_;
    return message;
  }

  /// Whether an acknowledgement has to come first: the window is full, or the last one was sent.
  [[nodiscard]] bool waits() const noexcept {
    return on_their_way_ == most || (departures_.over() && on_their_way_ > 0);
  }
  void acknowledged() noexcept { --on_their_way_; }

  void end() { departures_.end(); }

  static constexpr std::size_t most = 3;

 private:
  Departures departures_;
  std::size_t on_their_way_ = 0;
};

/// Adds up all bytes, eight at a time.
inline std::uint64_t sum_of(std::string_view bytes) {
  std::uint64_t sum = 0;
  std::size_t at = 0;
  for (; at + sizeof sum <= bytes.size(); at += sizeof sum) sum += number_of(bytes.substr(at));
  for (; at < bytes.size(); ++at) sum += static_cast<unsigned char>(bytes[at]);
  return sum;
}

/// The server's half.
class Deliveries {
 public:
  Deliveries(Side& side, const Options& options)
      : arrivals_(side, options), filler_(sum_of(Numbered(options.size).with(0))) {}

  /// Reads a message from its first byte to its last. False when it was the last one: it is to be
  /// acknowledged, too.
  bool take(std::string_view message) {
    if (sum_of(message) != filler_ + number_of(message)) fail("bytes were changed on their way");
    return arrivals_.take(message);
  }

 private:
  Arrivals arrivals_;
  std::uint64_t filler_;  // the sum of a message with the number 0
};

/// The main function of a large: runs both halves and prints the line. Unless --size says otherwise
/// a message has 1 MiB.
int run_large(int argc, char** argv, const Half& receive, const Half& send);

}  // namespace bench
