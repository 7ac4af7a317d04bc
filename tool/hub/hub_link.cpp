// SPDX-License-Identifier: Apache-2.0
#include "hub/hub_link.hpp"

#include <algorithm>
#include <cstddef>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include <hallway/child.hpp>
#include <hallway/connection.hpp>

#include "hub/link_events.hpp"
#include "hub/link_records.hpp"
#include "io/report.hpp"
#include "io/values.hpp"

namespace hallway::tool {

namespace records = link_records;

namespace {

/// Adds the counters. Members that are a state (`kept`, `up`) are taken from `latter`.
LinkAccountStatistics operator+(LinkAccountStatistics sum, const LinkAccountStatistics& latter) {
  for (const auto count : {&LinkAccountStatistics::out, &LinkAccountStatistics::dropped_out,
                           &LinkAccountStatistics::unconfirmed, &LinkAccountStatistics::connects}) {
    sum.*count += latter.*count;
  }
  sum.kept = latter.kept;
  sum.up = latter.up;
  return sum;
}

LinkStatistics operator+(LinkStatistics sum, const LinkStatistics& latter) {
  for (const auto count :
       {&LinkStatistics::out, &LinkStatistics::in, &LinkStatistics::dropped_out,
        &LinkStatistics::dropped_in, &LinkStatistics::refused_in, &LinkStatistics::refused_out,
        &LinkStatistics::unconfirmed, &LinkStatistics::loops_stopped, &LinkStatistics::connects}) {
    sum.*count += latter.*count;
  }
  sum.kept = latter.kept;
  sum.up = latter.up;
  // The accounts of all workers are those of the settings. A worker that has not reported has none.
  sum.accounts.resize(std::max(sum.accounts.size(), latter.accounts.size()));
  for (std::size_t i = 0; i < sum.accounts.size(); ++i) {
    LinkAccountStatistics& account = sum.accounts[i];
    if (i >= latter.accounts.size()) {
      account.kept = 0;
      account.up = false;
      continue;
    }
    account = account + latter.accounts[i];
    account.name = latter.accounts[i].name;
  }
  return sum;
}

}  // namespace

struct HubLink::State {
  State(Loop& its_loop, Events& its_events, const Address& its_hub, Child its_watcher)
      : loop(&its_loop),
        events(its_events),
        hub(its_hub.unescaped()),
        watcher(std::move(its_watcher)) {}

  Task<Result<void>> start(std::string settings);
  static Task<> follow(std::shared_ptr<State> state);
  void handle(const records::Record& record);
  void add_up();
  void log_down(const std::string& why);

  Loop* loop;
  LinkEvents events;
  std::string hub;
  Child watcher;
  LinkStatistics before;  // sum over the workers that have ended
  LinkStatistics now;     // of the current worker
  bool started = false;
  std::optional<Error> failed;
};

/// Completes when the first worker has started, and fails if it cannot.
Task<Result<void>> HubLink::State::start(std::string settings) {
  co_await watcher.connection().send(settings);
  while (!started && !failed) {
    const Received received = co_await watcher.connection().receive();
    if (!received) break;
    if (const auto record = records::read(received->bytes())) handle(*record);
  }
  // A hub that starts to drain meanwhile ends without a link.
  if (started || loop->draining()) co_return Result<void>();
  co_return std::unexpected(
      failed ? std::move(*failed)
             : error_of(std::errc::connection_aborted, "link", hub, "its watcher process ended"));
}

/// Keeps the loop running until the watcher has sent its last record.
Task<> HubLink::State::follow(std::shared_ptr<State> state) {
  while (const Received received = co_await state->watcher.connection().receive()) {
    if (const auto record = records::read(received->bytes())) state->handle(*record);
  }
  state->add_up();
  if (!state->loop->draining()) {
    state->log_down("its watcher process ended; restart the hub to get the link back");
  }
}

void HubLink::State::handle(const records::Record& record) {
  if (const auto* event = std::get_if<LinkEvent>(&record)) {
    events.log(*event);
  } else if (const auto* account = std::get_if<records::Account>(&record)) {
    now = account->statistics;
  } else if (std::holds_alternative<records::Started>(record)) {
    started = true;
  } else if (const auto* refused = std::get_if<records::Failed>(&record)) {
    if (started) return log_down(refused->why.explain());
    failed = refused->why;
  } else if (const auto* ended = std::get_if<records::Ended>(&record)) {
    add_up();
    if (started) return log_down("its process ended and is restarted: " + ended->how);
    if (!failed) {
      failed = error_of(std::errc::connection_aborted, "link", hub,
                        "its process ended before it was ready: " + ended->how);
    }
  }
}

/// Called when a worker has ended. The next worker counts its waiting messages as lost.
void HubLink::State::add_up() { before = before + std::exchange(now, {}) + LinkStatistics(); }

void HubLink::State::log_down(const std::string& why) {
  events.log({.kind = LinkEvent::Kind::down,
              .about = error_of(std::errc::connection_aborted, "link", hub, why)});
}

Result<HubLink> HubLink::open(Loop& loop, const Address& hub, const LinkOptions& options,
                              const LoopOptions& spin, Events& events) {
  const std::string spin_text = spin.spin ? write_duration(*spin.spin) : "auto";
  auto watcher = Child::spawn(
      loop, {records::own_program(), "link-watcher", hub.to_string(), "--spin=" + spin_text},
      {.connection = records::connection_options()});
  if (!watcher) return std::unexpected(watcher.error());
  auto state = std::make_shared<State>(loop, events, hub, std::move(*watcher));
  HubLink link(state, loop.on_drain([one = state.get()] {
    one->watcher.connection().try_send(records::write(records::Drain{}));
  }));
  auto started = loop.run(state->start(records::write(records::Settings{hub, options})));
  if (!started) return std::unexpected(started.error());
  loop.spawn(State::follow(std::move(state)));
  return link;
}

LinkStatistics HubLink::statistics() const { return state_->before + state_->now; }

}  // namespace hallway::tool
