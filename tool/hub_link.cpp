// SPDX-License-Identifier: Apache-2.0
#include "hub_link.hpp"

#include <chrono>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>

#include "threads_left.hpp"

namespace hallway::tool {

namespace {

/// How long the end of the program waits for threads that are of no use any more.
constexpr Duration ending_time = std::chrono::seconds(2);

/// What was told so far.
struct Told {
  std::string last;
  Loop::Clock::time_point since;  // a second that began then
  std::size_t in_this_second = 0;
};

/// Servers make it happen as often as they like: of what would flood the log, so many lines a
/// second.
constexpr std::size_t lines_a_second = 20;

/// A server that is not there is told once, and not at each attempt.
void tell(Events& events, const LinkEvent& event, Told& told) {
  const std::string words = event.about.explain();
  if (std::exchange(told.last, words) == words) return;
  const auto now = Loop::Clock::now();
  if (now - told.since >= std::chrono::seconds(1)) told = {words, now, 0};
  if (++told.in_this_second > lines_a_second) return;
  switch (event.kind) {
    case LinkEvent::Kind::up:
      return events.tell(Events::Level::usual, "link up", 0, event.about.subject,
                         {{"server", event.about.subject}});
    case LinkEvent::Kind::reconnecting: return events.error("link reconnecting", 0, event.about);
    case LinkEvent::Kind::down: return events.error("link down", 0, event.about);
    case LinkEvent::Kind::complaint: return events.error("link complaint", 0, event.about);
  }
}

}  // namespace

Result<HubLink> HubLink::open(Loop& loop, const Address& hub, LinkOptions options, Events& events) {
  options.on_event = [&events, told = Told()](const LinkEvent& event) mutable {
    tell(events, event, told);
  };
  auto link = loop.run(Link::start(loop, hub, std::move(options)));
  if (!link) return std::unexpected(link.error());
  return HubLink({new Link(std::move(*link)), [](const Link* ended) {
                    delete ended;
                    if (!Link::end_threads(ending_time)) threads_left() = true;
                  }});
}

LinkStatistics HubLink::statistics() const { return link_->statistics(); }

}  // namespace hallway::tool
