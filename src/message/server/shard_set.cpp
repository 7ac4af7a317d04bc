// SPDX-License-Identifier: Apache-2.0
#include "message/server/shard_set.hpp"

#include <cerrno>
#include <utility>

#include "sys/expected.hpp"

namespace hallway::message {

Result<void> ShardSet::open(std::size_t loops,
                            const std::shared_ptr<const detail::ConnectionConfig>& config,
                            const std::shared_ptr<core::Accounts>& accounts) {
  if (loops == 0) return sys::failure(EINVAL, "serve on", "0 loops", "one is the fewest");
  if (loops > 1) relay_ = std::make_unique<BroadcastRelay>(config->options.limits.outbound_soft);
  primary_.emplace(loop_, delegate_, handler_, config, accounts, relay_.get());
  while (remotes_.size() + 1 < loops) {
    remotes_.push_back(
        std::make_unique<RemoteShard>(loop_, delegate_, handler_, config, accounts, *relay_));
    if (auto started = remotes_.back()->start(); !started) return started;
  }
  return {};
}

ShardSet::Assignment ShardSet::assign_shard(std::uint64_t number, const Peer& peer,
                                            core::Account& account, Descriptor socket,
                                            std::size_t taken) {
  RemoteShard* upper = next_shard(taken);
  auto slot = upper == nullptr ? primary_->make_slot(number, peer, account)
                               : upper->make_slot(number, peer, account);
  return {{std::move(socket), std::move(slot)}, upper};
}

RemoteShard* ShardSet::next_shard(std::size_t taken) noexcept {
  std::size_t on_ground = taken;
  for (const auto& upper : remotes_) on_ground -= upper->slots();

  std::size_t next = 0;
  std::size_t fewest = SIZE_MAX;
  for (std::size_t i = 1; i <= remotes_.size() + 1; ++i) {
    const std::size_t shard = (last_ + i) % (remotes_.size() + 1);
    if (shard > 0 && remotes_[shard - 1]->ended()) continue;
    const std::size_t places = shard == 0 ? on_ground : remotes_[shard - 1]->slots();
    if (places >= fewest) continue;
    next = shard;
    fewest = places;
  }
  last_ = next;
  return next == 0 ? nullptr : remotes_[next - 1].get();
}

void ShardSet::add_connection(Assignment accepted) {
  if (accepted.remote == nullptr) {
    primary_->add_connection(std::move(accepted.accepted));
  } else {
    accepted.remote->add_connection(std::move(accepted.accepted));
  }
}

void ShardSet::drain() noexcept {
  for (const auto& upper : remotes_) upper->drain();
  primary_->drain();
}

bool ShardSet::end() noexcept {
  bool all_ended = true;
  for (const auto& upper : remotes_) {
    if (upper->ended()) continue;
    upper->end();
    all_ended = false;
  }
  return all_ended;
}

void ShardSet::close() noexcept {
  for (const auto& upper : remotes_) upper->stop();
  if (primary_) primary_->close();
  remotes_.clear();
}

}  // namespace hallway::message
