// SPDX-License-Identifier: Apache-2.0
#include <hallway/child.hpp>

#include <csignal>
#include <memory>
#include <new>
#include <string>
#include <utility>
#include <vector>

#include <hallway.h>

#include "c/connection.hpp"
#include "c/handle.hpp"
#include "c/loop.hpp"
#include "c/options.hpp"

struct hallway_child : hallway::c::Handle {
  /// If it throws, `made` is unchanged.
  hallway_child(hallway_loop& loop, hallway::Child&& made) : on(loop), child(std::move(made)) {}
  ~hallway_child() {
    if (connection == nullptr) return;
    connection->handle_of_child = nullptr;
    hallway_connection_close(connection);
  }

  hallway::c::OnLoop on;
  hallway::Child child;
  hallway_connection* connection = nullptr;
  hallway::c::Tasks tasks;  // last: they use the child
};

using namespace hallway;     // NOLINT(google-build-using-namespace): functions of C are global
using namespace hallway::c;  // NOLINT(google-build-using-namespace)

namespace {

Task<> wait(hallway_child& child, hallway_exit_callback on_exit, void* user) {
  /// Calls it in any case.
  struct Exit {
    ~Exit() {
      call(loop, on_exit, &child, status.code, status.signal, ending.outcome(), ending.error(),
           user);
    }

    hallway_loop& loop;
    hallway_child& child;
    hallway_exit_callback on_exit;
    void* user;
    ExitStatus status = {};
    Ending ending{HALLWAY_CLOSED};
  } exit{child.on.handle(), child, on_exit, user};
  try {
    const Result<ExitStatus> ended = co_await child.child.wait();
    if (ended) {
      exit.status = *ended;
      exit.ending = Ending();
    } else {
      exit.ending = Ending(ended.error());
    }
    if (exit.loop.starting > 0) co_await exit.loop.loop().sleep(Duration::zero());
  } catch (const std::bad_alloc&) {
    exit.ending = Ending(HALLWAY_OUT_OF_MEMORY);
  }
}

}  // namespace

hallway_outcome hallway_child_spawn(hallway_loop* loop, const char* const* arguments,
                                    const hallway_child_options* options,
                                    hallway_exit_callback on_exit, void* user,
                                    hallway_child** child, hallway_error** error) {
  assert(alive(loop) && arguments != nullptr && child != nullptr);
  return guarded_on(*loop, error, [&] {
    std::vector<std::string> command;
    for (const char* const* argument = arguments; *argument != nullptr; ++argument)
      command.emplace_back(*argument);
    ChildOptions value = value_of(options);
    const std::size_t soft = value.connection.limits.outbound_soft;
    const bool connected = options == nullptr || !options->standard;
    Result<Child> spawned = [&] {
      if (connected) return Child::spawn(loop->loop(), std::move(command), std::move(value));
      const int standard[] = {options->standard->input, options->standard->output,
                              options->standard->error};
      return Child::spawn_with(loop->loop(), std::move(command), standard, value.process);
    }();
    if (!spawned) return fail(error, spawned.error());
    std::unique_ptr<hallway_child> handle;
    try {
      handle = std::make_unique<hallway_child>(*loop, std::move(*spawned));
      if (connected) {
        handle->connection = start(*loop, std::move(handle->child.connection()), soft, user);
        handle->connection->handle_of_child = &handle->connection;
      }
      if (on_exit != nullptr) handle->tasks.spawn(*loop, wait(*handle, on_exit, user));
    } catch (const std::bad_alloc&) {
      // The program does not know that it runs.
      (void)(handle ? handle->child : *spawned).kill(SIGKILL);
      throw;
    }
    *child = handle.release();
    return ok;
  });
}

void hallway_child_free(hallway_child* child) {
  if (child == nullptr) return;
  assert(alive(child) && "the child was freed before");
  assert(child->on.handle().callbacks == 0 && "hallway_child_free() in a callback of its loop");
  delete child;
}

hallway_connection* hallway_child_connection(const hallway_child* child) {
  assert(alive(child));
  return child->connection;
}
int hallway_child_pid(const hallway_child* child) {
  assert(alive(child));
  return child->child.pid();
}
hallway_outcome hallway_child_kill(hallway_child* child, int signal, hallway_error** error) {
  assert(alive(child));
  return guarded(error, [&] {
    const auto killed = child->child.kill(signal);
    return killed ? ok : fail(error, killed.error());
  });
}
