// SPDX-License-Identifier: Apache-2.0
#include "message/server/shard.hpp"

#include <algorithm>
#include <exception>
#include <new>
#include <optional>
#include <utility>

#include "core/copy_bytes.hpp"
#include "core/scoped_value.hpp"
#include "loop/timed_wait.hpp"

namespace hallway::message {

using detail::ConnectionState;

/// Owns the slot of a client while its handler runs or its connection still has bytes to write.
class Shard::ServedConnection final : public detail::ConnectionObserver {
 public:
  ServedConnection(std::shared_ptr<Registry> registry, AcceptedSocket& accepted) noexcept
      : registry_(std::move(registry)),
        number_(accepted.number),
        peer_(accepted.peer),
        slot_(std::move(accepted.slot)) {
    ++registry_->slots;
  }
  ServedConnection(const ServedConnection&) = delete;
  ServedConnection& operator=(const ServedConnection&) = delete;
  ~ServedConnection() override {
    --registry_->slots;
    registry_->give_back(std::move(slot_));
  }

  [[nodiscard]] std::uint64_t number() const noexcept override { return number_; }
  [[nodiscard]] core::Account& account() const noexcept override { return slot_.account(); }
  /// Precondition: the shard is not closed, which holds while a handler runs.
  [[nodiscard]] Shard& shard() const noexcept { return *registry_->shard; }

  /// The entry of the registry that refers to this connection.
  void set_entry(std::size_t index) noexcept { entry_ = static_cast<std::uint32_t>(index); }

  // A broadcast may be iterating over the registry, so the entry is only cleared.
  void connection_released() noexcept override {
    if (entry_ == no_entry) return;
    registry_->entries[std::exchange(entry_, no_entry)] = {};
    ++registry_->gone;
  }

  void connection_ended(ConnectionState& state, std::string reason) noexcept override {
    connection_released();
    if (registry_->shard != nullptr) {
      report(ServerEvent::Kind::closed, std::move(reason), state.core().counters());
    }
  }

  /// Precondition: the shard is not closed.
  void report(ServerEvent::Kind kind, std::string reason = {},
              const Counters& counters = {}) const noexcept {
    shard().events_.report(kind, number_, peer_, std::move(reason), counters);
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
  static constexpr std::uint32_t no_entry = UINT32_MAX;

  std::shared_ptr<Registry> registry_;
  std::uint64_t number_;
  Peer peer_;
  std::uint32_t entry_ = no_entry;
  core::Slot slot_;  // the registry keeps its accounts alive
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

Shard::Shard(Loop& loop, const ConnectionHandler& handler, const EventReporter& events,
             std::shared_ptr<const detail::ConnectionConfig> config,
             std::shared_ptr<core::Accounts> accounts, BroadcastRelay* relay,
             std::function<void(core::Slot)> return_slot)
    : loop_(loop),
      handler_(handler),
      events_(events),
      config_(std::move(config)),
      registry_(
          std::make_shared<Registry>(Registry{this, std::move(accounts), std::move(return_slot)})) {
  if (relay != nullptr) relay_queue_ = std::make_unique<RelayQueue>(*relay, *this);
}

Shard::~Shard() {
  registry_->return_slot = {};
  close();
}

// Serving ----------------------------------------------------------------------------------------

// Only once more than half of the entries are cleared, so that each is moved about once.
void Shard::tidy() noexcept {
  auto& entries = registry_->entries;
  if (broadcasting_ || 2 * registry_->gone <= entries.size()) return;
  std::erase_if(entries, [](const Registry::Entry& entry) { return entry.state == nullptr; });
  for (std::size_t i = 0; i < entries.size(); ++i) entries[i].served->set_entry(i);
  registry_->gone = 0;
}

void Shard::add(AcceptedSocket accepted) noexcept {
  std::shared_ptr<ServedConnection> served;
  bool connected = false;
  try {
    served = std::make_shared<ServedConnection>(registry_, accepted);
    auto connection = open_connection(served, std::move(accepted.socket), accepted.peer);
    if (!connection) {
      return served->report(ServerEvent::Kind::turned_away, connection.error().explain());
    }
    connected = true;
    served->report(ServerEvent::Kind::connected);
    serve(tasks_, std::move(*connection), served);
  } catch (const std::bad_alloc&) {
    if (connected) return;
    events_.report(ServerEvent::Kind::turned_away, accepted.number, accepted.peer, "out of memory");
    if (accepted.slot) registry_->give_back(std::move(accepted.slot));
  }
}

Result<Connection> Shard::open_connection(const std::shared_ptr<ServedConnection>& served,
                                          Descriptor socket, const Peer& peer) {
  settle_broadcasts();               // they were not for the new connection
  registry_->entries.push_back({});  // may throw, so it precedes the connection
  ++registry_->gone;
  auto connection = ConnectionState::open(loop_, std::move(socket), peer, config_, served);
  if (!connection) return connection;
  ConnectionState& state = ConnectionState::of(*connection);
  registry_->entries.back() = {&state, served.get()};
  served->set_entry(registry_->entries.size() - 1);
  --registry_->gone;
  if (draining_) state.drain();
  return connection;
}

// A coroutine around the handler's, so that the slot is held until the handler has ended, whatever
// the handler did with its connection. Every connection keeps one frame of it in memory, so only
// what `served` does not lead to is a parameter.
detail::TaskGroup::Spawned Shard::serve(detail::TaskGroup& /*tasks*/, Connection connection,
                                        std::shared_ptr<ServedConnection> served) {
  const auto scope_failure = [&served] {
    return served->shard().loop_.core().take_unjoined_failure();
  };
  try {
    co_await served->shard().handler_(std::move(connection));
    if (auto failure = scope_failure()) std::rethrow_exception(failure);
  } catch (const std::exception& exception) {
    (void)scope_failure();  // one exception ends a handler
    served->report(ServerEvent::Kind::handler_threw, exception.what());
  } catch (...) {
    (void)scope_failure();
    served->report(ServerEvent::Kind::handler_threw, "an exception that is not a std::exception");
  }
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
  registry_->shard = nullptr;  // first: what ends below is not reported
  relay_queue_.reset();
  tasks_.clear();
  for (std::size_t i = 0; i < registry_->entries.size(); ++i) {
    if (ConnectionState* state = registry_->entries[i].state) state->close();
  }
}

// Broadcasting -----------------------------------------------------------------------------------

bool Shard::blocked(const ConnectionState* except) const {
  if (config_->options.overflow != OverflowPolicy::wait) return false;
  const auto blocks = [except](const Registry::Entry& entry) {
    return entry.state != nullptr && entry.state != except && entry.state->blocks_broadcast();
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
  if (!batch_.takes(message.size() + framing.overhead()) || except != batch_except_) return false;
  batch_.append([&](char* at) { return framing.write(message, at); });
  return true;
}

void Shard::settle_broadcasts() noexcept {
  may_hold_ = false;
  const detail::SharedBytes range = batch_.take();
  if (range.messages == 0) return;
  walk([&](ConnectionState& state) { state.deliver(range); }, batch_except_);
}

/// Calls `visit`, which does not throw, for each connection but one. A message that the program
/// broadcasts meanwhile, because one of the connections ends, waits until all have received this
/// one.
template <typename Visit>
void Shard::walk(Visit visit, const ConnectionState* except) {
  {
    const core::ScopedValue broadcasting(broadcasting_, true);
    // By index: a connection that is disconnected for a full queue only clears its entry.
    for (std::size_t i = 0; i < registry_->entries.size(); ++i) {
      ConnectionState* state = registry_->entries[i].state;
      if (state != nullptr && state != except) visit(*state);
    }
  }
  if (!broadcasting_) detail::wake_all(loop_.core(), broadcasters_);
}

Task<> Shard::broadcast(ByteView message, const ConnectionState* except) {
  if (broadcast_batched(message, except)) co_return;
  settle_broadcasts();
  BroadcastRelay::BroadcastMessage copies;
  if (relay_queue_) copies = relay_queue_->prepare(message);
  while (true) {
    const bool ready = !broadcasting_ && !blocked(except);
    if (ready) {
      // May throw: then no connection has the message.
      batch_.reserve(written_size(message, config_->options.framing));
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
      batch_.reserve(written_size(relay_queue_->front(), config_->options.framing));
      deliver(relay_queue_->front(), nullptr);
      relay_queue_->pop();
    }
    detail::wake_all(loop_.core(), broadcasters_);
  } catch (const std::bad_alloc&) {
    relay_queue_->trigger();
  }
}

// Precondition: the batch has room for the message, so that only connections with another framing
// can lack memory for it.
void Shard::deliver(ByteView message, const ConnectionState* except) {
  settle_broadcasts();
  const Framing usual = config_->options.framing;
  const detail::SharedBytes frame = share(message, usual);
  may_hold_ = !relay_queue_;
  walk(
      [&](ConnectionState& state) {
        const bool takes_frame = state.core().packets() || state.core().send_framing() == usual;
        may_hold_ = may_hold_ && takes_frame && state.accepts_batches();
        takes_frame ? state.deliver(frame) : deliver_apart(state, message);
      },
      except);
  if (!may_hold_) return;
  batch_.hold({frame.chunk, frame.end, frame.end, 0}, true);
  batch_except_ = except;
  loop_.core().schedule_flush_first(*this);
}

/// Delivers to a connection with another framing.
void Shard::deliver_apart(ConnectionState& state, ByteView message) noexcept {
  try {
    state.deliver(share(message, state.core().send_framing()));
  } catch (const std::bad_alloc&) {
    state.miss_broadcast();
  }
}

/// Writes the message once. May throw if there is no room for it.
detail::SharedBytes Shard::share(ByteView message, Framing framing) {
  const bool packets = config_->type != SocketType::stream;
  batch_.reserve(written_size(message, framing));
  return batch_.write([&](char* at) {
    return packets ? core::copy_bytes(message, at) : framing.write(message, at);
  });
}

std::size_t Shard::written_size(ByteView message, Framing framing) const noexcept {
  const bool packets = config_->type != SocketType::stream;
  return message.size() + (packets ? 0 : framing.overhead());
}

}  // namespace hallway::message
