// SPDX-License-Identifier: Apache-2.0
#include "sys/event.hpp"

#include <poll.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <ctime>

#include <hallway/deadline.hpp>

#include "sys/adopted.hpp"

namespace hallway::sys {

namespace {

static_assert(event_readable == EPOLLIN && event_writable == EPOLLOUT && event_error == EPOLLERR);
static_assert(event_hangup == EPOLLHUP && event_peer_finished == EPOLLRDHUP);
static_assert(event_edge_only == EPOLLET);
static_assert(POLLIN == EPOLLIN && POLLOUT == EPOLLOUT && POLLRDHUP == EPOLLRDHUP);

timespec to_timespec(Duration duration) {
  const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(duration);
  return {static_cast<time_t>(seconds.count()), static_cast<long>((duration - seconds).count())};
}

epoll_event to_epoll(std::uint32_t events, void* data) {
  epoll_event event{};
  event.events = events;
  event.data.ptr = data;
  return event;
}

// Linux has epoll_pwait2(2) since 5.11, but valgrind before 3.20 lacks it. Without it, times are
// rounded up to milliseconds.
std::atomic<bool> lacks_pwait2 =
    false;  // NOLINT(cppcoreguidelines-avoid-non-const-global-variables)

int wait_for_events(int epoll, std::span<epoll_event> events, Duration longest) {
  const auto room = static_cast<int>(events.size());
  if (!lacks_pwait2.load(std::memory_order_relaxed)) {
    const timespec limit = to_timespec(longest);
    const int count =
        ::epoll_pwait2(epoll, events.data(), room, longest == forever ? nullptr : &limit, nullptr);
    if (count >= 0 || errno != ENOSYS) return count;
    lacks_pwait2.store(true, std::memory_order_relaxed);
  }
  using std::chrono::milliseconds;
  const auto time =
      std::chrono::ceil<milliseconds>(std::min<Duration>(longest, std::chrono::hours(1)));
  return ::epoll_pwait(epoll, events.data(), room,
                       longest == forever ? -1 : static_cast<int>(time.count()), nullptr);
}

}  // namespace

Expected<Descriptor> make_epoll() {
  return adopted(retry_on_eintr(Call::epoll_create, [] { return ::epoll_create1(EPOLL_CLOEXEC); }));
}

Expected<void> epoll_add(int epoll, int descriptor, std::uint32_t events, void* data) {
  epoll_event event = to_epoll(events, data);
  return check(Call::epoll_ctl,
               [&] { return ::epoll_ctl(epoll, EPOLL_CTL_ADD, descriptor, &event); });
}

void epoll_change(int epoll, int descriptor, std::uint32_t events, void* data) noexcept {
  epoll_event event = to_epoll(events, data);
  ::epoll_ctl(epoll, EPOLL_CTL_MOD, descriptor, &event);
}

void epoll_remove(int epoll, int descriptor) noexcept {
  ::epoll_ctl(epoll, EPOLL_CTL_DEL, descriptor, nullptr);
}

Expected<std::size_t> epoll_wait(int epoll, std::span<Event, events_per_wait> events,
                                 Duration longest) {
  const InjectedFault fault = consult_fault_hook(Call::epoll_wait);
  if (fault.error == EINTR) return 0;
  if (fault.error != 0) return std::unexpected(fault.error);
  std::array<epoll_event, events_per_wait> raw;
  const int count = wait_for_events(epoll, raw, std::max(longest, Duration::zero()));
  if (count < 0) {
    if (errno == EINTR) return 0;
    return std::unexpected(errno);
  }
  const auto filled = static_cast<std::size_t>(count);
  for (std::size_t i = 0; i < filled; ++i) events[i] = {raw[i].data.ptr, raw[i].events};
  return filled;
}

Expected<Descriptor> make_eventfd() {
  return adopted(
      retry_on_eintr(Call::eventfd, [] { return ::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK); }));
}

// Only whether the counter is zero matters. If the write fails, the counter is raised already.
void raise_eventfd(int eventfd) noexcept {
  const int kept = errno;
  const std::uint64_t one = 1;
  [[maybe_unused]] const ssize_t written = ::write(eventfd, &one, sizeof one);
  errno = kept;
}

void clear_eventfd(int eventfd) noexcept {
  std::uint64_t count = 0;
  [[maybe_unused]] const ssize_t got = ::read(eventfd, &count, sizeof count);
}

Expected<Descriptor> make_timerfd() {
  return adopted(retry_on_eintr(Call::timerfd_create, [] {
    return ::timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
  }));
}

// timerfd_settime(2) fails only for wrong arguments.
void set_timerfd(int timerfd, std::chrono::steady_clock::time_point when) noexcept {
  itimerspec spec{};
  // An all-zero time would stop the timer instead of letting it fire at once.
  spec.it_value = to_timespec(std::max(when.time_since_epoch(), Duration(1)));
  ::timerfd_settime(timerfd, TFD_TIMER_ABSTIME, &spec, nullptr);
}

void stop_timerfd(int timerfd) noexcept {
  const itimerspec spec{};
  ::timerfd_settime(timerfd, 0, &spec, nullptr);
}

Expected<bool> poll_one(int descriptor, std::uint32_t events, Duration longest) {
  const Deadline deadline(longest);
  const auto ready = retry_on_eintr(Call::poll, [&] {
    pollfd waited{descriptor, static_cast<short>(events), 0};
    const Duration left = deadline.left();
    const timespec limit = to_timespec(left);
    return ::ppoll(&waited, 1, left == forever ? nullptr : &limit, nullptr);
  });
  if (!ready) return std::unexpected(ready.error());
  return *ready > 0;
}

Expected<PollEnd> poll_with_wakeup(int descriptor, std::uint32_t events, int wakeup,
                                   Duration longest, const sigset_t* mask) {
  const InjectedFault fault = consult_fault_hook(Call::poll);
  std::array<pollfd, 2> waited{pollfd{descriptor, static_cast<short>(events), 0},
                               pollfd{wakeup, POLLIN, 0}};
  if (fault.error != 0) {
    errno = fault.error;
  } else {
    const timespec limit = to_timespec(std::max(longest, Duration::zero()));
    const int ready =
        ::ppoll(waited.data(), waited.size(), longest == forever ? nullptr : &limit, mask);
    if (ready == 0) return PollEnd::time;
    if (ready > 0) return waited[1].revents != 0 ? PollEnd::wakeup : PollEnd::ready;
  }
  if (errno == EINTR) return PollEnd::signal;
  return std::unexpected(errno);
}

void pause_for(Duration duration) noexcept {
  const timespec time = to_timespec(duration);
  ::clock_nanosleep(CLOCK_MONOTONIC, 0, &time, nullptr);
}

}  // namespace hallway::sys
