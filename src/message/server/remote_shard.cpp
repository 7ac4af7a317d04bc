// SPDX-License-Identifier: Apache-2.0
#include "message/server/remote_shard.hpp"

#include <new>
#include <utility>

#include "sys/thread.hpp"

namespace hallway::message {

RemoteShard::RemoteShard(Loop& server_loop, RemoteShardDelegate& server,
                         const Server::Handler& handler,
                         std::shared_ptr<const detail::ConnectionConfig> config,
                         std::shared_ptr<core::Accounts> accounts, BroadcastRelay& relay)
    : server_loop_(server_loop),
      server_(server),
      loop_(server_loop.core().options()),
      shard_(loop_, *this, handler, std::move(config), std::move(accounts), &relay),
      up_(loop_, *this, &RemoteShard::process_commands),
      down_(server_loop, *this, &RemoteShard::process_reports) {
  loop_.core().hold();
  loop_.on_drain(this, [this] { note_drain(); });
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

void RemoteShard::acquire_slot(core::Account& account) {
  {
    const std::lock_guard lock(mutex_);
    for (auto* freed : {&freed_, &freed_before_}) {
      if (freed->capacity() <= slots_) freed->reserve(2 * slots_ + 8);
    }
  }
  server_.acquire_slot(account);
  ++slots_;
}

void RemoteShard::add_connection(Shard::AcceptedSocket accepted) {
  {
    const std::lock_guard lock(mutex_);
    commands_.accepted.push_back(std::move(accepted));
  }
  up_.trigger();
}

void RemoteShard::command(bool Commands::* what) noexcept {
  {
    const std::lock_guard lock(mutex_);
    commands_.*what = true;
  }
  up_.trigger();
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
  for (ServerEvent& event : reports.events) {
    server_.report(event.kind, event.connection, event.peer, std::move(event.reason),
                   event.counters);
  }
  // By index: another client may take a slot as soon as it is free.
  for (std::size_t i = 0; i < freed_before_.size(); ++i) {
    --slots_;
    server_.release_slot(*freed_before_[i]);
  }
  freed_before_.clear();
  if (reports.stopped) server_loop_.stop(*reports.stopped);
  if (reports.ended) {
    ended_ = true;
    server_.shard_ended();
  }
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
void RemoteShard::post_report(Change change) noexcept {
  {
    const std::lock_guard lock(mutex_);
    change(reports_);
  }
  down_.trigger();
}

void RemoteShard::release_slot(core::Account& account) noexcept {
  post_report([&](Reports& /*reports*/) { freed_.push_back(&account); });
}

void RemoteShard::report(ServerEvent::Kind kind, std::uint64_t connection, const Peer& peer,
                         std::string reason, const Counters& counters) noexcept {
  if (!server_.wants_events()) return;
  post_report([&](Reports& reports) {
    try {
      reports.events.push_back({kind, connection, peer, std::move(reason), counters});
    } catch (const std::bad_alloc&) {
      // The event is lost, as it would be if the program had no memory for it.
    }
  });
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
    commands = std::exchange(commands_, {});
  }
  if (commands.stop) {
    leaving_ = true;
    loop_.stop();
    return;
  }
  shard_.tidy();
  for (Shard::AcceptedSocket& accepted : commands.accepted)
    shard_.add_connection(std::move(accepted));
  if (commands.end && !std::exchange(leaving_, true)) loop_.core().let_go();
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
