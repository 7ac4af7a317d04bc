// SPDX-License-Identifier: Apache-2.0
//
// The best way of waiting known for one socket: look, spin for a while but let others run, sleep.
#include <poll.h>
#include <sched.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <cstdint>

#include "../support/clock.hpp"
#include "../support/raw_round_trips.hpp"

namespace {

class Hybrid {
 public:
  explicit Hybrid(int socket) noexcept : socket_(socket) {}

  ssize_t read(std::span<char> space) {
    ssize_t got = look(space);
    if (nothing_yet(got) && !skips()) got = spin(space);
    while (nothing_yet(got)) {
      pollfd wanted{.fd = socket_, .events = POLLIN, .revents = 0};
      poll(&wanted, 1, -1);
      got = look(space);
    }
    return got;
  }

 private:
  static constexpr std::uint64_t longest_spin = 20'000;
  static constexpr std::uint64_t long_yield = 100'000;  // then somebody else has work for this core
  static constexpr std::uint32_t least_skipped = 64;
  static constexpr std::uint32_t most_skipped = 8192;

  [[nodiscard]] ssize_t look(std::span<char> space) const {
    return recv(socket_, space.data(), space.size(), MSG_DONTWAIT);
  }
  static bool nothing_yet(ssize_t got) { return got < 0 && (errno == EAGAIN || errno == EINTR); }

  bool skips() {
    if (skip_ == 0) return false;
    --skip_;
    return true;
  }

  ssize_t spin(std::span<char> space) {
    const std::uint64_t start = bench::now();
    std::uint64_t before = start;
    while (before - start < longest_spin) {
      sched_yield();
      const ssize_t got = look(space);
      const std::uint64_t after = bench::now();
      if (after - before > long_yield) {
        skip_ = next_skip_;
        next_skip_ = std::min(2 * next_skip_, most_skipped);
        return got;
      }
      if (!nothing_yet(got)) {
        next_skip_ = least_skipped;
        return got;
      }
      before = after;
    }
    errno = EAGAIN;
    return -1;
  }

  int socket_;
  std::uint32_t skip_ = 0;  // waits without spinning that are left
  std::uint32_t next_skip_ = least_skipped;
};

}  // namespace

int main(int argc, char** argv) { return bench::run_raw_round_trips<Hybrid>(argc, argv); }
