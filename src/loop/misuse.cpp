// SPDX-License-Identifier: Apache-2.0
#include "loop/misuse.hpp"

#include <cstdio>
#include <cstdlib>

#include <hallway/detail/task_promise.hpp>

namespace hallway::detail {

// Without allocating: the memory may be what is broken.
void end_for_misuse(std::source_location where, const char* what) noexcept {
  if (where.line() == 0) {
    std::fprintf(stderr, "hallway: %s\n", what);
  } else {
    std::fprintf(stderr, "hallway: %s:%u: %s\n", where.file_name(),
                 static_cast<unsigned>(where.line()), what);
  }
  std::abort();
}

void refuse_miscompiled(std::source_location awaited_at) noexcept {
  end_for_misuse(
      awaited_at,
      "this compiler (GCC before 13) has miscompiled the coroutine that is started "
      "here: it declares no variable, and has a co_await in the condition of an if, while, "
      "for or switch; declare one: if (const bool ok = co_await f(); !ok)");
}

}  // namespace hallway::detail
