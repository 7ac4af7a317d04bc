// SPDX-License-Identifier: Apache-2.0
//
// A hub with rules, for the tests of the verbs that are its clients:
//
//   cli_hub ADDRESS            anybody may do anything
//   cli_hub ADDRESS denying    nobody may publish or subscribe below "secret"
//   cli_hub ADDRESS closed     nobody may connect
#include <unistd.h>

#include <csignal>
#include <string_view>
#include <utility>

#include <hallway/hallway.hpp>

using namespace hallway;

namespace {

HubRules rules_of(std::string_view manner) {
  HubRules rules;
  const SubjectLists no_secrets{.allow = {}, .deny = {"secret.>"}};
  if (manner == "denying") rules.permissions.push_back({{allow::any()}, no_secrets, no_secrets});
  if (manner == "closed") rules.allow = {allow::uid(::geteuid() + 1)};
  return rules;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 2) return 2;
  HubOptions options;
  options.rules = rules_of(argc > 2 ? argv[2] : "");
  Loop loop;
  auto hub = Hub::start(loop, argv[1], std::move(options));
  if (!hub) return report(hub.error());
  if (auto claimed = loop.drain_on({SIGTERM}); !claimed) return report(claimed.error());
  return loop.run();
}
