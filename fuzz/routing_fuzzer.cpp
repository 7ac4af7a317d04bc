// SPDX-License-Identifier: Apache-2.0
//
// Any bytes as subscriptions that come and go and messages between them: the router and a plain
// list agree on whom each message is for, and on which interest there is. Subjects are now and then
// any bytes, but mostly short ones of few tokens, so that many of them meet.
#include <cstddef>
#include <string>
#include <string_view>

#include "input.hpp"
#include "subject/subject.hpp"
#include "support/router_model.hpp"

namespace {

using namespace hallway;
using fuzz::require;
using test::RouterModel;

std::string read_subject(fuzz::Input& input) {
  constexpr std::string_view tokens[] = {"a", "b", "*", ">", "aa", "a*", ""};
  const std::size_t kind = input.below(16);
  if (kind == 0) return std::string(input.take(input.below(40)));
  std::string subject(tokens[input.below(6)]);
  for (std::size_t left = kind % 5; left > 0; --left) {
    subject += '.';
    subject += tokens[input.below(left == 1 ? 6 : 7) % 7];
  }
  return subject;
}

std::size_t read_owner(fuzz::Input& input) {
  const std::size_t owner = input.below(4 * RouterModel::owners);
  return owner < RouterModel::owners ? owner : RouterModel::nobody;
}

/// What is true of any two subjects.
void compare(std::string_view one, std::string_view other) {
  const bool literal = hub::is_literal(other);
  require(is_subject(other) == (literal && is_subject_pattern(other)));
  if (!is_subject_pattern(one) || !is_subject_pattern(other)) return;
  const bool subset = hub::is_subset(other, one);
  require(!subset || hub::overlap(one, other));
  require(hub::overlap(one, other) == hub::overlap(other, one));
  require(!subset || hub::matches(one, other));
  if (literal) require(subset == hub::matches(one, other) && subset == hub::overlap(one, other));
  if (subset && hub::is_subset(one, other)) require(one == other);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  constexpr std::string_view groups[] = {"", "", "", "a", "b", ">"};
  fuzz::Input input(data, size);
  RouterModel model;
  std::string last;
  while (!input.used_up()) {
    switch (input.below(8)) {
      case 0:
      case 1:
      case 2: {
        const std::string subject = read_subject(input);
        compare(subject, last);
        last = subject;
        const std::string_view group = groups[input.below(6)];
        const std::size_t most = input.below(8);
        model.subscribe(input.below(RouterModel::owners), subject, group, most < 4 ? most : 0);
        break;
      }
      case 3:
        if (model.size() > 0) model.unsubscribe(input.below(model.size()));
        break;
      default: {
        const std::string subject = read_subject(input);
        const std::size_t except = read_owner(input);
        const std::size_t declining = read_owner(input);
        model.publish(subject, except, declining, read_owner(input));
      }
    }
    require(model.difference().empty());
  }
  model.unsubscribe_all();
  require(model.difference().empty());
  return 0;
}
