// SPDX-License-Identifier: Apache-2.0
//
// All shards of a server: the primary one on the server's own loop, and the remote ones.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include <hallway/server_event.hpp>

#include "message/server/broadcast_relay.hpp"
#include "message/server/remote_shard.hpp"
#include "message/server/shard.hpp"

namespace hallway::message {

class ShardSet {
 public:
  /// All borrowed objects must outlive the shards.
  /// @param on_thread_ended  called for each thread that ends
  ShardSet(Loop& loop, const ConnectionHandler& handler, const EventReporter& events,
           std::function<void()> on_thread_ended)
      : loop_(loop),
        handler_(handler),
        events_(events),
        on_thread_ended_(std::move(on_thread_ended)) {}
  ShardSet(const ShardSet&) = delete;
  ShardSet& operator=(const ShardSet&) = delete;
  ~ShardSet() { close(); }

  /// Creates one shard for each of `loops`. Call it before any other function.
  /// @errors invalid_argument: `loops` is zero; and those of RemoteShard::start()
  Result<void> open(std::size_t loops,
                    const std::shared_ptr<const detail::ConnectionConfig>& config,
                    const std::shared_ptr<core::Accounts>& accounts);

  /// Gives the client to the shard with the fewest taken slots; shards with equally many take
  /// turns. If it throws, no event is reported.
  void add(AcceptedSocket accepted);

  void tidy() { primary_->tidy(); }
  [[nodiscard]] Task<> broadcast(ByteView message) { return primary_->broadcast(message); }
  void drain() noexcept;

  /// Call it when no slot is taken. Ends the threads when the tasks on their loops have ended.
  /// @return whether all threads have ended
  bool end() noexcept;

  /// Ends handlers, connections and threads at once.
  void close() noexcept;

 private:
  /// @return null for the primary shard
  [[nodiscard]] RemoteShard* pick() noexcept;

  Loop& loop_;
  const ConnectionHandler& handler_;
  const EventReporter& events_;
  const std::function<void()> on_thread_ended_;
  std::unique_ptr<BroadcastRelay> relay_;  // if there is more than one shard
  std::optional<Shard> primary_;
  std::vector<std::unique_ptr<RemoteShard>> remotes_;
  std::size_t last_ = 0;  // the shard that was picked last; 0 is the primary one
};

}  // namespace hallway::message
