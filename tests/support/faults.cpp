// SPDX-License-Identifier: Apache-2.0
#include "support/faults.hpp"

#include <algorithm>
#include <mutex>
#include <vector>

namespace hallway::test {

namespace {

// The fault hook is one function for the whole process, so what it consults is also global.
std::mutex mutex;
std::vector<CallCount*> in_force;

}  // namespace

sys::InjectedFault decide(sys::Call call) noexcept {
  const std::lock_guard lock(mutex);
  sys::InjectedFault fault;
  for (CallCount* count : in_force) {
    if (count->call_ != call) continue;
    const sys::InjectedFault next = count->fault_for(++count->calls_);
    if (fault.error == 0 && !fault.one_byte) fault = next;
  }
  return fault;
}

CallCount::CallCount(sys::Call call) : call_(call) {
  const std::lock_guard lock(mutex);
  in_force.push_back(this);
  sys::fault_hook = decide;
}

CallCount::~CallCount() {
  const std::lock_guard lock(mutex);
  std::erase(in_force, this);
  if (in_force.empty()) sys::fault_hook = nullptr;
}

bool faults_are_active() noexcept { return sys::fault_hook != nullptr; }

}  // namespace hallway::test
