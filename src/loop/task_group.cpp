// SPDX-License-Identifier: Apache-2.0
#include "loop/task_group.hpp"

namespace hallway::detail {

TaskGroup::Member::Member(TaskGroup& owner, std::coroutine_handle<> self) noexcept
    : coroutine(self), group(owner), next(owner.first_) {
  if (next != nullptr) next->previous = this;
  group.first_ = this;
  ++group.size_;
}

TaskGroup::Member::~Member() {
  (previous != nullptr ? previous->next : group.first_) = next;
  if (next != nullptr) next->previous = previous;
  --group.size_;
}

namespace {

TaskGroup::Spawned run(TaskGroup& /*group*/, Task<> task) { co_await std::move(task); }

}  // namespace

void TaskGroup::spawn(Task<> task) { run(*this, std::move(task)); }

void TaskGroup::clear() noexcept {
  while (first_ != nullptr) first_->coroutine.destroy();
}

}  // namespace hallway::detail
