// SPDX-License-Identifier: Apache-2.0
#include "bench/machine.hpp"

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <chrono>
#include <fstream>
#include <string_view>
#include <thread>

#include <hallway/version.hpp>

namespace hallway::tool {

namespace {

/// The rest of the first line in a file that begins with `word`.
std::string line_of(const char* file, std::string_view word = "") {
  std::ifstream lines(file);
  for (std::string line; std::getline(lines, line);) {
    if (line.starts_with(word)) return line.substr(word.size());
  }
  return "";
}

std::string processor() {
  const std::string model = line_of("/proc/cpuinfo", "model name");
  const auto begin = model.find_first_not_of("\t: ");
  return begin == std::string::npos ? "" : model.substr(begin);
}

/// The load averages, such as "0.52 0.41 0.38": they show what else the machine was doing.
std::string load_averages() {
  const std::string line = line_of("/proc/loadavg");
  std::size_t end = 0;
  for (int figure = 0; figure < 3 && end != std::string::npos; ++figure) {
    end = line.find(' ', end + 1);
  }
  return line.substr(0, end);
}

}  // namespace

std::vector<std::pair<std::string, std::string>> machine_facts() {
#ifdef __OPTIMIZE__
  constexpr std::string_view optimised = "optimised";
#else
  constexpr std::string_view optimised = "not optimised";
#endif
  std::vector<std::pair<std::string, std::string>> facts{
      {"Processor", processor()},
      {"Cores", std::to_string(std::thread::hardware_concurrency())},
      {"Load average", load_averages()},
      {"Kernel", line_of("/proc/sys/kernel/ostype") + " " + line_of("/proc/sys/kernel/osrelease")},
      {"Hallway", fmt::format("{} ({}, compiler {})", version, optimised, __VERSION__)},
      {"Time",
       fmt::format("{:%Y-%m-%d %H:%M} UTC", fmt::gmtime(std::chrono::system_clock::to_time_t(
                                                std::chrono::system_clock::now())))}};
  std::erase_if(facts, [](const auto& fact) { return fact.second.empty(); });
  return facts;
}

}  // namespace hallway::tool
