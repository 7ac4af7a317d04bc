// SPDX-License-Identifier: Apache-2.0
#include "io/thread.hpp"

#include <pthread.h>

#include <csignal>
#include <utility>

namespace hallway::tool {

std::thread thread_with_signals_blocked(std::function<void()> body,
                                        std::initializer_list<int> delivered) {
  sigset_t blocked;
  sigset_t before;
  sigfillset(&blocked);
  for (const int signal : delivered) sigdelset(&blocked, signal);
  pthread_sigmask(SIG_SETMASK, &blocked, &before);
  struct Restore {
    const sigset_t& mask;
    ~Restore() { pthread_sigmask(SIG_SETMASK, &mask, nullptr); }
  } const restore{before};
  return std::thread(std::move(body));
}

}  // namespace hallway::tool
