// SPDX-License-Identifier: Apache-2.0
//
// The same program with a link, which names no server and is refused for that.
#include <hallway/hallway.hpp>
#include <hallway/link.hpp>

using namespace hallway;

int main(int argc, char** argv) {
  if (argc != 2) return 2;
  Loop loop;
  const LinkOptions options{.urls = {}};
  const auto link = loop.run(Link::start(loop, argv[1], options));
  return !link && link.error().code == std::errc::invalid_argument ? 0 : 1;
}
