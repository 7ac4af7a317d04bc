// SPDX-License-Identifier: Apache-2.0
#include "descriptors.hpp"

#include <sys/resource.h>

#include <algorithm>

#include "fail.hpp"

namespace bench {

void allow_descriptors(std::size_t connections) {
  const rlim_t wanted = connections + 200;  // and some for everything else
  rlimit limit{};
  getrlimit(RLIMIT_NOFILE, &limit);
  if (limit.rlim_cur >= wanted) return;
  limit.rlim_cur = wanted;
  limit.rlim_max = std::max(limit.rlim_max, wanted);  // which only root may raise
  if (setrlimit(RLIMIT_NOFILE, &limit) != 0) fail_with_errno("setrlimit(RLIMIT_NOFILE)");
}

}  // namespace bench
