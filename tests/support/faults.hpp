// SPDX-License-Identifier: Apache-2.0
//
// Faults on demand by the fault hook of src/sys. Each object is active while it exists. If several
// are, the first that injects a fault into a call decides.
#pragma once

#include <atomic>
#include <functional>
#include <limits>
#include <utility>

#include "sys/fault_hook.hpp"

namespace hallway::test {

/// Counts the calls of one kind.
class CallCount {
 public:
  explicit CallCount(sys::Call call);
  CallCount(const CallCount&) = delete;
  CallCount& operator=(const CallCount&) = delete;
  virtual ~CallCount();

  [[nodiscard]] sys::Call call() const noexcept { return call_; }
  /// How many were made since this object exists, including those that were made to fail.
  [[nodiscard]] unsigned calls() const noexcept { return calls_; }

 private:
  friend sys::InjectedFault decide(sys::Call call) noexcept;
  virtual sys::InjectedFault fault_for(unsigned) const noexcept { return {}; }

  sys::Call call_;
  std::atomic<unsigned> calls_ = 0;
};

/// Makes calls fail: the `nth` from now on (1 is the next one), and `times - 1` after it.
class FaultOn final : public CallCount {
 public:
  static constexpr unsigned always = std::numeric_limits<unsigned>::max();

  FaultOn(sys::Call call, unsigned nth, int error, unsigned times = 1)
      : CallCount(call), nth_(nth), times_(times), error_(error) {}

 private:
  sys::InjectedFault fault_for(unsigned number) const noexcept override {
    if (number < nth_ || number - nth_ >= times_) return {};
    return {.error = error_};
  }

  unsigned nth_;
  unsigned times_;
  int error_;
};

/// Every sendmsg or recvmsg moves at most one byte.
class OneByte final : public CallCount {
 public:
  using CallCount::CallCount;

 private:
  sys::InjectedFault fault_for(unsigned) const noexcept override { return {.one_byte = true}; }
};

/// The `nth` sendmsg or recvmsg from now on moves at most one byte.
class ShortOn final : public CallCount {
 public:
  ShortOn(sys::Call call, unsigned nth) : CallCount(call), nth_(nth) {}

 private:
  sys::InjectedFault fault_for(unsigned number) const noexcept override {
    return {.one_byte = number == nth_};
  }

  unsigned nth_;
};

/// Runs a function before every call of one kind: to look at, or change, the world in between two
/// calls. The function makes no calls of the library.
class AtCall final : public CallCount {
 public:
  AtCall(sys::Call call, std::function<void()> action)
      : CallCount(call), action_(std::move(action)) {}

 private:
  sys::InjectedFault fault_for(unsigned) const noexcept override {
    action_();
    return {};
  }

  std::function<void()> action_;
};

/// While it lives, nothing fails and nothing is counted.
class Faultless {
 public:
  Faultless() noexcept : kept_(sys::fault_hook.exchange(nullptr)) {}
  Faultless(const Faultless&) = delete;
  Faultless& operator=(const Faultless&) = delete;
  ~Faultless() { sys::fault_hook = kept_; }

 private:
  sys::FaultHook kept_;
};

/// Whether a fault or count is in force: none may outlive its test.
bool faults_are_active() noexcept;

}  // namespace hallway::test
