// SPDX-License-Identifier: Apache-2.0
#include "directory.hpp"

#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <system_error>

#include "fail.hpp"

namespace bench {

Directory::Directory()
    : path_(std::filesystem::temp_directory_path() / "hallway-bench-XXXXXX"), maker_(getpid()) {
  if (mkdtemp(path_.data()) == nullptr) fail_with_errno("mkdtemp");
}

Directory::~Directory() {
  if (maker_ != getpid()) return;
  std::error_code nobody_can_help;
  std::filesystem::remove_all(path_, nobody_can_help);
}

}  // namespace bench
