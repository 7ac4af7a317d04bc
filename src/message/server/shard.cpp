// SPDX-License-Identifier: Apache-2.0
#include "message/server/shard.hpp"

#include <algorithm>
#include <exception>
#include <new>
#include <optional>
#include <utility>

#include "core/copy_bytes.hpp"
#include "loop/timed_wait.hpp"

namespace hallway::message {

using detail::ConnectionState;

/// One client's slot: taken while its handler runs or its connection still has bytes to write.
class Shard::Slot final : public detail::ConnectionObserver {
 public:
  Slot(std::shared_ptr<Registry> book, ShardDelegate& delegate, std::uint64_t number,
       const Peer& peer, core::Account& account)
      : registry_(std::move(book)), number_(number), peer_(peer), account_(account) {
    delegate.acquire_slot(account);
  }
  Slot(const Slot&) = delete;
  Slot& operator=(const Slot&) = delete;
  ~Slot() override {
    if (registry_->shard != nullptr) registry_->shard->delegate_.release_slot(account_);
  }

  [[nodiscard]] std::uint64_t number() const noexcept override { return number_; }
  [[nodiscard]] core::Account& account() const noexcept override { return account_; }
  [[nodiscard]] const Peer& peer() const noexcept { return peer_; }
  /// Precondition: the shard is not closed, which holds while a handler runs.
  [[nodiscard]] Shard& shard() const noexcept { return *registry_->shard; }

  /// The entry of the registry that refers to this slot.
  void set_entry(std::size_t line) noexcept { entry_ = static_cast<std::uint32_t>(line); }

  // A broadcast may be iterating over the registry, so the entry is only cleared.
  void connection_released() noexcept override {
    if (entry_ == no_line) return;
    registry_->entries[std::exchange(entry_, no_line)] = {};
    ++registry_->gone;
  }

  void connection_ended(ConnectionState& state, std::string reason) noexcept override {
    connection_released();
    if (registry_->shard != nullptr) {
      registry_->shard->delegate_.report(ServerEvent::Kind::closed, number_, peer_,
                                         std::move(reason), state.counters());
    }
  }

  Task<> broadcast(ByteView message, const ConnectionState* except) override {
    if (registry_->shard != nullptr) co_await registry_->shard->broadcast(message, except);
  }

  bool broadcast_batched(ByteView message, const ConnectionState* except) override {
    return registry_->shard != nullptr && registry_->shard->broadcast_batched(message, except);
  }

  void settle_broadcasts() noexcept override {
    if (registry_->shard != nullptr) registry_->shard->settle_broadcasts();
  }

  void room_made() override {
    if (registry_->shard != nullptr) registry_->shard->room_made();
  }

 private:
  static constexpr std::uint32_t no_line = UINT32_MAX;

  std::shared_ptr<Registry> registry_;
  std::uint64_t number_;
  Peer peer_;
  core::Account& account_;  // the registry keeps the account alive
  std::uint32_t entry_ = no_line;
};

/// Wakes its shard when it receives a message, or when another queue has room again.
class Shard::RelayQueue final : public BroadcastRelay::Queue {
 public:
  RelayQueue(BroadcastRelay& relay, Shard& shard)
      : BroadcastRelay::Queue(relay, shard.loop_.core()), shard_(shard) {}

  /// Whether the shard waits for one of its connections before it continues with this queue.
  bool held_up = false;

 private:
  void run() override { shard_.deliver_relayed(); }

  Shard& shard_;
};

Shard::Shard(Loop& loop, ShardDelegate& delegate, const Server::Handler& handler,
             std::shared_ptr<const detail::ConnectionConfig> config,
             std::shared_ptr<core::Accounts> accounts, BroadcastRelay* relay)
    : loop_(loop),
      delegate_(delegate),
      handler_(handler),
      config_(std::move(config)),
      registry_(std::make_shared<Registry>(Registry{this, std::move(accounts)})) {
  if (relay != nullptr) relay_queue_ = std::make_unique<RelayQueue>(*relay, *this);
}

Shard::~Shard() { close(); }

// Admitting --------------------------------------------------------------------------------------

std::shared_ptr<Shard::Slot> Shard::make_slot(std::uint64_t number, const Peer& peer,
                                              core::Account& account) const {
  return std::make_shared<Slot>(registry_, delegate_, number, peer, account);
}

// Only once more than half of the entries are cleared, so that each is moved about once.
void Shard::tidy() noexcept {
  auto& lines = registry_->entries;
  if (broadcasting_ || 2 * registry_->gone <= lines.size()) return;
  std::erase_if(lines, [](const Registry::Entry& line) { return line.state == nullptr; });
  for (std::size_t i = 0; i < lines.size(); ++i) lines[i].slot->set_entry(i);
  registry_->gone = 0;
}

void Shard::add_connection(AcceptedSocket accepted) noexcept {
  bool connected = false;
  try {
    open_connection(accepted.slot, std::move(accepted.socket), connected);
  } catch (const std::bad_alloc&) {
    if (connected) return;
    delegate_.report(ServerEvent::Kind::turned_away, accepted.slot->number(), accepted.slot->peer(),
                     "out of memory", {});
  }
}

void Shard::open_connection(const std::shared_ptr<Slot>& slot, Descriptor socket, bool& connected) {
  settle_broadcasts();  // they were not for the new connection
  const std::uint64_t number = slot->number();
  const Peer& peer = slot->peer();
  registry_->entries.push_back({});  // may throw, so it precedes the connection
  ++registry_->gone;
  auto connection = ConnectionState::open(loop_, std::move(socket), peer, config_, slot);
  if (!connection) {
    delegate_.report(ServerEvent::Kind::turned_away, number, peer, connection.error().explain(),
                     {});
    return;
  }
  ConnectionState& state = ConnectionState::of(*connection);
  registry_->entries.back() = {&state, slot.get()};
  slot->set_entry(registry_->entries.size() - 1);
  --registry_->gone;
  if (draining_) state.drain();
  connected = true;
  delegate_.report(ServerEvent::Kind::connected, number, peer, {}, {});
  serve(tasks_, std::move(*connection), slot);
}

// A coroutine around the handler's, so that the slot is held until the handler has ended, whatever
// it did with its connection. Each connection has one in memory, so what is reachable otherwise is
// not a parameter.
detail::TaskGroup::Spawned Shard::serve(detail::TaskGroup& /*tasks*/, Connection connection,
                                        std::shared_ptr<Slot> slot) {
  try {
    co_await slot->shard().handler_(std::move(connection));
  } catch (const std::exception& exception) {
    slot->shard().handler_threw(*slot, exception.what());
  } catch (...) {
    slot->shard().handler_threw(*slot, "something that is no std::exception");
  }
}

void Shard::handler_threw(const Slot& slot, std::string what) {
  delegate_.report(ServerEvent::Kind::handler_threw, slot.number(), slot.peer(), std::move(what),
                   {});
}

// Ending -----------------------------------------------------------------------------------------

void Shard::drain() noexcept {
  if (draining_) return;
  draining_ = true;
  for (std::size_t i = 0; i < registry_->entries.size(); ++i) {
    if (ConnectionState* state = registry_->entries[i].state) state->drain();
  }
}

void Shard::close() noexcept {
  settle_broadcasts();
  detail::LoopCore::cancel_flush(*this);
  registry_->shard = nullptr;  // first: a slot that is freed below is not assigned again
  relay_queue_.reset();
  tasks_.clear();
  for (std::size_t i = 0; i < registry_->entries.size(); ++i) {
    if (ConnectionState* state = registry_->entries[i].state) state->close();
  }
}

// Broadcasting -----------------------------------------------------------------------------------

bool Shard::blocked(const ConnectionState* except) const {
  if (config_->options.full != Full::wait) return false;
  const auto blocks = [except](const Registry::Entry& line) {
    return line.state != nullptr && line.state != except && line.state->blocks_broadcast();
  };
  const auto first = std::ranges::find_if(registry_->entries, blocks);
  if (first == registry_->entries.end()) return false;
  first->state->note_blocking();
  return true;
}

void Shard::room_made() {
  detail::wake_all(loop_.core(), broadcasters_);
  if (relay_queue_ && relay_queue_->held_up) relay_queue_->trigger();
}

bool Shard::broadcast_batched(ByteView message, const ConnectionState* except) {
  const Framing framing = config_->options.framing;
  const std::size_t size = message.size() + framing.overhead();
  if (!batching_ || except != batch_except_ || shared_.size() - shared_used_ < size) return false;
  char* const begin = shared_.data() + shared_used_;
  shared_used_ += static_cast<std::size_t>(framing.write(message, begin) - begin);
  batch_.end = shared_used_;
  ++batch_.messages;
  return true;
}

void Shard::settle_broadcasts() noexcept {
  batching_ = false;
  const detail::SharedBytes range = std::exchange(batch_, {});
  if (range.messages == 0) return;
  walk([&](ConnectionState& state) { state.deliver(range); }, batch_except_);
}

/// Calls `visit` for each connection but one. A message that the program broadcasts meanwhile,
/// because one of the connections ends, waits until all have received this one.
template <typename Visit>
void Shard::walk(Visit visit, const ConnectionState* except) {
  struct Broadcasting {
    Shard& floor;
    bool before = std::exchange(floor.broadcasting_, true);
    ~Broadcasting() {
      floor.broadcasting_ = before;
      if (!before) detail::wake_all(floor.loop_.core(), floor.broadcasters_);
    }
  } const broadcasting{*this};
  // By index: a connection that is disconnected for a full queue only clears its entry.
  for (std::size_t i = 0; i < registry_->entries.size(); ++i) {
    ConnectionState* state = registry_->entries[i].state;
    if (state != nullptr && state != except) visit(*state);
  }
}

Task<> Shard::broadcast(ByteView message, const ConnectionState* except) {
  if (broadcast_batched(message, except)) co_return;
  settle_broadcasts();
  BroadcastRelay::BroadcastMessage copies;
  if (relay_queue_) copies = relay_queue_->prepare(message);
  while (true) {
    const bool ready = !broadcasting_ && !blocked(except);
    if (ready) {
      reserve(message);  // may throw: then no connection has it
      if (!relay_queue_) break;
      deliver_relayed();  // earlier broadcasts of other shards go first
      if (relay_queue_->send(copies)) break;
    }
    co_await detail::TimedWait(loop_.core(), broadcasters_);
  }
  deliver(message, except);
}

// What cannot be delivered for lack of memory is tried again in the next turn.
void Shard::deliver_relayed() {
  try {
    for (std::size_t left = relay_queue_->size(); left > 0; --left) {
      relay_queue_->held_up = blocked(nullptr);
      if (relay_queue_->held_up) break;
      reserve(relay_queue_->front());
      deliver(relay_queue_->front(), nullptr);
      relay_queue_->pop();
    }
    detail::wake_all(loop_.core(), broadcasters_);
  } catch (const std::bad_alloc&) {
    relay_queue_->trigger();
  }
}

/// Makes room for the frame, so that the usual path of a message cannot fail for lack of memory.
void Shard::reserve(ByteView message) {
  const std::size_t size = message.size() + config_->options.framing.overhead();
  if (shared_ && shared_.size() - shared_used_ >= size) return;
  shared_ = core::Chunk::make(std::max(size, bounds::chunk));
  shared_used_ = 0;
}

// Precondition: reserve().
void Shard::deliver(ByteView message, const ConnectionState* except) {
  settle_broadcasts();
  const Framing usual = config_->options.framing;
  const detail::SharedBytes frame = share(message, usual);
  bool all_take_many = !relay_queue_;
  walk(
      [&](ConnectionState& state) {
        const bool takes_frame = state.packets() || state.send_framing() == usual;
        all_take_many = all_take_many && takes_frame && state.takes_many();
        takes_frame ? state.deliver(frame) : deliver_apart(state, message);
      },
      except);
  if (!all_take_many) return;
  batch_ = {shared_, shared_used_, shared_used_, 0};
  batch_except_ = except;
  batching_ = true;
  loop_.core().schedule_flush_first(*this);
}

/// Delivers to a connection with another framing.
void Shard::deliver_apart(ConnectionState& state, ByteView message) noexcept {
  try {
    state.deliver(share(message, state.send_framing()));
  } catch (const std::bad_alloc&) {
    state.miss_broadcast();
  }
}

detail::SharedBytes Shard::share(ByteView message, Framing framing) {
  const bool packets = config_->type != SocketType::stream;
  const std::size_t size = message.size() + (packets ? 0 : framing.overhead());
  if (!shared_ || shared_.size() - shared_used_ < size) {
    shared_ = core::Chunk::make(std::max(size, bounds::chunk));
    shared_used_ = 0;
  }
  char* begin = shared_.data() + shared_used_;
  char* end = packets ? core::copy_bytes(message, begin) : framing.write(message, begin);
  const std::size_t from =
      std::exchange(shared_used_, static_cast<std::size_t>(end - shared_.data()));
  return {shared_, from, shared_used_, 1};
}

}  // namespace hallway::message
