// SPDX-License-Identifier: Apache-2.0
//
// Waiting with epoll, and the descriptors that wake it.
#pragma once

#include <array>
#include <chrono>
#include <csignal>
#include <cstdint>
#include <span>

#include <hallway/descriptor.hpp>
#include <hallway/limits.hpp>

#include "sys/expected.hpp"

namespace hallway::sys {

// epoll's bits, checked against <sys/epoll.h> in event.cpp.
inline constexpr std::uint32_t event_readable = 0x001;
inline constexpr std::uint32_t event_priority = 0x002;
inline constexpr std::uint32_t event_writable = 0x004;
inline constexpr std::uint32_t event_error = 0x008;
inline constexpr std::uint32_t event_hangup = 0x010;
inline constexpr std::uint32_t event_peer_finished = 0x2000;
inline constexpr std::uint32_t event_edge_only = 1U << 31U;  ///< report changes, not states

struct Event {
  void* data = nullptr;
  std::uint32_t events = 0;
};

inline constexpr std::size_t events_per_wait = 256;

Expected<Descriptor> make_epoll();
Expected<void> epoll_add(int epoll, int descriptor, std::uint32_t events, void* data);
// Precondition: the descriptor is in the set; then neither call can fail.
void epoll_change(int epoll, int descriptor, std::uint32_t events, void* data) noexcept;
void epoll_remove(int epoll, int descriptor) noexcept;

/// @return how many of `events` were filled; zero if time is up or a signal was caught
/// @param longest  zero polls once, forever waits until there is an event
Expected<std::size_t> epoll_wait(int epoll, std::span<Event, events_per_wait> events,
                                 Duration longest);

Expected<Descriptor> make_eventfd();
void raise_eventfd(int eventfd) noexcept;  ///< safe in a signal handler; keeps errno
void clear_eventfd(int eventfd) noexcept;

Expected<Descriptor> make_timerfd();
/// Makes the timerfd readable at `when` (steady clock).
void set_timerfd(int timerfd, std::chrono::steady_clock::time_point when) noexcept;
void stop_timerfd(int timerfd) noexcept;

/// Waits for one descriptor.
/// @return false if time is up
Expected<bool> poll_one(int descriptor, std::uint32_t events, Duration longest);

/// What ended poll_with_wakeup().
enum class PollEnd : std::uint8_t { ready, time, wakeup, signal };

/// Waits for one descriptor, or none if it is negative, until `wakeup` is readable, which comes
/// first if both are ready. Unlike elsewhere, a signal that was caught also ends it: the caller has
/// to look at what its handler did.
/// @param mask  the signals that are blocked meanwhile; null: those that are blocked now
Expected<PollEnd> poll_with_wakeup(int descriptor, std::uint32_t events, int wakeup,
                                   Duration longest, const sigset_t* mask);

/// Sleeps. The blocking client uses it between retries, where the kernel offers no event to wait
/// for.
void pause_for(Duration duration) noexcept;

}  // namespace hallway::sys
