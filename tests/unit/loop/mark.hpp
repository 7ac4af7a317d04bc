// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <utility>
#include <vector>

#include <hallway/loop.hpp>
#include <hallway/task.hpp>

namespace hallway::test {

/// Adds its name to `log` when it is destroyed.
struct Mark {
  std::vector<std::string>& log;
  std::string name;
  Mark(std::vector<std::string>& to, std::string what) : log(to), name(std::move(what)) {}
  Mark(const Mark&) = delete;
  Mark& operator=(const Mark&) = delete;
  ~Mark() { log.push_back(name); }
};

/// Holds such a mark until it is cancelled.
inline Task<> hold(Loop& loop, std::vector<std::string>& log, std::string name) {
  const Mark mark(log, std::move(name));
  co_await loop.sleep(forever);
}

}  // namespace hallway::test
