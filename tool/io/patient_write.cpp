// SPDX-License-Identifier: Apache-2.0
#include "io/patient_write.hpp"

#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <utility>

#include <hallway/deadline.hpp>

#include "io/thread.hpp"

namespace hallway::tool {

namespace {

/// Whether to retry a call that failed with errno. Waits until the descriptor is ready.
bool may_go_on(int descriptor, short events) {
  if (errno == EINTR) return true;
  if (errno != EAGAIN && errno != EWOULDBLOCK) return false;
  pollfd ready{.fd = descriptor, .events = events, .revents = 0};
  return poll(&ready, 1, -1) >= 0 || errno == EINTR;
}

}  // namespace

ssize_t patient_write(int descriptor, std::string_view bytes) {
  for (;;) {
    const ssize_t wrote = ::write(descriptor, bytes.data(), bytes.size());
    if (wrote >= 0 || !may_go_on(descriptor, POLLOUT)) return wrote;
  }
}

bool takes_writes(int descriptor) {
  pollfd ready{.fd = descriptor, .events = POLLOUT, .revents = 0};
  return poll(&ready, 1, 0) > 0;
}

ssize_t patient_read(int descriptor, char* buffer, std::size_t size) {
  for (;;) {
    const ssize_t got = ::read(descriptor, buffer, size);
    if (got >= 0 || !may_go_on(descriptor, POLLIN)) return got;
  }
}

Awaited wait_readable(int descriptor, int output, Duration within) {
  const Deadline deadline(within);
  for (;;) {
    // Without being requested, poll(2) reports that the last reader of a pipe is gone.
    std::array<pollfd, 2> watched{pollfd{.fd = descriptor, .events = POLLIN, .revents = 0},
                                  pollfd{.fd = output, .events = 0, .revents = 0}};
    const Duration left = std::min<Duration>(deadline.left(), std::chrono::hours(1));
    const auto rounded_up = std::chrono::ceil<std::chrono::milliseconds>(left).count();
    const int found = poll(watched.data(), watched.size(), static_cast<int>(rounded_up));
    if (found > 0) return watched[1].revents != 0 ? Awaited::reader_gone : Awaited::readable;
    if (found == 0 && deadline.passed()) return Awaited::timed_out;
  }
}

void start_writing_thread(std::function<void()> body) {
  thread_with_signals_blocked(std::move(body), {SIGTTOU}).detach();
}

}  // namespace hallway::tool
