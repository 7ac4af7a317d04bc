// SPDX-License-Identifier: Apache-2.0
// Layer: hub
//
// What the functions of a hub's client return to be awaited. Internal: included by
// hub_client.hpp.
#pragma once

#include <hallway/detail/require_cpp23.hpp>

#include <coroutine>
#include <memory>
#include <optional>
#include <source_location>
#include <string>
#include <utility>

#include <hallway/bytes.hpp>
#include <hallway/detail/inner_wait.hpp>
#include <hallway/error.hpp>
#include <hallway/export.hpp>
#include <hallway/hub_client.hpp>  // NOLINT(misc-header-include-cycle): to be complete alone
#include <hallway/limits.hpp>
#include <hallway/task.hpp>

namespace hallway::hub {

/// The result of receive(). Await it at once.
class [[nodiscard]] HALLWAY_EXPORT Subscription::Receive {
 public:
  Receive(detail::SubscriptionState& state, Duration within) noexcept
      : state_(&state), within_(within) {}
  ~Receive() = default;
  Receive(const Receive&) = delete;
  Receive& operator=(const Receive&) = delete;

  bool await_ready();
  template <typename Promise>
  bool await_suspend(std::coroutine_handle<Promise> awaiting,
                     std::source_location where = std::source_location::current()) {
    return wait_.begin(awaiting, where, begin());
  }
  Received await_resume();

 private:
  Task<> begin();

  detail::SubscriptionState* state_;
  Duration within_;
  Received received_;
  detail::InnerWait wait_;
};

/// The result of publish(). Await it at once. A message for which there is room is already queued.
class [[nodiscard]] HALLWAY_EXPORT Client::Publish {
 public:
  Publish(detail::HubClientState& state, ByteView subject, ByteView payload,
          const PublishOptions& options);
  ~Publish() = default;
  Publish(const Publish&) = delete;
  Publish& operator=(const Publish&) = delete;

  [[nodiscard]] bool await_ready() const noexcept { return !wait_; }
  template <typename Promise>
  bool await_suspend(std::coroutine_handle<Promise> awaiting,
                     std::source_location where = std::source_location::current()) {
    return waiting_.begin(awaiting, where, std::move(*wait_));
  }
  Sent await_resume();

 private:
  std::shared_ptr<const detail::ClientErrors> errors_;  // of this client, if it was not ok at once
  Outcome outcome_ = Outcome::failed;
  const char* why_;
  std::string header_;
  std::optional<Task<>> wait_;  // until it is begun
  detail::InnerWait waiting_;
};

}  // namespace hallway::hub
