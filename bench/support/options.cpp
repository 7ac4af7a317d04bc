// SPDX-License-Identifier: Apache-2.0
#include "options.hpp"

#include <charconv>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <string_view>

namespace bench {

namespace {

[[noreturn]] void show_usage() {
  std::fprintf(stderr,
               "usage: PROGRAM [--placement split|same|unpinned] [--size BYTES] [--count N]\n"
               "               [--subscribers N] [--processes N] [--connections N]\n"
               "               [--hogs N] [--disturbers N] [--duration SECONDS] [--mode WORD]\n");
  std::_Exit(2);
}

template <typename Number>
void read_number(std::string_view text, Number& number) {
  const char* end = text.data() + text.size();
  const auto [rest, error] = std::from_chars(text.data(), end, number);
  if (error != std::errc() || rest != end) show_usage();
}

}  // namespace

Options parse_options(int argc, char** argv, Options options) {
  if (argc % 2 == 0) show_usage();
  const std::map<std::string_view, std::size_t*> counts{
      {"--size", &options.size},
      {"--count", &options.count},
      {"--subscribers", &options.subscribers},
      {"--processes", &options.processes},
      {"--connections", &options.connections},
      {"--hogs", &options.hogs},
      {"--disturbers", &options.disturbers},
  };
  for (int i = 1; i < argc; i += 2) {
    const std::string_view name = argv[i];
    const std::string_view value = argv[i + 1];
    if (name == "--placement") {
      options.placement = parse_placement(value);
    } else if (const auto count = counts.find(name); count != counts.end()) {
      read_number(value, *count->second);
    } else if (name == "--duration") {
      read_number(value, options.duration);
    } else if (name == "--mode") {
      options.mode = value;
    } else {
      show_usage();
    }
  }
  return options;
}

}  // namespace bench
