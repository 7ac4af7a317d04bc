// SPDX-License-Identifier: Apache-2.0
#include "options.hpp"

#include <charconv>
#include <cstdio>
#include <cstdlib>
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
  for (int i = 1; i < argc; i += 2) {
    const std::string_view name = argv[i];
    const std::string_view value = argv[i + 1];
    if (name == "--placement") {
      options.placement = parse_placement(value);
    } else if (name == "--size") {
      read_number(value, options.size);
    } else if (name == "--count") {
      read_number(value, options.count);
    } else if (name == "--subscribers") {
      read_number(value, options.subscribers);
    } else if (name == "--processes") {
      read_number(value, options.processes);
    } else if (name == "--connections") {
      read_number(value, options.connections);
    } else if (name == "--hogs") {
      read_number(value, options.hogs);
    } else if (name == "--disturbers") {
      read_number(value, options.disturbers);
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
