// SPDX-License-Identifier: Apache-2.0
#include <hallway/hub_blocking_client.hpp>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <exception>
#include <memory>
#include <new>
#include <optional>
#include <system_error>
#include <type_traits>
#include <utility>

#include <hallway/deadline.hpp>
#include <hallway/loop.hpp>

#include "hub/client/hub_client_state.hpp"
#include "loop/interruptible_wait.hpp"
#include "sys/event.hpp"
#include "sys/expected.hpp"

namespace hallway {

namespace {

/// How long the loop waits at once if the kernel has no memory to wait for it from outside. Until
/// then, nothing interrupts it.
constexpr Duration pause_without_poll = std::chrono::milliseconds(50);

}  // namespace

/// A hub::Client with a loop of its own, which turns only during calls.
class detail::BlockingHub {
 public:
  explicit BlockingHub(Interrupt* interrupt) : wait_(interrupt) {}

  Result<void> open(const AddressSpec& address, const hub::ClientOptions& options) {
    if (loop_.error()) return std::unexpected(*loop_.error());
    auto made = run(hub::Client::connect(loop_, address, options));
    if (!made) {
      return sys::failure(EINTR, "connect", address.get()->unescaped(), interrupted_words);
    }
    if (!*made) return std::unexpected(std::move(made->error()));
    client_.emplace(std::move(**made));
    return {};
  }

  [[nodiscard]] hub::Client& client() noexcept { return *client_; }

  /// Handles what has happened since the last call: messages and PING, or the end of the
  /// connection. Does not block.
  void catch_up() {
    // A bound, because the hub may send faster than this reads.
    for (int turns = 0; turns < 16 && is_ready(); ++turns) loop_.turn();
  }

  /// Runs a task to its end.
  /// @return nullopt if it was interrupted: the task has then ended where it waited
  template <typename T>
  std::optional<T> run(Task<T> task) {
    if (!wait_.can_end_early()) return loop_.run(std::move(task));
    may_spin_ = true;
    const auto result = std::make_shared<RunResult<T>>();
    TaskHandle running = loop_.spawn(run_into(std::move(task), result));
    while (!result->done) {
      if (!wait_and_turn(forever)) {
        running.cancel();
        return std::nullopt;
      }
      if (loop_.error()) throw std::system_error(loop_.error()->code, loop_.error()->operation);
    }
    if (result->exception) std::rethrow_exception(result->exception);
    return std::move(result->value);
  }

  /// As run(), for a task that ends with a Sent or a Received.
  template <typename T>
  T run_to_outcome(Task<T> task) {
    std::optional<T> result = run(std::move(task));
    return result ? std::move(*result) : interrupted<T>();
  }

  hub::Sent publish(ByteView subject, ByteView payload, const hub::PublishOptions& options,
                    const Deadline& deadline) {
    catch_up();
    hub::Sent sent = client_->try_publish(subject, payload, options);
    while (sent.outcome() == Outcome::would_block && !deadline.passed()) {
      if (!wait_and_turn(deadline.left())) return interrupted<hub::Sent>();
      sent = client_->try_publish(subject, payload, options);
    }
    if (sent.outcome() == Outcome::would_block) {
      return {Outcome::would_block, state().errors(), "the queue had no room in time"};
    }
    if (!sent) return sent;
    while (state().unsent_bytes() > 0 && state().ended() == Outcome::ok) {
      if (deadline.passed()) {
        return {Outcome::timed_out, state().errors(), "not written in time; it stays queued"};
      }
      if (!wait_and_turn(deadline.left())) return interrupted<hub::Sent>();
    }
    return {state().ended(), state().errors()};
  }

  void close() {
    client_->close();
    // The task that writes the rest limits its own time.
    std::optional<bool> busy = loop_.turn();
    while (busy.value_or(false)) busy = wait_and_turn(forever);
  }

  /// Writes what a call that does not wait has queued, as far as the kernel takes it.
  void turn() { loop_.turn(); }

 private:
  [[nodiscard]] HubClientState& state() const noexcept { return *client_->state_; }

  /// Waits until the loop has something to do, and does it.
  /// @return whether the loop still has work; nullopt: the wait was interrupted
  std::optional<bool> wait_and_turn(Duration longest) {
    if (!wait_.can_end_early()) return loop_.turn(longest);
    // Only the loop busy-polls, and for so short a time that the interrupt can wait.
    if (std::exchange(may_spin_, false)) return loop_.turn(std::min(longest, bounds::spin));
    const auto ready = wait_.poll_one(loop_.descriptor(), sys::event_readable, longest);
    if (!ready && ready.error() == EINTR) return std::nullopt;
    return loop_.turn(ready ? Duration::zero() : std::min(longest, pause_without_poll));
  }

  /// The result of a call that was interrupted: a hub::Sent or a hub::Received.
  template <typename T>
  [[nodiscard]] T interrupted() const {
    auto errors = std::make_shared<ClientErrors>(client_->address().unescaped());
    errors->set_reason(errors->about(std::errc::interrupted, "use", interrupted_words));
    if constexpr (std::is_same_v<T, hub::Sent>) {
      return {Outcome::failed, std::move(errors)};
    } else {
      return {Outcome::failed, hub::Message(), std::move(errors)};
    }
  }

  [[nodiscard]] bool is_ready() {
    const auto ready = sys::poll_one(loop_.descriptor(), sys::event_readable, Duration::zero());
    return ready && *ready;
  }

  InterruptibleWait wait_;
  bool may_spin_ = false;  // the next wait is the first of a call
  Loop loop_;
  std::optional<hub::Client> client_;  // refers to the loop
};

}  // namespace hallway

namespace hallway::hub {

namespace {

Task<Received> next_of(Subscription& subscription, Duration within) {
  Received received = co_await subscription.receive(within);
  co_return received;
}

}  // namespace

// BlockingSubscription ---------------------------------------------------------------------------

BlockingSubscription::BlockingSubscription(std::shared_ptr<detail::BlockingHub> hub,
                                           Subscription subscription) noexcept
    : hub_(std::move(hub)), subscription_(std::move(subscription)) {}
BlockingSubscription::BlockingSubscription(BlockingSubscription&&) noexcept = default;
BlockingSubscription& BlockingSubscription::operator=(BlockingSubscription&& other) noexcept {
  if (this == &other) return *this;
  subscription_ = std::move(other.subscription_);  // first: it refers to the loop of its hub
  hub_ = std::move(other.hub_);
  return *this;
}
BlockingSubscription::~BlockingSubscription() = default;

Received BlockingSubscription::receive(Duration within) {
  Received received = subscription_.try_receive();
  if (received.outcome() != Outcome::would_block) return received;
  return hub_->run_to_outcome(next_of(subscription_, within));
}

Received BlockingSubscription::try_receive() {
  Received received = subscription_.try_receive();
  if (received.outcome() != Outcome::would_block) return received;
  hub_->catch_up();
  return subscription_.try_receive();
}

void BlockingSubscription::unsubscribe() {
  subscription_.unsubscribe();
  hub_->turn();
}

ByteView BlockingSubscription::subject() const noexcept { return subscription_.subject(); }
std::uint64_t BlockingSubscription::dropped() const noexcept { return subscription_.dropped(); }
std::size_t BlockingSubscription::waiting() const noexcept { return subscription_.waiting(); }

// BlockingClient ---------------------------------------------------------------------------------

Result<BlockingClient> BlockingClient::connect(const AddressSpec& address,
                                               const ClientOptions& options, Interrupt* interrupt) {
  auto hub = std::make_shared<detail::BlockingHub>(interrupt);
  if (auto opened = hub->open(address, options); !opened) {
    return std::unexpected(std::move(opened.error()));
  }
  return BlockingClient(std::move(hub));
}

BlockingClient::BlockingClient(std::shared_ptr<detail::BlockingHub> hub) noexcept
    : hub_(std::move(hub)) {}
BlockingClient::BlockingClient(BlockingClient&&) noexcept = default;
BlockingClient& BlockingClient::operator=(BlockingClient&& other) noexcept {
  const BlockingClient before(std::exchange(hub_, std::exchange(other.hub_, nullptr)));
  return *this;
}
BlockingClient::~BlockingClient() {
  try {
    if (hub_) close();
  } catch (const std::bad_alloc&) {
    // Out of memory: what is still queued is lost.
  }
}

Sent BlockingClient::publish(ByteView subject, ByteView payload, const PublishOptions& options,
                             Duration within) {
  return hub_->publish(subject, payload, options, Deadline(within));
}

Sent BlockingClient::flush(Duration within) {
  hub_->catch_up();
  return hub_->run_to_outcome(hub_->client().flush(within));
}

Received BlockingClient::request(ByteView subject, ByteView payload, Duration within,
                                 std::span<const Field> header) {
  hub_->catch_up();
  return hub_->run_to_outcome(hub_->client().request(subject, payload, within, header));
}

Result<BlockingSubscription> BlockingClient::subscribe(ByteView subject,
                                                       const SubscribeOptions& options,
                                                       Duration within) {
  hub_->catch_up();
  auto made = hub_->client().subscribe(subject, options);
  if (!made) return std::unexpected(std::move(made.error()));
  const Sent confirmed = hub_->run_to_outcome(hub_->client().flush(within));
  if (!confirmed) return std::unexpected(confirmed.error());
  return BlockingSubscription(hub_, std::move(*made));
}

void BlockingClient::close() { hub_->close(); }
bool BlockingClient::connected() const noexcept { return hub_->client().connected(); }
const Address& BlockingClient::address() const noexcept { return hub_->client().address(); }
std::size_t BlockingClient::max_payload() const noexcept { return hub_->client().max_payload(); }
ClientCounters BlockingClient::counters() const noexcept { return hub_->client().counters(); }

}  // namespace hallway::hub
