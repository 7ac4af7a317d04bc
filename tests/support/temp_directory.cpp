// SPDX-License-Identifier: Apache-2.0
#include "support/temp_directory.hpp"

#include <sys/stat.h>

#include <cstdlib>
#include <stdexcept>

namespace hallway::test {

TempDirectory::TempDirectory(unsigned mode) : path_("/tmp/hw.XXXXXX") {
  if (::mkdtemp(path_.data()) == nullptr) throw std::runtime_error("no directory in /tmp");
  ::chmod(path_.c_str(), mode);
}

TempDirectory::~TempDirectory() {
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
}

}  // namespace hallway::test
