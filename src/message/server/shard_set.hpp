// SPDX-License-Identifier: Apache-2.0
//
// All floors of a server: the ground floor on the server's own loop, and those above it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include <hallway/server.hpp>

#include "message/server/broadcast_relay.hpp"
#include "message/server/remote_shard.hpp"
#include "message/server/shard.hpp"

namespace hallway::message {

class ShardSet {
 public:
  /// Everything borrowed outlives the floors.
  ShardSet(Loop& loop, RemoteShardDelegate& delegate, const Server::Handler& handler)
      : loop_(loop), delegate_(delegate), handler_(handler) {}
  ShardSet(const ShardSet&) = delete;
  ShardSet& operator=(const ShardSet&) = delete;
  ~ShardSet() { close(); }

  /// One for each of `loops`; before anything else.
  /// @errors invalid_argument: none; and those of RemoteShard::start()
  Result<void> open(std::size_t loops,
                    const std::shared_ptr<const detail::ConnectionConfig>& config,
                    const std::shared_ptr<core::Accounts>& accounts);

  /// Somebody who was let in, and where to.
  struct Assignment {
    Shard::AcceptedSocket accepted;
    RemoteShard* remote;  // null: the ground floor
  };
  /// Takes a place on the floor with the fewest, among equals on each in turn.
  /// @param taken  how many are, on all of them
  [[nodiscard]] Assignment assign_shard(std::uint64_t number, const Peer& peer,
                                        core::Account& account, Descriptor socket,
                                        std::size_t taken);
  /// Where it throws, nobody was told of the guest.
  void add_connection(Assignment accepted);

  void tidy() { primary_->tidy(); }
  [[nodiscard]] Task<> broadcast(ByteView message) { return primary_->broadcast(message); }
  void drain() noexcept;

  /// Nobody is left: ends the threads when the tasks on their loops have ended.
  /// @return whether there is none any more; if not, the desk hears of each that ends
  bool end() noexcept;

  /// Handlers and connections end at once, and so do the threads.
  void close() noexcept;

 private:
  [[nodiscard]] RemoteShard* next_shard(std::size_t taken) noexcept;

  Loop& loop_;
  RemoteShardDelegate& delegate_;
  const Server::Handler& handler_;
  std::unique_ptr<BroadcastRelay> relay_;  // where there is more than one
  std::optional<Shard> primary_;
  std::vector<std::unique_ptr<RemoteShard>> remotes_;
  std::size_t last_ = 0;  // who was given a guest last: 0 is the ground floor
};

}  // namespace hallway::message
