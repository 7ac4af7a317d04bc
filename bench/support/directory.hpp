// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

namespace bench {

/// A directory for the sockets of one measurement; removed by the process that made it.
class Directory {
 public:
  Directory();
  ~Directory();
  Directory(const Directory&) = delete;
  Directory& operator=(const Directory&) = delete;

  [[nodiscard]] std::string socket() const { return path_ + "/socket"; }
  [[nodiscard]] const std::string& path() const noexcept { return path_; }

 private:
  std::string path_;
  int maker_;
};

}  // namespace bench
