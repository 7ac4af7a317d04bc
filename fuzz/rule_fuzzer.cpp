// SPDX-License-Identifier: Apache-2.0
//
// Any text as a rule over peers: parsed or refused with words, printed without a byte that could
// upset a terminal, read back as the same rule where nothing had to be escaped; and nobody from
// outside our user namespace is let in by any rule but "any".
#include <hallway/peer.hpp>

#include <algorithm>
#include <string>

#include <hallway/bytes.hpp>

#include "input.hpp"
#include "text.hpp"

namespace {

using namespace hallway;
using fuzz::require;

bool same(const AllowRule& a, const AllowRule& b) {
  return a.kind == b.kind && a.id == b.id && a.name == b.name;
}

void check(const AllowRule& rule) {
  const std::string printed = rule.to_string();
  require(fuzz::is_harmless(printed) && !printed.empty());
  const auto again = AllowRule::parse(printed);
  require(again && again->to_string() == printed);
  if (printable(rule.name) == rule.name) require(same(*again, rule));

  // Names are left to the user database; numbers are their own.
  const bool is_number =
      std::ranges::all_of(rule.name, [](char c) { return c >= '0' && c <= '9'; });
  if (!is_number || rule.name.size() > 9) return;
  const auto resolved = rule.resolved();
  require(resolved && resolved->name.empty());
  require(rule.name.empty() || resolved->id == std::stoul(rule.name));

  const bool everybody = rule.kind == AllowRule::Kind::any;
  const std::uint32_t groups[] = {Peer::overflow_uid, resolved->id};
  require(resolved->admits(Peer{}, groups) == everybody);
  const Peer asked{resolved->id, resolved->id, 1};
  const bool names_it = rule.kind == AllowRule::Kind::uid || rule.kind == AllowRule::Kind::gid;
  if (names_it && resolved->id != Peer::overflow_uid) require(resolved->admits(asked, {}));
  const Peer other{resolved->id + 1, resolved->id + 1, 1};
  if (names_it) require(!resolved->admits(other, {}));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  if (const auto rule = AllowRule::parse(text)) {
    check(*rule);
  } else {
    const std::string why = rule.error().explain();
    require(fuzz::is_harmless(why) && fuzz::is_harmless(rule.error().hint));
    require(!why.empty());
  }
  return 0;
}
