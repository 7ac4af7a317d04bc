// SPDX-License-Identifier: Apache-2.0
#include "message/server/remote_shard.hpp"

#include <utility>

#include "sys/thread.hpp"

namespace hallway::message {

RemoteShard::RemoteShard(Loop& server_loop, const ConnectionHandler& handler,
                         const EventReporter& events, std::function<void()> on_ended,
                         std::shared_ptr<const detail::ConnectionConfig> config,
                         std::shared_ptr<core::Accounts> accounts, BroadcastRelay& relay)
    : server_loop_(server_loop),
      server_events_(events),
      on_ended_(std::move(on_ended)),
      events_(events ? EventReporter([this](ServerEvent&& event) {
        post_report([&](Reports& reports) { reports.events.push_back(std::move(event)); });
      })
                     : EventReporter()),
      loop_(server_loop.core().options()),
      work_(std::in_place, loop_.core()),
      shard_(loop_, handler, events_, std::move(config), std::move(accounts), &relay,
             [this](core::Slot slot) { return_slot(std::move(slot)); }),
      command_wakeup_(loop_, *this, &RemoteShard::process_commands),
      report_wakeup_(server_loop, *this, &RemoteShard::process_reports) {
  on_drain_ = loop_.on_drain([this] { note_drain(); });
}

RemoteShard::~RemoteShard() {
  if (!thread_.joinable()) return;
  stop();
  thread_.join();
  loop_.core().migrate_to(server_loop_);  // connections that still write
}

Result<void> RemoteShard::start() {
  if (loop_.error()) return std::unexpected(*loop_.error());
  auto started = sys::start_thread([this] { run(); });
  if (!started) return sys::failure(started.error(), "start", "a thread for a loop");
  thread_ = std::move(*started);
  return {};
}

// On the server's loop ---------------------------------------------------------------------------

void RemoteShard::add(AcceptedSocket accepted) {
  {
    const std::lock_guard lock(mutex_);
    for (auto* freed : {&freed_, &freed_before_}) {
      if (freed->capacity() <= slots_) freed->reserve(2 * slots_ + 8);
    }
    commands_.accepted.push_back(std::move(accepted));
  }
  ++slots_;
  command_wakeup_.trigger();
}

void RemoteShard::command(bool Commands::* what) noexcept {
  {
    const std::lock_guard lock(mutex_);
    commands_.*what = true;
  }
  command_wakeup_.trigger();
}

void RemoteShard::drain() noexcept { command(&Commands::drain); }
void RemoteShard::end() noexcept { command(&Commands::end); }
void RemoteShard::stop() noexcept { command(&Commands::stop); }

void RemoteShard::process_reports() {
  Reports reports;
  {
    const std::lock_guard lock(mutex_);
    reports = std::exchange(reports_, {});
    freed_.swap(freed_before_);
  }
  for (ServerEvent& event : reports.events) server_events_.report(std::move(event));
  ended_ = ended_ || reports.ended;
  // By index: another client may take a slot as soon as it is free.
  for (std::size_t i = 0; i < freed_before_.size(); ++i) {
    --slots_;
    const core::Slot given_back = std::move(freed_before_[i]);
  }
  freed_before_.clear();
  if (reports.stopped) server_loop_.stop(*reports.stopped);
  if (reports.ended) on_ended_();
  if (reports.drains) {
    try {
      server_loop_.drain(forever);  // the loop that was drained keeps the time
    } catch (...) {
      if (!reports.failure) reports.failure = std::current_exception();
    }
  }
  if (reports.failure) std::rethrow_exception(reports.failure);
}

// On the shard's loop ----------------------------------------------------------------------------

template <typename Change>
void RemoteShard::post_report(Change change) {
  {
    const std::lock_guard lock(mutex_);
    change(reports_);
  }
  report_wakeup_.trigger();
}

void RemoteShard::return_slot(core::Slot slot) noexcept {
  post_report([&](Reports& /*reports*/) { freed_.push_back(std::move(slot)); });
}

// Whatever ends a run of this loop is passed on, and has the same effect on the server's loop.
void RemoteShard::run() noexcept {
  for (bool over = false; !over;) {
    try {
      const int status = loop_.run();
      over = leaving_ || loop_.error();
      if (!over || status != 0) post_report([&](Reports& reports) { reports.stopped = status; });
    } catch (...) {
      post_report([](Reports& reports) {
        if (!reports.failure) reports.failure = std::current_exception();
      });
    }
  }
  shard_.close();
  loop_.core().tasks().clear();
  post_report([](Reports& reports) { reports.ended = true; });
}

void RemoteShard::process_commands() {
  Commands commands;
  {
    const std::lock_guard lock(mutex_);
    commands.stop = commands_.stop;
    // On stop, accepted sockets stay in commands_ until the destructor, which runs on the server's
    // loop: their slots may be given back only there.
    if (!commands.stop) commands = std::exchange(commands_, {});
  }
  if (commands.stop) {
    leaving_ = true;
    loop_.stop();
    return;
  }
  shard_.tidy();
  for (AcceptedSocket& accepted : commands.accepted) shard_.add(std::move(accepted));
  if (commands.end) {
    leaving_ = true;
    work_.reset();
  }
  if (commands.drain) {
    drain_commanded_ = true;
    shard_.drain();        // even if the rest fails
    loop_.drain(forever);  // the server's loop keeps the time
  }
}

void RemoteShard::note_drain() noexcept {
  shard_.drain();
  if (!drain_commanded_) post_report([](Reports& reports) { reports.drains = true; });
}

}  // namespace hallway::message
