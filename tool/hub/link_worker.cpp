// SPDX-License-Identifier: Apache-2.0
//
// hallway link-worker: the link of a hub, in a process of its own. It receives its settings and
// sends its events over its standard input, which is a connection (link_records.hpp).
#include <unistd.h>
#include <algorithm>
#include <chrono>
#include <csignal>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include <hallway/connection.hpp>
#include <hallway/loop.hpp>
#include <hallway/task_scope.hpp>

#include "cli/add_value.hpp"
#include "cli/flags.hpp"
#include "cli/verb.hpp"
#include "hub/link_records.hpp"
#include "hub/running_link.hpp"
#include "io/events.hpp"
#include "io/report.hpp"

namespace hallway::tool {

namespace {

namespace records = link_records;

/// Time between two reports of the counters: while they change, and after they stopped changing.
constexpr Duration shortest_account_pause = std::chrono::milliseconds(50);
constexpr Duration longest_account_pause = std::chrono::seconds(1);

class LinkWorker {
 public:
  LinkWorker(Loop& loop, Connection hub) : loop_(&loop), hub_(std::move(hub)) {}

  int run() {
    if (!loop_->run(open())) return exit_status::failed;
    const int status = serve();
    loop_->run(close());
    return status;
  }

 private:
  int serve() {
    TaskScope tasks(*loop_);
    tasks.spawn(follow_hub());
    tasks.spawn(account_often());
    return loop_->run();
  }

  Task<bool> open() {
    const Received first = co_await hub_.receive();
    auto record = first ? records::read(first->bytes()) : std::nullopt;
    auto* settings = record ? std::get_if<records::Settings>(&*record) : nullptr;
    if (settings == nullptr) co_return false;
    settings->options.on_event = [this](const LinkEvent& event) { forward(event); };
    auto link = co_await RunningLink::open(*loop_, settings->hub, std::move(settings->options));
    if (!link) {
      const std::string failed = records::write(records::Failed{link.error()});
      co_await hub_.send(failed);
      co_await hub_.flush();
      co_return false;
    }
    link_.emplace(std::move(*link));
    account();
    const std::string started = records::write(records::Started{});
    co_await hub_.send(started);
    co_return true;
  }

  /// Forwards an event, except that the hub went away or came back.
  void forward(const LinkEvent& event) {
    using Kind = LinkEvent::Kind;
    if (event.kind == Kind::hub_away || event.kind == Kind::hub_back) return;
    hub_.try_send(records::write(event));
  }

  [[nodiscard]] std::string account_record() const {
    return records::write(records::Account{link_->statistics(), link_->progress()});
  }

  /// Sends the counters if they changed. If the worker is killed, the hub keeps the last ones.
  /// @return whether they were sent
  bool account() {
    std::string now = account_record();
    if (now == last_sent_ || !hub_.try_send(now)) return false;
    last_sent_ = std::move(now);
    return true;
  }

  /// Also goes on while the loop drains, which ends one sleep early.
  Task<> account_often() {
    Duration pause = shortest_account_pause;
    while (true) {
      co_await loop_->sleep(pause);
      pause = account() ? shortest_account_pause : std::min(2 * pause, longest_account_pause);
    }
  }

  Task<> follow_hub() {
    while (const Received received = co_await hub_.receive()) {
      const auto record = records::read(received->bytes());
      if (!record || !std::holds_alternative<records::Drain>(*record)) continue;
      loop_->drain();
      // Draining ends receives, but not the wait for an answer. None comes: this wait ends with the
      // hub, which should have waited for this worker.
      const std::string now = account_record();
      static_cast<void>(co_await hub_.request(now, forever));
      co_return loop_->stop(exit_status::failed);
    }
    loop_->drain();
  }

  Task<> close() {
    account();
    co_await hub_.flush();
  }

  Loop* loop_;
  Connection hub_;
  std::optional<RunningLink> link_;
  std::string last_sent_;
};

int work(const LoopOptions& options) {
  for (const int signal : {SIGINT, SIGTERM, SIGHUP}) std::signal(signal, SIG_IGN);
  Events events({});
  Loop loop(logged_by(events, options));
  auto hub =
      Connection::adopt(loop, Descriptor::adopt(STDIN_FILENO), records::connection_options());
  if (!hub) return fail(hub.error());
  return LinkWorker(loop, std::move(*hub)).run();
}

}  // namespace

Run add_link_worker(CLI::App& verb, const TrailingArgs&) {
  auto options = std::make_shared<LoopOptions>();
  add_spin(verb, *options);
  // Extra arguments hold the hub's address, which is there for lists of processes only.
  accept_words(verb);
  return [options] { return work(*options); };
}

}  // namespace hallway::tool
