// SPDX-License-Identifier: Apache-2.0
//
// A shard on a thread of its own, as its server's loop sees it. The server's loop sends commands to
// it, and it sends reports back. One lock guards both, and each loop is woken by an AsyncWakeup.
#pragma once

#include <cstdint>
#include <exception>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include <hallway/loop.hpp>
#include <hallway/server.hpp>

#include "loop/loop_core.hpp"
#include "message/server/shard.hpp"

namespace hallway::message {

/// What a remote shard reports to its server in addition.
class RemoteShardDelegate : public ShardDelegate {
 public:
  /// Thread: any.
  [[nodiscard]] virtual bool wants_events() const noexcept = 0;
  /// The thread of the shard has ended.
  virtual void shard_ended() = 0;

 protected:
  ~RemoteShardDelegate() = default;
};

/// Unless stated otherwise, functions are for the server's loop.
class RemoteShard final : private ShardDelegate {
 public:
  RemoteShard(Loop& server_loop, RemoteShardDelegate& server, const Server::Handler& handler,
              std::shared_ptr<const detail::ConnectionConfig> config,
              std::shared_ptr<core::Accounts> accounts, BroadcastRelay& relay);
  RemoteShard(const RemoteShard&) = delete;
  RemoteShard& operator=(const RemoteShard&) = delete;
  /// Waits for the thread. Connections with bytes to write continue on the server's loop.
  ~RemoteShard();

  /// @errors of the loop; resource_unavailable_try_again: no more threads can be created
  Result<void> start();

  [[nodiscard]] std::shared_ptr<Shard::Slot> make_slot(std::uint64_t number, const Peer& peer,
                                                       core::Account& account) const {
    return shard_.make_slot(number, peer, account);
  }
  void add_connection(Shard::AcceptedSocket accepted);
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
    MemberWakeup(Loop& loop, RemoteShard& shard, void (RemoteShard::*deliver)())
        : AsyncWakeup(loop.core()), shard_(shard), member_(deliver) {}

   private:
    void run() override { (shard_.*member_)(); }

    RemoteShard& shard_;
    void (RemoteShard::*member_)();
  };

  struct Commands {
    std::vector<Shard::AcceptedSocket> accepted;
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
  void acquire_slot(core::Account& account) override;
  void command(bool Commands::* what) noexcept;
  void process_reports();

  // On the shard's loop.
  void release_slot(core::Account& account) noexcept override;
  void report(ServerEvent::Kind kind, std::uint64_t connection, const Peer& peer,
              std::string reason, const Counters& counters) noexcept override;
  void run() noexcept;
  void process_commands();
  void note_drain() noexcept;
  template <typename Change>
  void post_report(Change change) noexcept;

  Loop& server_loop_;
  RemoteShardDelegate& server_;
  std::size_t slots_ = 0;
  bool ended_ = false;

  // On the shard's thread, while it runs.
  Loop loop_;
  Shard shard_;
  bool drain_commanded_ = false;
  bool leaving_ = false;

  std::mutex mutex_;
  Commands commands_;
  Reports reports_;
  std::vector<core::Account*> freed_;         // of freed slots; with room for all that are taken
  std::vector<core::Account*> freed_before_;  // those being processed on the server's loop
  MemberWakeup up_;
  MemberWakeup down_;
  std::thread thread_;
};

}  // namespace hallway::message
