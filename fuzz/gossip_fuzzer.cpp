// SPDX-License-Identifier: Apache-2.0
//
// Any bytes as what hubs say to each other of what they want: a word that is read is written back
// as it was, and whatever a sequence of them says, what is wanted of us is what a simple model
// makes of it; and nothing is left of hubs that have gone.
#include <algorithm>
#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include <hallway/subject.hpp>

#include "input.hpp"
#include "link/interest_gossip.hpp"
#include "link/remote_hubs.hpp"

namespace {

using namespace hallway;
using fuzz::require;
using link::InterestGossip;
using link::RemoteHubs;

const std::vector<std::string> exports{"a.>", "*.b", "c"};
constexpr std::string_view subjects[] = {"a.b", "a.c.d", "x.b", "c", "d", "a", "b"};

/// What the hubs of a cluster want, kept as plainly as it can be.
class Model {
 public:
  void receive(const InterestGossip& gossip) {
    Hub& hub = hubs_[gossip.hub];
    switch (gossip.kind) {
      case InterestGossip::Kind::all:
        if (hub.known && hub.number == gossip.number) return;
        hub.wants.clear();
        hub.known = true;
        break;
      case InterestGossip::Kind::change:
        hub.known = hub.known && gossip.number == hub.number + 1;
        break;
      case InterestGossip::Kind::goodbye: hubs_.erase(gossip.hub); return;
      default: return;
    }
    hub.number = gossip.number;
    for (const std::string& line : gossip.lines) {
      const std::string pattern = line.substr(1);
      if (line[0] == '-') hub.wants.erase(pattern);
      if (line[0] == '+' && concerns_us(pattern)) hub.wants.insert(pattern);
    }
  }

  [[nodiscard]] bool want(std::string_view subject) const {
    return std::ranges::any_of(hubs_, [&](const auto& hub) {
      return std::ranges::any_of(hub.second.wants,
                                 [&](const auto& one) { return matches_subject(one, subject); });
    });
  }

  [[nodiscard]] std::size_t patterns() const {
    std::set<std::string> all;
    for (const auto& [name, hub] : hubs_) all.insert(hub.wants.begin(), hub.wants.end());
    return all.size();
  }

  [[nodiscard]] std::size_t hubs() const { return hubs_.size(); }

 private:
  struct Hub {
    bool known = false;
    std::uint64_t number = 0;
    std::set<std::string> wants;
  };

  static bool concerns_us(const std::string& pattern) {
    return std::ranges::any_of(
        exports, [&](const auto& one) { return subjects_in_common(one, pattern).has_value(); });
  }

  std::map<std::string, Hub> hubs_;
};

void require_the_same(RemoteHubs& remote_hubs, const Model& model) {
  require(remote_hubs.patterns() == model.patterns());
  for (const std::string_view subject : subjects) {
    const bool exported = std::ranges::any_of(
        exports, [&](const auto& one) { return matches_subject(one, subject); });
    if (exported) require(remote_hubs.want(subject) == model.want(subject));
  }
}

/// A word that fits the vocabulary, or any bytes.
std::string text_of_one(fuzz::Input& input) {
  if (input.chance()) return std::string(input.take(input.byte()));
  constexpr std::string_view kinds[] = {"all", "change", "here", "ask", "bye"};
  constexpr std::string_view patterns[] = {"a.b", "a.*", "*.b", "a.>", ">", "c", "d", "b.b"};
  std::string text = "HALLWAY 1 H" + std::to_string(input.below(3)) + ' ';
  text.append(kinds[input.below(5)]).append(1, ' ').append(std::to_string(input.below(4)));
  text += '\n';
  for (std::size_t lines = input.below(6); lines > 0; --lines) {
    text.append(1, input.chance() ? '+' : '-').append(patterns[input.below(8)]).append(1, '\n');
  }
  return text;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  fuzz::Input input(data, size);
  RemoteHubs remote_hubs(exports);
  Model model;
  const RemoteHubs::Time begin{};
  RemoteHubs::Time now = begin;
  while (!input.used_up()) {
    const std::string text = text_of_one(input);
    const auto gossip = InterestGossip::parse(text);
    if (!gossip) continue;
    const auto again = InterestGossip::parse(gossip->text());
    require(again && again->hub == gossip->hub && again->kind == gossip->kind &&
            again->number == gossip->number && again->lines == gossip->lines);
    for (const std::string& line : gossip->lines) require(is_subject_pattern(line.substr(1)));
    if (gossip->kind == InterestGossip::Kind::ask) continue;
    require(model.hubs() < RemoteHubs::most_hubs);
    remote_hubs.receive(*gossip, now);
    model.receive(*gossip);
    require_the_same(remote_hubs, model);
    now += std::chrono::seconds(1);
  }
  remote_hubs.forget_silent_since(now);
  require(remote_hubs.patterns() == 0);
  for (const std::string& pattern : exports) require(!remote_hubs.want_some_of(pattern));
  return 0;
}
