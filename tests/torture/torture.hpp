// SPDX-License-Identifier: Apache-2.0
//
// Tests that last. Each exists once and runs twice: briefly with all the others, and in full by
// `./dev torture`, which sets HALLWAY_TORTURE. Figures of time are judged in full runs only: there
// nothing else runs beside them.
#pragma once

#include <sys/mman.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <new>
#include <stdexcept>
#include <string>
#include <vector>

namespace hallway::torture {

using Clock = std::chrono::steady_clock;
using std::chrono::microseconds;
using std::chrono::milliseconds;
using std::chrono::seconds;

/// Whether this is the full run.
bool in_full();

/// How often, in a full run and in a brief one.
inline unsigned times(unsigned full, unsigned brief) { return in_full() ? full : brief; }

/// How long each attack lasts: HALLWAY_TORTURE_SECONDS, or 5; 1 in a brief run.
seconds attack_time();

/// One line of results, fit for the table in docs/RELIABILITY.md: on standard output, and at the
/// end of the file HALLWAY_TORTURE_REPORT.
void report(const std::string& line);

/// "12.3", without the zeros of std::to_string.
std::string rounded(double value, int digits = 1);

/// Memory that forked children share with their parent; T is made of atomics and plain numbers.
template <typename T>
class Shared {
 public:
  Shared()
      : memory_(
            ::mmap(nullptr, sizeof(T), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0)) {
    if (memory_ == MAP_FAILED) throw std::bad_alloc();
    new (memory_) T{};
  }
  Shared(const Shared&) = delete;
  Shared& operator=(const Shared&) = delete;
  ~Shared() { ::munmap(memory_, sizeof(T)); }

  T* operator->() const noexcept { return static_cast<T*>(memory_); }
  T& operator*() const noexcept { return *static_cast<T*>(memory_); }

 private:
  void* memory_;
};

/// Waits for what another process brings about. False: not within `longest`.
bool eventually(const std::function<bool()>& condition, Clock::duration longest = seconds(10));

/// Gives the processor away for a moment, between two looks at something that gives no event.
void pause_briefly(Clock::duration time = microseconds(200));

// What a process takes, as /proc has it --------------------------------------------------------

struct Footprint {
  std::size_t memory_kib = 0;  ///< RssAnon: pages of its own, without those of files
  std::size_t descriptors = 0;
};
Footprint footprint_of(pid_t process);

/// User and system time so far.
milliseconds processor_time_of(pid_t process);

/// The value below which `fraction` of them lie. Sorts them.
double percentile(std::vector<double>& values, double fraction);
double median(std::vector<double> values);

/// Raises the soft limit of open descriptors, and as root the hard one. Gives what it is then.
std::size_t raise_descriptor_limit(std::size_t wanted);

}  // namespace hallway::torture
