// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <ctime>

namespace bench {

inline std::uint64_t read_clock(clockid_t clock) {
  timespec time{};
  clock_gettime(clock, &time);
  return (static_cast<std::uint64_t>(time.tv_sec) * 1'000'000'000U) +
         static_cast<std::uint64_t>(time.tv_nsec);
}

/// Nanoseconds on a clock that all processes share.
inline std::uint64_t now() { return read_clock(CLOCK_MONOTONIC); }

/// Nanoseconds of CPU, user and system, that all threads of this process have used.
inline std::uint64_t cpu_time() { return read_clock(CLOCK_PROCESS_CPUTIME_ID); }

/// The same of another process, while it lives.
inline std::uint64_t cpu_time_of(pid_t process) {
  clockid_t clock{};
  return clock_getcpuclockid(process, &clock) == 0 ? read_clock(clock) : 0;
}

}  // namespace bench
