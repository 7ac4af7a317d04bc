// SPDX-License-Identifier: Apache-2.0
//
// hallway link-watcher: runs between a hub and the worker process of its link, and restarts the
// worker whenever it ends unexpectedly. A hub in its sandbox cannot start programs itself. The
// watcher ends when the hub ends for any reason, because their connection then closes.
#include <algorithm>
#include <chrono>
#include <csignal>
#include <memory>
#include <optional>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include <unistd.h>
#include <hallway/child.hpp>
#include <hallway/connection.hpp>
#include <hallway/event.hpp>
#include <hallway/loop.hpp>
#include <hallway/task_scope.hpp>

#include "cli/add_value.hpp"
#include "cli/verb.hpp"
#include "hub/link_records.hpp"
#include "io/report.hpp"

namespace hallway::tool {

namespace {

namespace records = link_records;

/// Bounds of the random waits before a worker is restarted.
constexpr Duration first_wait = std::chrono::milliseconds(100);
constexpr Duration max_wait = std::chrono::seconds(5);

/// Time that a worker gets to end after the hub has gone: its drain time and some slack.
constexpr Duration patience = ServerLimits{}.drain_time + std::chrono::seconds(2);

/// Random times up to a bound that doubles, so that links that failed together do not all
/// reconnect at once.
class Waits {
 public:
  Duration next() {
    std::uniform_int_distribution<Duration::rep> below(0, bound_.count());
    bound_ = std::min(2 * bound_, max_wait);
    return Duration(below(random_));
  }

  /// Called after a worker ran for at least the longest wait, which counts as success.
  void reset() noexcept { bound_ = first_wait; }

 private:
  Duration bound_ = first_wait;
  std::mt19937_64 random_{std::random_device{}()};
};

class LinkWatcher {
 public:
  LinkWatcher(Loop& loop, std::vector<std::string> worker, Connection hub)
      : loop_(&loop), worker_(std::move(worker)), hub_(std::move(hub)), ending_(loop) {}

  Task<> run() {
    const bool taken = co_await take_settings();
    if (!taken) co_return;
    TaskScope following(*loop_);
    following.spawn(follow_hub());
    while (!ending_.is_set()) {
      const auto begun = loop_->now();
      std::string how = co_await run_worker();
      if (ending_.is_set()) break;
      if (loop_->now() - begun >= max_wait) waits_.reset();
      const std::string ended = records::write(records::Ended{std::move(how)});
      co_await hub_.send(ended);
      co_await ending_.wait(waits_.next());
    }
    co_await hub_.flush();
  }

 private:
  Task<bool> take_settings() {
    const Received first = co_await hub_.receive();
    auto record = first ? records::read(first->bytes()) : std::nullopt;
    auto* settings = record ? std::get_if<records::Settings>(&*record) : nullptr;
    if (settings != nullptr) settings_ = std::move(*settings);
    co_return settings != nullptr;
  }

  /// Runs one worker until it ends, and forwards its records.
  /// @return how it ended
  Task<std::string> run_worker() {
    auto child = Child::spawn(*loop_, worker_, {.connection = records::connection_options()});
    if (!child) co_return child.error().why();
    running_ = &*child;
    Connection& worker = child->connection();
    const std::string settings = records::write(settings_);
    co_await worker.send(settings);
    while (const Received received = co_await worker.receive()) {
      note(received->bytes());
      if (!hub_is_gone_) co_await hub_.send(received->bytes());
    }
    const auto status = co_await child->wait();
    running_ = nullptr;
    co_return status ? status->to_string() : status.error().why();
  }

  /// Remembers what the next worker has to know about this one.
  void note(ByteView bytes) {
    const auto record = records::read(bytes);
    const auto* account = record ? std::get_if<records::Account>(&*record) : nullptr;
    if (account != nullptr) settings_.options.predecessor = account->progress;
  }

  Task<> follow_hub() {
    while (const Received received = co_await hub_.receive()) {
      const auto record = records::read(received->bytes());
      if (!record || !std::holds_alternative<records::Drain>(*record)) continue;
      ending_.set();
      if (running_ != nullptr) running_->connection().try_send(received->bytes());
    }
    hub_is_gone_ = true;
    ending_.set();
    if (running_ == nullptr) co_return;
    // The worker takes the end of this stream as the end of the hub.
    running_->connection().half_close();
    co_await loop_->sleep(patience);
    if (running_ != nullptr) static_cast<void>(running_->kill(SIGKILL));
  }

  Loop* loop_;
  std::vector<std::string> worker_;
  Connection hub_;
  records::Settings settings_;
  Child* running_ = nullptr;
  Event ending_;  // no worker is started any longer
  bool hub_is_gone_ = false;
  Waits waits_;
};

int watch(const std::vector<std::string>& words) {
  // Only the hub decides when to end: a service manager or a terminal signals all processes at
  // once.
  for (const int signal : {SIGINT, SIGTERM, SIGHUP}) std::signal(signal, SIG_IGN);
  Loop loop;
  auto hub =
      Connection::adopt(loop, Descriptor::adopt(STDIN_FILENO), records::connection_options());
  if (!hub) return fail(hub.error());
  std::vector<std::string> worker{records::own_program(), "link-worker"};
  worker.insert(worker.end(), words.begin(), words.end());
  LinkWatcher watcher(loop, std::move(worker), std::move(*hub));
  loop.spawn(watcher.run());
  return loop.run();
}

}  // namespace

Run add_link_watcher(CLI::App& verb, const TrailingArgs&) {
  accept_words(verb);
  return [&verb] { return watch(accepted_words(verb)); };
}

}  // namespace hallway::tool
