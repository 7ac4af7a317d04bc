// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <string>

namespace hallway::test {

/// A directory of one test, with a short path, removed with all it holds.
class TempDirectory {
 public:
  /// @param mode  0700 keeps other users out; 0755 lets them in
  explicit TempDirectory(unsigned mode = 0700);
  TempDirectory(const TempDirectory&) = delete;
  TempDirectory& operator=(const TempDirectory&) = delete;
  ~TempDirectory();

  [[nodiscard]] const std::string& path() const noexcept { return path_; }
  /// The path of something in it.
  [[nodiscard]] std::string operator/(const std::string& name) const { return path_ + "/" + name; }

 private:
  std::string path_;
};

/// Makes `directory` the working directory while it lives.
class WorkingDirectory {
 public:
  explicit WorkingDirectory(const std::string& directory)
      : before_(std::filesystem::current_path()) {
    std::filesystem::current_path(directory);
  }
  WorkingDirectory(const WorkingDirectory&) = delete;
  WorkingDirectory& operator=(const WorkingDirectory&) = delete;
  ~WorkingDirectory() { std::filesystem::current_path(before_); }

 private:
  std::filesystem::path before_;
};

}  // namespace hallway::test
