// SPDX-License-Identifier: Apache-2.0
//
// A shard on a thread of its own, as its server's loop sees it. The server's loop sends commands to
// it, and it sends reports back. One lock guards both, and each loop is woken by an AsyncWakeup.
#pragma once

#include <exception>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <thread>
#include <vector>

#include <hallway/loop.hpp>
#include <hallway/server_event.hpp>

#include "loop/loop_core.hpp"
#include "message/server/shard.hpp"

namespace hallway::message {

/// Unless stated otherwise, functions are for the server's loop.
class RemoteShard {
 public:
  /// All borrowed objects must outlive the shard.
  /// @param on_ended  called when the thread has ended
  RemoteShard(Loop& server_loop, const ConnectionHandler& handler, const EventReporter& events,
              std::function<void()> on_ended,
              std::shared_ptr<const detail::ConnectionConfig> config,
              std::shared_ptr<core::Accounts> accounts, BroadcastRelay& relay);
  RemoteShard(const RemoteShard&) = delete;
  RemoteShard& operator=(const RemoteShard&) = delete;
  /// Waits for the thread. Connections with bytes to write continue on the server's loop.
  ~RemoteShard();

  /// @errors of the loop; resource_unavailable_try_again: no more threads can be created
  Result<void> start();

  /// As Shard::add(). If it throws, no event is reported.
  void add(AcceptedSocket accepted);
  void drain() noexcept;
  /// Call it when no slot is taken. The thread ends when the tasks on its loop have ended.
  void end() noexcept;
  /// The thread ends as soon as it processes the command, even if connections are open.
  void stop() noexcept;

  [[nodiscard]] std::size_t slots() const noexcept { return slots_; }
  [[nodiscard]] bool ended() const noexcept { return ended_; }

 private:
  /// Calls a member function of the shard.
  class MemberWakeup final : public detail::AsyncWakeup {
   public:
    MemberWakeup(Loop& loop, RemoteShard& shard, void (RemoteShard::*member)())
        : AsyncWakeup(loop.core()), shard_(shard), member_(member) {}

   private:
    void run() override { (shard_.*member_)(); }

    RemoteShard& shard_;
    void (RemoteShard::*member_)();
  };

  struct Commands {
    std::vector<AcceptedSocket> accepted;
    bool drain = false;
    bool end = false;
    bool stop = false;
  };

  struct Reports {
    std::vector<ServerEvent> events;
    std::optional<int> stopped;  // the program called stop() on its loop, with this status
    bool drains = false;         // the program called drain() on its loop
    bool ended = false;
    std::exception_ptr failure;  // an exception that left its loop
  };

  // On the server's loop.
  void command(bool Commands::* what) noexcept;
  void process_reports();

  // On the shard's loop.
  void return_slot(core::Slot slot) noexcept;
  void run() noexcept;
  void process_commands();
  void note_drain() noexcept;
  template <typename Change>
  void post_report(Change change);

  Loop& server_loop_;
  const EventReporter& server_events_;
  const std::function<void()> on_ended_;
  std::size_t slots_ = 0;
  bool ended_ = false;

  // On the shard's thread, while it runs.
  const EventReporter events_;
  Loop loop_;
  std::optional<detail::WorkGuard> work_;  // until end()
  Shard shard_;
  bool drain_commanded_ = false;
  bool leaving_ = false;
  Loop::DrainCallback on_drain_;

  std::mutex mutex_;
  Commands commands_;
  Reports reports_;
  std::vector<core::Slot> freed_;         // with room for all that are taken
  std::vector<core::Slot> freed_before_;  // those being given back on the server's loop
  MemberWakeup command_wakeup_;
  MemberWakeup report_wakeup_;
  std::thread thread_;
};

}  // namespace hallway::message
