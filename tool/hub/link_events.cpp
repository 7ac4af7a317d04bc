// SPDX-License-Identifier: Apache-2.0
#include "hub/link_events.hpp"

#include <fmt/format.h>

#include <nlohmann/json.hpp>
#include <utility>

#include <hallway/subject.hpp>

namespace hallway::tool {

namespace {

/// Servers can cause events at any rate, so the log gets at most this number of lines a second.
constexpr std::size_t lines_a_second = 20;

}  // namespace

void LinkEvents::log(const LinkEvent& event) {
  Error about = event.about;
  if (!event.account.empty()) about.subject += " as " + event.account;
  if (!about.hint.empty()) about.reason = about.why() + "; " + about.hint;
  std::string words = about.explain();
  if (std::exchange(last_[event.account], words) == words) return;
  const auto now = std::chrono::steady_clock::now();
  if (now - since_ >= std::chrono::seconds(1)) {
    since_ = now;
    in_this_second_ = 0;
  }
  if (++in_this_second_ > lines_a_second) return;
  const auto usual = [&](const char* name, const char* what) {
    nlohmann::ordered_json members{{what, event.about.subject}};
    if (!event.account.empty()) members["account"] = event.account;
    events_->log(Events::Level::usual, name, 0, about.subject, members);
  };
  switch (event.kind) {
    case LinkEvent::Kind::up: return usual("link up", "server");
    case LinkEvent::Kind::reconnecting: return events_->error("link reconnecting", 0, about);
    case LinkEvent::Kind::down: return events_->error("link down", 0, about);
    case LinkEvent::Kind::complaint: return events_->error("link complaint", 0, about);
    case LinkEvent::Kind::hub_away: return events_->error("hub disconnected", 0, about);
    case LinkEvent::Kind::hub_back: return usual("hub reconnected", "address");
  }
}

void LinkEvents::log_excluded(const LinkOptions& link) {
  for (const auto* patterns : {&link.exports, &link.always, &link.imports}) {
    for (const std::string& pattern : *patterns) {
      if (internal_part_of(pattern) != InternalPart::some) continue;
      events_->log(Events::Level::detail, "link excludes", 0,
                   "subjects below $SYS and _HALLWAY of " + pattern, {{"pattern", pattern}});
    }
  }
}

void LinkEvents::log_losses(const LinkStatistics& all) {
  if (all.dropped_out + all.unconfirmed == 0) return;
  events_->log(Events::Level::usual, "link lost messages", 0,
               fmt::format("{} dropped, {} unconfirmed", all.dropped_out, all.unconfirmed),
               {{"dropped", all.dropped_out}, {"unconfirmed", all.unconfirmed}});
  for (const LinkAccountStatistics& account : all.accounts) {
    if (account.dropped_out + account.unconfirmed == 0) continue;
    events_->log(Events::Level::usual, "link lost messages", 0,
                 fmt::format("{} dropped, {} unconfirmed, of these as {}", account.dropped_out,
                             account.unconfirmed, printable(account.name)),
                 {{"dropped", account.dropped_out},
                  {"unconfirmed", account.unconfirmed},
                  {"account", account.name}});
  }
}

}  // namespace hallway::tool
