// SPDX-License-Identifier: Apache-2.0
#include "message/server/shard_set.hpp"

#include <cerrno>
#include <utility>

#include "sys/expected.hpp"

namespace hallway::message {

Result<void> ShardSet::open(std::size_t loops,
                            const std::shared_ptr<const detail::ConnectionConfig>& config,
                            const std::shared_ptr<core::Accounts>& accounts) {
  if (loops == 0) return sys::failure(EINVAL, "serve on", "0 loops", "at least one is needed");
  if (loops > 1) relay_ = std::make_unique<BroadcastRelay>(config->options.limits.outbound_soft);
  primary_.emplace(loop_, handler_, events_, config, accounts, relay_.get());
  while (remotes_.size() + 1 < loops) {
    remotes_.push_back(std::make_unique<RemoteShard>(loop_, handler_, events_, on_thread_ended_,
                                                     config, accounts, *relay_));
    if (auto started = remotes_.back()->start(); !started) return started;
  }
  return {};
}

void ShardSet::add(AcceptedSocket accepted) {
  if (RemoteShard* const remote = pick()) {
    remote->add(std::move(accepted));
  } else {
    primary_->add(std::move(accepted));
  }
}

RemoteShard* ShardSet::pick() noexcept {
  std::size_t next = 0;
  std::size_t fewest = SIZE_MAX;
  for (std::size_t i = 1; i <= remotes_.size() + 1; ++i) {
    const std::size_t shard = (last_ + i) % (remotes_.size() + 1);
    if (shard > 0 && remotes_[shard - 1]->ended()) continue;
    const std::size_t slots = shard == 0 ? primary_->slots() : remotes_[shard - 1]->slots();
    if (slots >= fewest) continue;
    next = shard;
    fewest = slots;
  }
  last_ = next;
  return next == 0 ? nullptr : remotes_[next - 1].get();
}

void ShardSet::drain() noexcept {
  for (const auto& remote : remotes_) remote->drain();
  primary_->drain();
}

bool ShardSet::end() noexcept {
  bool all_ended = true;
  for (const auto& remote : remotes_) {
    if (remote->ended()) continue;
    remote->end();
    all_ended = false;
  }
  return all_ended;
}

void ShardSet::close() noexcept {
  for (const auto& remote : remotes_) remote->stop();
  if (primary_) primary_->close();
  remotes_.clear();
}

}  // namespace hallway::message
