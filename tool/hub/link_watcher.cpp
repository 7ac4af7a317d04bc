// SPDX-License-Identifier: Apache-2.0
//
// hallway link-watcher: runs between a hub and the worker process of its link, and restarts the
// worker whenever it ends unexpectedly. A hub in its sandbox cannot start programs itself. The
// watcher ends when the hub ends for any reason, because their connection then closes.
#include <CLI/CLI.hpp>
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
#include <hallway/loop.hpp>

#include "cli/verb.hpp"
#include "hub/link_records.hpp"
#include "io/report.hpp"
#include "io/scoped_task.hpp"

namespace hallway::tool {

namespace {

namespace records = link_records;

/// Bounds of the random waits before a worker is restarted.
constexpr Duration first_wait = std::chrono::milliseconds(100);
constexpr Duration most_wait = std::chrono::seconds(5);

/// Time that a worker gets to end after the hub has gone: its drain time and some slack.
constexpr Duration patience = ServerLimits{}.drain_time + std::chrono::seconds(2);

/// Random times up to a bound that doubles, so that links that failed together do not all
/// reconnect at once.
class Waits {
 public:
  Duration next() {
    std::uniform_int_distribution<Duration::rep> below(0, bound_.count());
    bound_ = std::min(2 * bound_, most_wait);
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
      : loop_(&loop), worker_(std::move(worker)), hub_(std::move(hub)) {}

  Task<> run() {
    const bool taken = co_await take_settings();
    if (!taken) co_return;
    const ScopedTask following = follow_hub();
    while (true) {
      const auto begun = loop_->now();
      std::string how = co_await run_worker();
      if (ending_) break;
      if (loop_->now() - begun >= most_wait) waits_.reset();
      const std::string ended = records::write(records::Ended{std::move(how)});
      co_await hub_.send(ended);
      co_await loop_->sleep(waits_.next());
      if (ending_) break;
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
    while (const Received said = co_await worker.receive()) {
      note(said->bytes());
      if (!hub_is_gone_) co_await hub_.send(said->bytes());
    }
    const auto status = co_await child->wait();
    running_ = nullptr;
    co_return status ? status->to_string() : status.error().why();
  }

  /// Remembers what the next worker has to know about this one.
  void note(ByteView said) {
    const auto record = records::read(said);
    const auto* account = record ? std::get_if<records::Account>(&*record) : nullptr;
    if (account != nullptr) settings_.options.predecessor = account->progress;
  }

  ScopedTask follow_hub() {
    while (const Received said = co_await hub_.receive()) {
      const auto record = records::read(said->bytes());
      if (!record || !std::holds_alternative<records::Drain>(*record)) continue;
      ending_ = true;
      if (running_ == nullptr) co_return loop_->stop();
      running_->connection().try_send(said->bytes());
    }
    ending_ = hub_is_gone_ = true;
    if (running_ == nullptr) co_return loop_->stop();
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
  bool ending_ = false;
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
  verb.allow_extras();
  return [&verb] { return watch(verb.remaining()); };
}

}  // namespace hallway::tool
