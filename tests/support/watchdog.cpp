// SPDX-License-Identifier: Apache-2.0
#include "support/watchdog.hpp"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <csignal>
#include <cstdlib>

namespace hallway::test {

namespace {

// A signal handler can reach nothing but globals, and may not allocate.
std::array<char, 512> message;
std::size_t message_size = 0;
unsigned allowed = Watchdog::seconds;

void bite(int) {
  [[maybe_unused]] const ssize_t written = ::write(STDERR_FILENO, message.data(), message_size);
  std::abort();
}

}  // namespace

void Watchdog::start(const std::string& test, unsigned limit) {
  allowed = seconds;
  const std::string text = "\nwatchdog: " + test + " ran over its time\n";
  message_size = std::min(text.size(), message.size());
  std::copy_n(text.data(), message_size, message.data());
  std::signal(SIGALRM, bite);
  ::alarm(limit);
}

void Watchdog::stop() { ::alarm(0); }

void Watchdog::allow(unsigned longer) {
  allowed = std::max(longer, seconds);
  ::alarm(allowed);
}

void watch_forked_child() { ::alarm(allowed); }

}  // namespace hallway::test
