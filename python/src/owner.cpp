// SPDX-License-Identifier: Apache-2.0
#include "owner.hpp"

#include <pthread.h>

#include <atomic>

namespace hallway::python {

namespace {

// Written in a child that has a single thread.
std::atomic<unsigned> fork_count = 0;

}  // namespace

unsigned forks() noexcept { return fork_count.load(std::memory_order_relaxed); }

void count_forks() noexcept {
  pthread_atfork(nullptr, nullptr, [] { fork_count.fetch_add(1, std::memory_order_relaxed); });
}

bool OwnerProcess::refuse() noexcept {
  PyErr_SetString(PyExc_RuntimeError,
                  "this object belongs to the process that made it: after a fork, the child makes "
                  "connections of its own");
  return false;
}

bool OwnerThread::refuse() const noexcept {
  if (!process_.check()) return false;
  PyErr_SetString(PyExc_RuntimeError,
                  "this object belongs to the thread of its event loop: from another thread, use "
                  "loop.call_soon_threadsafe() or asyncio.run_coroutine_threadsafe()");
  return false;
}

}  // namespace hallway::python
