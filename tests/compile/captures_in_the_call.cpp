// SPDX-License-Identifier: Apache-2.0
//
// A lambda that is made in an awaited call of in_thread(): GCC 12 would destroy its captures twice,
// and must refuse it if they have destructors. Without the macro: what every compiler accepts.
#include <string>

#include <hallway/in_thread.hpp>

using namespace hallway;

Task<std::size_t> call(std::string path) {
#if defined(CAPTURED_TEXT)
  co_return co_await in_thread([path] { return path.size(); });
#else
  const auto size = [path] { return path.size(); };
  co_return co_await in_thread(size) + co_await in_thread([&path] { return path.size(); });
#endif
}
