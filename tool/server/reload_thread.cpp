// SPDX-License-Identifier: Apache-2.0
#include "server/reload_thread.hpp"

#include <exception>
#include <mutex>
#include <system_error>
#include <utility>

#include "io/report.hpp"
#include "io/thread.hpp"
#include "io/threads_left.hpp"

namespace hallway::tool {

namespace {

ReloadThread::Apply run(const ReloadThread::Prepare& prepare) {
  try {
    return prepare();
  } catch (...) {
    return [thrown = std::current_exception()]() -> Result<std::string> {
      std::rethrow_exception(thrown);
    };
  }
}

}  // namespace

struct ReloadThread::Shared {
  std::mutex mutex;
  Loop* loop;
  ReloadThread* owner;  // nullptr: it is destroyed, and the loop may be
  bool prepared = false;
  Apply apply;
};

ReloadThread::ReloadThread(Loop& loop, std::move_only_function<void(Apply)> on_prepared)
    : on_prepared_(std::move(on_prepared)), shared_(std::make_shared<Shared>()) {
  shared_->loop = &loop;
  shared_->owner = this;
}

ReloadThread::~ReloadThread() {
  bool prepared = false;
  {
    const std::lock_guard lock(shared_->mutex);
    shared_->owner = nullptr;
    prepared = shared_->prepared;
  }
  if (!thread_.joinable()) return;
  if (prepared) {
    thread_.join();
  } else {
    thread_.detach();
    threads_left() = true;
  }
}

Result<void> ReloadThread::start(Prepare prepare) {
  try {
    thread_ = thread_with_signals_blocked([prepare = std::move(prepare), shared = shared_] {
      Apply apply = run(prepare);
      const std::lock_guard lock(shared->mutex);
      if (shared->owner == nullptr) return;
      shared->apply = std::move(apply);
      shared->prepared = true;
      // Only the loop's thread changes the owner.
      shared->loop->post([shared] {
        if (shared->owner != nullptr) shared->owner->finish(std::move(shared->apply));
      });
    });
  } catch (const std::system_error& error) {
    return std::unexpected(error_of(error.code().value(), "start", "a thread"));
  }
  return {};
}

void ReloadThread::finish(Apply apply) {
  // The thread is about to end, so this does not block.
  thread_.join();
  shared_->prepared = false;
  on_prepared_(std::move(apply));
}

}  // namespace hallway::tool
