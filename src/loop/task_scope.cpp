// SPDX-License-Identifier: Apache-2.0
#include <hallway/task_scope.hpp>

#include "loop/loop_core.hpp"
#include "loop/task_group.hpp"

namespace hallway {

using detail::TaskGroup;

TaskScope::TaskScope(Loop& loop)
    : loop_(&loop), tasks_(std::make_shared<TaskGroup>(loop.core(), TaskGroup::Report::tasks)) {}

TaskScope::~TaskScope() {
  tasks_->clear();
  if (auto failure = tasks_->take_failure()) {
    loop_->core().keep_unjoined_failure(std::move(failure));
  }
}

TaskHandle TaskScope::spawn(Task<> task, std::source_location where) {
  return tasks_->spawn(std::move(task), where);
}

TaskScope::Join TaskScope::join() noexcept { return Join(tasks_); }
void TaskScope::cancel() noexcept { tasks_->clear(); }
std::size_t TaskScope::size() const noexcept { return tasks_->size(); }

bool TaskScope::Join::await_ready() const noexcept { return tasks_->size() == 0; }
void TaskScope::Join::begin() noexcept { tasks_->joining().push_back(waiter_); }
void TaskScope::Join::await_resume() const {
  if (point_ != nullptr) point_->clear();
  tasks_->rethrow_failure();
}

}  // namespace hallway
