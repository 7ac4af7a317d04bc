// SPDX-License-Identifier: Apache-2.0
#include "support/inventory.hpp"

#include <dirent.h>
#include <sched.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <cstdlib>
#include <memory>
#include <vector>

namespace hallway::test {

namespace {

using Directory = std::unique_ptr<DIR, int (*)(DIR*)>;

std::vector<int> numbers_in(DIR* directory) {
  std::vector<int> numbers;
  while (const dirent* entry = ::readdir(directory)) {
    if (entry->d_name[0] != '.') numbers.push_back(std::atoi(entry->d_name));
  }
  return numbers;
}

std::string target_of(int descriptor) {
  std::array<char, 512> target{};
  const std::string link = "/proc/self/fd/" + std::to_string(descriptor);
  const ssize_t size = ::readlink(link.c_str(), target.data(), target.size());
  return size < 0 ? "?" : std::string(target.data(), static_cast<std::size_t>(size));
}

bool has_children() {
  siginfo_t info{};
  return ::waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) == 0;
}

}  // namespace

Inventory Inventory::take() {
  Inventory inventory;
  const Directory open(::opendir("/proc/self/fd"), ::closedir);
  for (const int number : numbers_in(open.get())) {
    if (number != ::dirfd(open.get())) inventory.descriptors[number] = target_of(number);
  }
  const Directory tasks(::opendir("/proc/self/task"), ::closedir);
  inventory.threads = numbers_in(tasks.get()).size();
  inventory.children = has_children();
  return inventory;
}

std::string Inventory::difference(const Inventory& after) const {
  std::string lines;
  for (const auto& [number, target] : after.descriptors) {
    const auto before = descriptors.find(number);
    if (before == descriptors.end() || before->second != target) {
      lines += "left open: descriptor " + std::to_string(number) + " -> " + target + "\n";
    }
  }
  for (const auto& [number, target] : descriptors) {
    if (!after.descriptors.contains(number)) {
      lines += "closed: descriptor " + std::to_string(number) + " -> " + target + "\n";
    }
  }
  // Fewer is no leak: one that was joined before may have been counted while the kernel buried it.
  if (threads < after.threads) {
    lines += "threads: " + std::to_string(threads) + " before, " + std::to_string(after.threads) +
             " after\n";
  }
  if (after.children && !children) lines += "a child process was not waited for\n";
  return lines;
}

std::string lasting_difference(const Inventory& before) {
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(2);
  while (true) {
    std::string lines = before.difference(Inventory::take());
    if (lines.empty() || std::chrono::steady_clock::now() > deadline) return lines;
    ::sched_yield();
  }
}

}  // namespace hallway::test
