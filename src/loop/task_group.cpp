// SPDX-License-Identifier: Apache-2.0
#include "loop/task_group.hpp"

#include <algorithm>
#include <optional>
#include <string>
#include <string_view>

#include <hallway/detail/race.hpp>
#include <hallway/error.hpp>

#include "core/scoped_value.hpp"
#include "loop/loop_core.hpp"
#include "loop/misuse.hpp"
#include "loop/timed_wait.hpp"

namespace hallway::detail {

namespace {

/// Starts a task as if it were awaited where it was spawned.
struct StartedAt : TaskAwaiter<void> {
  std::source_location where;

  template <typename Promise>
  bool await_suspend(std::coroutine_handle<Promise> awaiting) {
    return TaskAwaiter::await_suspend(awaiting, where);
  }
};

bool is_idle(const WaitPoint& point) noexcept {
  switch (point.kind()) {
    case WaitPoint::Kind::idle: return true;
    case WaitPoint::Kind::task: return is_idle(point.task());
    case WaitPoint::Kind::group: return point.group().idle();
    case WaitPoint::Kind::race:
      return std::ranges::all_of(point.race().branches, [](const WaitPoint* branch) {
        return branch != nullptr && is_idle(*branch);
      });
    case WaitPoint::Kind::none:
    case WaitPoint::Kind::place: break;
  }
  return false;
}

/// Whether the coroutine runs, or one that it awaits. What waits for a group does not run when one
/// of the group does: it may be destroyed by that one.
bool runs(const WaitPoint& point) noexcept {
  if (LoopCore::is_resumed(point)) return true;
  if (point.kind() == WaitPoint::Kind::task) {
    const auto& task = static_cast<const TaskPromiseBase&>(point.task());
    return task.starting || runs(task);
  }
  if (point.kind() != WaitPoint::Kind::race) return false;
  return std::ranges::any_of(point.race().branches, [](const WaitPoint* branch) {
    return branch != nullptr && runs(*branch);
  });
}

/// The name in what the compiler calls a coroutine: "void tick(tick(int)::_Z4tick.Frame*)" (GCC),
/// "Task<> tick(int)" (Clang).
std::string short_name(std::string function) {
  for (const std::string_view unnamed : {"(anonymous namespace)::", "{anonymous}::"}) {
    for (auto at = function.find(unnamed); at != std::string::npos; at = function.find(unnamed)) {
      function.erase(at, unnamed.size());
    }
  }
  function.resize(std::min(function.find('('), function.size()));
  return function.substr(function.rfind(' ') + 1);  // npos + 1 is 0
}

WaitingTask waiting_at(std::source_location where) {
  return {short_name(where.function_name()), where.file_name(), where.line()};
}

}  // namespace

// TaskMember -----------------------------------------------------------------------------------

TaskMember::TaskMember(TaskGroup& owner, std::coroutine_handle<> self, TaskPromiseBase* its_task,
                       TaskHandle* its_handle) noexcept
    : coroutine(self), group(owner), task(its_task), handle(its_handle), next(owner.first_) {
  if (next != nullptr) next->previous = this;
  group.first_ = this;
  ++group.size_;
  if (handle == nullptr) return;
  handle->core_ = &group.core_;
  handle->member_ = this;
}

TaskMember::~TaskMember() {
  (previous != nullptr ? previous->next : group.first_) = next;
  if (next != nullptr) next->previous = previous;
  --group.size_;
  // The task itself is destroyed after this. If that ends a connection which it has by reference,
  // it is not ended again.
  if (task != nullptr) task->spawned = false;
  if (handle != nullptr) handle->ended();
  if (group.size_ == 0) wake_all(group.core_, group.joining_);
}

void TaskMember::failed(std::exception_ptr failure) noexcept {
  const bool joined = handle != nullptr && !handle->joining_.empty();
  if (joined) {
    handle->failure_ = std::move(failure);
  } else {
    group.keep_failure(std::move(failure));
  }
}

// TaskGroup ------------------------------------------------------------------------------------

TaskGroup::TaskGroup(LoopCore& core, Report report) noexcept : core_(core), report_(report) {
  core_.add_group(*this);
}

namespace {

TaskGroup::Spawned run(TaskGroup& group, Task<> task, TaskHandle& /*handle*/,
                       std::source_location where) {
  try {
    co_await StartedAt{{std::move(task).operator co_await()}, where};
  } catch (...) {
    (void)group.core().take_unjoined_failure();  // one exception ends a task
    throw;
  }
  if (auto failure = group.core().take_unjoined_failure()) std::rethrow_exception(failure);
}

}  // namespace

TaskHandle TaskGroup::spawn(Task<> task, std::source_location where) {
  TaskPromiseBase& promise = task.coroutine_.promise();
  if (promise.of_a_closure) {
    end_for_misuse(where,
                   "spawn() was given the task of a lambda with captures, which may be gone before "
                   "the task ends: pass the lambda itself, without () behind it");
  }
  promise.spawned = true;
  const core::ScopedValue current(LoopCore::current_, &core_);  // also outside of a turn
  TaskHandle handle;
  run(*this, std::move(task), handle, where);
  return handle;
}

void TaskGroup::clear() noexcept {
  while (first_ != nullptr) cancel(*first_);
}

void TaskGroup::cancel(TaskMember& member) noexcept {
  if (runs(member)) {
    end_for_misuse({},
                   "a task that is running cannot be cancelled, and so cannot cancel itself or "
                   "destroy its own TaskScope: end it with co_return");
  }
  TaskGroup& group = member.group;
  LoopCore& core = group.core_;
  member.coroutine.destroy();
  if (auto failure = core.take_unjoined_failure()) group.keep_failure(std::move(failure));
}

void TaskGroup::end_spawned(TaskPromiseBase& promise) noexcept {
  if (!promise.spawned) return;
  auto& member =
      std::coroutine_handle<Spawned::promise_type>::from_address(promise.continuation.address())
          .promise();
  if (!runs(member)) cancel(member);
}

void end_borrowers(BorrowedBy*& first) noexcept {
  while (BorrowedBy* borrowed = first) {
    borrowed->leave();
    TaskGroup::end_spawned(borrowed->promise());
  }
}

bool TaskGroup::idle() const noexcept {
  if (looking_) return false;
  const core::ScopedValue looking(looking_, true);
  for (const TaskMember* member = first_; member != nullptr; member = member->next) {
    if (!is_idle(*member)) return false;
  }
  return true;
}

void TaskGroup::list_waiting(std::vector<WaitingTask>& tasks) const {
  if (report_ == Report::nothing) return;
  for (const TaskMember* member = first_; member != nullptr; member = member->next) {
    if (is_idle(*member)) continue;  // the drain did not wait for it
    // The innermost coroutine that is not the library's: a program knows its own.
    std::optional<WaitingTask> place;
    const WaitPoint* point = member;
    while (point->kind() != WaitPoint::Kind::none) {
      WaitingTask here = waiting_at(point->where());
      if (!place || !here.function.starts_with("hallway::")) place = std::move(here);
      if (point->kind() != WaitPoint::Kind::task) break;
      point = &point->task();
    }
    // The tasks of a group that it waits for are listed themselves.
    if (place && point->kind() != WaitPoint::Kind::group) tasks.push_back(std::move(*place));
  }
}

}  // namespace hallway::detail

namespace hallway {

using detail::TaskGroup;

std::string WaitingTask::to_string() const {
  return function + " (" + file + ":" + std::to_string(line) + ")";
}

TaskHandle::TaskHandle(TaskHandle&& other) noexcept { follow(other); }

TaskHandle& TaskHandle::operator=(TaskHandle&& other) noexcept {
  if (this == &other) return *this;
  if (member_ != nullptr) member_->handle = nullptr;
  follow(other);
  return *this;
}

TaskHandle::~TaskHandle() {
  if (member_ != nullptr) member_->handle = nullptr;
}

void TaskHandle::follow(TaskHandle& other) noexcept {
  core_ = other.core_;
  member_ = std::exchange(other.member_, nullptr);
  failure_ = std::exchange(other.failure_, nullptr);
  if (member_ != nullptr) member_->handle = this;
}

void TaskHandle::cancel() noexcept {
  if (member_ != nullptr) TaskGroup::cancel(*member_);
}

void TaskHandle::ended() noexcept {
  member_ = nullptr;
  detail::wake_all(*core_, joining_);
}

}  // namespace hallway
