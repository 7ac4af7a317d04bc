// SPDX-License-Identifier: Apache-2.0
#include "fail.hpp"

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <system_error>

namespace bench {

void fail(std::string_view why) {
  std::fprintf(stderr, "%s: %.*s\n", program_invocation_short_name, static_cast<int>(why.size()),
               why.data());
  std::_Exit(1);
}

void fail_with_errno(std::string_view operation) {
  fail(std::string(operation) + ": " + std::generic_category().message(errno));
}

}  // namespace bench
