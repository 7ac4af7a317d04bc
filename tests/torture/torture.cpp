// SPDX-License-Identifier: Apache-2.0
#include "torture/torture.hpp"

#include <sys/resource.h>

#include <algorithm>
#include <cstdlib>
#include <ctime>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <sstream>

namespace hallway::torture {

bool in_full() { return std::getenv("HALLWAY_TORTURE") != nullptr; }

seconds attack_time() {
  if (!in_full()) return seconds(1);
  const char* given = std::getenv("HALLWAY_TORTURE_SECONDS");
  return seconds(given == nullptr ? 5 : std::max(1, std::atoi(given)));
}

void report(const std::string& line) {
  std::cout << line << '\n' << std::flush;
  if (const char* file = std::getenv("HALLWAY_TORTURE_REPORT")) {
    std::ofstream(file, std::ios::app) << line << "\n";
  }
}

std::string rounded(double value, int digits) {
  std::ostringstream text;
  text.setf(std::ios::fixed);
  text.precision(digits);
  text << value;
  return text.str();
}

bool eventually(const std::function<bool()>& condition, Clock::duration longest) {
  const auto deadline = Clock::now() + longest;
  while (!condition()) {
    if (Clock::now() > deadline) return false;
    pause_briefly();
  }
  return true;
}

void pause_briefly(Clock::duration time) {
  const auto nanoseconds = std::chrono::nanoseconds(time).count();
  const timespec wanted{nanoseconds / 1'000'000'000, nanoseconds % 1'000'000'000};
  ::nanosleep(&wanted, nullptr);
}

Footprint footprint_of(pid_t process) {
  Footprint footprint;
  const std::string place = "/proc/" + std::to_string(process);
  std::ifstream status(place + "/status");
  for (std::string word; status >> word;) {
    if (word == "RssAnon:") status >> footprint.memory_kib;
  }
  std::error_code ignored;
  for (const auto& entry : std::filesystem::directory_iterator(place + "/fd", ignored)) {
    (void)entry;
    ++footprint.descriptors;
  }
  return footprint;
}

milliseconds processor_time_of(pid_t process) {
  std::ifstream file("/proc/" + std::to_string(process) + "/stat");
  std::string text((std::istreambuf_iterator<char>(file)), {});
  // The name in parentheses may hold anything; utime and stime are the 12th and 13th after it.
  std::istringstream rest(text.substr(std::min(text.size(), text.rfind(')') + 2)));
  std::string skipped;
  for (int i = 0; i < 11; ++i) rest >> skipped;
  long user = 0;
  long system = 0;
  rest >> user >> system;
  return milliseconds((user + system) * 1000 / ::sysconf(_SC_CLK_TCK));
}

double percentile(std::vector<double>& values, double fraction) {
  if (values.empty()) return 0;
  std::ranges::sort(values);
  const auto index = static_cast<std::size_t>(fraction * static_cast<double>(values.size()));
  return values[std::min(index, values.size() - 1)];
}

double median(std::vector<double> values) { return percentile(values, 0.5); }

std::size_t raise_descriptor_limit(std::size_t wanted) {
  rlimit limit{};
  ::getrlimit(RLIMIT_NOFILE, &limit);
  if (limit.rlim_cur < wanted) {
    rlimit more{wanted, std::max<rlim_t>(limit.rlim_max, wanted)};
    if (::setrlimit(RLIMIT_NOFILE, &more) != 0) {
      more = {std::min<rlim_t>(wanted, limit.rlim_max), limit.rlim_max};
      ::setrlimit(RLIMIT_NOFILE, &more);
    }
    ::getrlimit(RLIMIT_NOFILE, &limit);
  }
  return limit.rlim_cur;
}

}  // namespace hallway::torture
