// SPDX-License-Identifier: Apache-2.0
//
// All shards of a server: the primary one on the server's own loop, and the remote ones.
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
  /// All borrowed objects must outlive the shards.
  ShardSet(Loop& loop, RemoteShardDelegate& delegate, const Server::Handler& handler)
      : loop_(loop), delegate_(delegate), handler_(handler) {}
  ShardSet(const ShardSet&) = delete;
  ShardSet& operator=(const ShardSet&) = delete;
  ~ShardSet() { close(); }

  /// Creates one shard for each of `loops`. Call it before any other function.
  /// @errors invalid_argument: `loops` is zero; and those of RemoteShard::start()
  Result<void> open(std::size_t loops,
                    const std::shared_ptr<const detail::ConnectionConfig>& config,
                    const std::shared_ptr<core::Accounts>& accounts);

  /// An admitted client and the shard it is assigned to.
  struct Assignment {
    Shard::AcceptedSocket accepted;
    RemoteShard* remote;  // null: the primary shard
  };
  /// Acquires a slot on the shard with the fewest taken slots; shards with equally many take turns.
  /// @param taken  the number of slots taken on all shards
  [[nodiscard]] Assignment assign_shard(std::uint64_t number, const Peer& peer,
                                        core::Account& account, Descriptor socket,
                                        std::size_t taken);
  /// If this throws, nothing was reported about the client.
  void add_connection(Assignment accepted);

  void tidy() { primary_->tidy(); }
  [[nodiscard]] Task<> broadcast(ByteView message) { return primary_->broadcast(message); }
  void drain() noexcept;

  /// Call it when no slot is taken. Ends the threads when the tasks on their loops have ended.
  /// @return whether all threads have ended; if not, the delegate is notified of each that ends
  bool end() noexcept;

  /// Ends handlers, connections and threads at once.
  void close() noexcept;

 private:
  [[nodiscard]] RemoteShard* next_shard(std::size_t taken) noexcept;

  Loop& loop_;
  RemoteShardDelegate& delegate_;
  const Server::Handler& handler_;
  std::unique_ptr<BroadcastRelay> relay_;  // if there is more than one shard
  std::optional<Shard> primary_;
  std::vector<std::unique_ptr<RemoteShard>> remotes_;
  std::size_t last_ = 0;  // the shard that was assigned last; 0 is the primary one
};

}  // namespace hallway::message
