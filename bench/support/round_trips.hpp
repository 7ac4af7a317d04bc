// SPDX-License-Identifier: Apache-2.0
//
// The work `pingpong`: the client asks, the server sends the same bytes back, over and over.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "clock.hpp"
#include "fail.hpp"
#include "latencies.hpp"
#include "numbered.hpp"
#include "options.hpp"
#include "program.hpp"
#include "sides.hpp"

namespace bench {

/// The client's half, whatever carries its messages:
///
///     do {
///       send(trips.question());
///     } while (trips.answered(receive()));
class RoundTrips {
 public:
  RoundTrips(Side& side, const Options& options)
      : side_(&side), message_(options.size), options_(options), latencies_(room) {}

  /// What to send now. Borrowed until the next call.
  std::string_view question() {
    const std::string_view message = message_.with(next_);
    asked_ = now();
    return message;
  }

  /// Checks an answer and notes how long it took. False when it was the last.
  bool answered(std::string_view answer) {
    const std::uint64_t time = now();
    if (answer.size() != message_.size() || number_of(answer) != next_) {
      fail("this is not the answer to the question");
    }
    if (next_ >= warm_up) latencies_.note(time - asked_);
    if (++next_ == warm_up) {
      side_->begin();
      end_ = now() + static_cast<std::uint64_t>(options_.duration * 1e9);
    }
    if (next_ <= warm_up) return true;
    if (options_.count > 0 ? latencies_.count() < options_.count
                           : time < end_ && latencies_.count() < room) {
      return true;
    }
    side_->end(latencies_.count());
    side_->account().latency = latencies_.summarize();
    return false;
  }

  /// The message after the last answer, for servers that cannot see that the client is gone.
  std::string_view goodbye() { return message_.last(); }

  static constexpr std::uint64_t warm_up = 200;

 private:
  static constexpr std::size_t room = 2'000'000;

  Side* side_;
  Numbered message_;
  Options options_;
  Latencies latencies_;
  std::uint64_t next_ = 0;
  std::uint64_t asked_ = 0;
  std::uint64_t end_ = 0;
};

/// The server's half: it counts what it sends back, until the client is gone.
class Echoes {
 public:
  Echoes(Side& side, const Options& options) : side_(&side), sequence_(options.size) {}

  /// Checks a question. False when it was the one that says there are no more.
  bool asked(std::string_view question) {
    if (sequence_.taken() == RoundTrips::warm_up && !side_->began()) side_->begin();
    return sequence_.take(question);
  }

  void end() { side_->end(sequence_.taken() - RoundTrips::warm_up); }

 private:
  Side* side_;
  Sequence sequence_;
};

/// The main function of a pingpong: runs both halves and prints the line. `serve` says ready()
/// when it listens.
int run_round_trips(int argc, char** argv, const Half& serve, const Half& ask);

}  // namespace bench
