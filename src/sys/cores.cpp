// SPDX-License-Identifier: Apache-2.0
#include "sys/cores.hpp"

#include <sched.h>

#include <algorithm>
#include <climits>
#include <exception>
#include <filesystem>
#include <fstream>
#include <string>
#include <thread>

namespace hallway::sys {

namespace {

// A line such as "0::/system.slice/app.service" gives the place of this process in the single
// hierarchy of cgroup v2.
std::filesystem::path own_cgroup() {
  std::ifstream file("/proc/self/cgroup");
  for (std::string line; std::getline(file, line);) {
    if (line.starts_with("0::/")) return std::filesystem::path("/sys/fs/cgroup") / line.substr(4);
  }
  return {};
}

// The quota of a group limits everything below it. "max 100000" means that there is no quota.
unsigned cores_of_quota() noexcept {
  double least = UINT_MAX;
  try {
    for (auto group = own_cgroup(); group.has_relative_path(); group = group.parent_path()) {
      std::ifstream file(group / "cpu.max");
      double quota = 0;
      double period = 0;
      if (file >> quota >> period && period > 0) least = std::min(least, quota / period);
    }
  } catch (const std::exception&) {
    // Out of memory: a quota that cannot be read sets no limit.
  }
  return least < 1 ? 1 : static_cast<unsigned>(least);
}

}  // namespace

unsigned usable_cores() noexcept {
  static const unsigned cores =
      std::min(std::max(1U, std::thread::hardware_concurrency()), cores_of_quota());
  return cores;
}

void yield_core() noexcept { ::sched_yield(); }

}  // namespace hallway::sys
