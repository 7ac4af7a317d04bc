// SPDX-License-Identifier: Apache-2.0
//
// What the tests of the C interface share. They call hallway.h and nothing else of the library.
#pragma once

#include <gtest/gtest.h>
#include <hallway.h>

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <ostream>
#include <string>
#include <string_view>
#include <vector>

#include "support/raw_socket.hpp"
#include "support/temp_directory.hpp"
#include "support/waiting.hpp"

namespace hallway::test {

template <auto free>
struct FreedBy {
  template <typename Handle>
  void operator()(Handle* handle) const {
    free(handle);
  }
};
template <typename Handle, auto free>
using Owned = std::unique_ptr<Handle, FreedBy<free>>;

using OwnedClient = Owned<hallway_client, hallway_client_free>;
using OwnedLoop = Owned<hallway_loop, hallway_loop_free>;
using OwnedServer = Owned<hallway_server, hallway_server_free>;
using OwnedDatagramSocket = Owned<hallway_datagram_socket, hallway_datagram_socket_free>;
using OwnedChild = Owned<hallway_child, hallway_child_free>;
using OwnedInterrupt = Owned<hallway_interrupt, hallway_interrupt_free>;
using OwnedConnectionOptions = Owned<hallway_connection_options, hallway_connection_options_free>;
using OwnedConnectOptions = Owned<hallway_connect_options, hallway_connect_options_free>;
using OwnedServerOptions = Owned<hallway_server_options, hallway_server_options_free>;
using OwnedDatagramOptions = Owned<hallway_datagram_options, hallway_datagram_options_free>;
using OwnedChildOptions = Owned<hallway_child_options, hallway_child_options_free>;
using OwnedHubOptions = Owned<hallway_hub_options, hallway_hub_options_free>;
using OwnedSubscribeOptions = Owned<hallway_subscribe_options, hallway_subscribe_options_free>;

/// Takes the error of a call, for each call again: `EXPECT_FAILS(ENOENT, call(..., why))`.
class Why {
 public:
  Why() = default;
  Why(const Why&) = delete;
  Why& operator=(const Why&) = delete;
  ~Why() { hallway_error_free(error_); }

  operator hallway_error**() {  // NOLINT(google-explicit-constructor): stands for the argument
    hallway_error_free(error_);
    error_ = nullptr;
    return &error_;
  }
  [[nodiscard]] hallway_error* get() const noexcept { return error_; }
  [[nodiscard]] int code() const { return error_ == nullptr ? 0 : hallway_error_code(error_); }
  [[nodiscard]] std::string explain() const {
    return error_ == nullptr ? "no error" : hallway_error_explain(error_);
  }

 private:
  hallway_error* error_ = nullptr;
};

/// The call works.
#define EXPECT_OK(call) EXPECT_EQ(call, HALLWAY_OK) << why.explain()
#define ASSERT_OK(call) ASSERT_EQ(call, HALLWAY_OK) << why.explain()
/// The call fails, with this value of errno.
#define EXPECT_FAILS(code_of_error, call)             \
  do {                                                \
    EXPECT_EQ(call, HALLWAY_FAILED) << why.explain(); \
    EXPECT_EQ(why.code(), code_of_error);             \
  } while (false)

inline std::string text_of(hallway_view view) { return {view.data, view.size}; }

/// In the time that tests wait for what must come.
inline constexpr std::int64_t soon = std::chrono::nanoseconds(patience).count();
/// In the time that tests wait for what must not come.
inline constexpr std::int64_t briefly = 20 * HALLWAY_MILLISECOND;

/// What one connection calls, and what it received. The default takes every message.
struct Seen {
  std::vector<std::string> messages;
  std::size_t room = 8;  ///< of each receive; 0: on_readable takes nothing
  std::size_t most = 8;  ///< receives in one on_readable
  int readable = 0;
  int writable = 0;
  int ends = 0;
  std::optional<hallway_outcome> closed;
  int code = 0;  ///< of the error of on_closed
  hallway_connection* connection = nullptr;

  void watch(hallway_connection* made, bool at_end = false) {
    connection = made;
    hallway_connection_set_user(made, this);
    hallway_connection_on_readable(
        made, [](hallway_connection* from, void* user) { static_cast<Seen*>(user)->take(from); });
    hallway_connection_on_writable(
        made, [](hallway_connection*, void* user) { ++static_cast<Seen*>(user)->writable; });
    if (at_end) {
      hallway_connection_on_end(
          made, [](hallway_connection*, void* user) { ++static_cast<Seen*>(user)->ends; });
    }
    hallway_connection_on_closed(made, [](hallway_connection*, hallway_outcome outcome,
                                          const hallway_error* error, void* user) {
      auto* seen = static_cast<Seen*>(user);
      EXPECT_FALSE(seen->closed) << "on_closed was called before";
      seen->closed = outcome;
      seen->code = error == nullptr ? 0 : hallway_error_code(error);
      seen->connection = nullptr;
    });
  }

 private:
  void take(hallway_connection* from) {
    ++readable;
    std::vector<hallway_view> views(room);
    std::size_t count = 0;
    for (std::size_t i = 0; i < most && room > 0; ++i) {
      if (hallway_receive(from, views.data(), room, &count, nullptr) != HALLWAY_OK) return;
      for (std::size_t one = 0; one < count; ++one) messages.push_back(text_of(views[one]));
    }
  }
};

/// A loop of the C interface.
class OnALoop : public testing::Test {
 protected:
  OnALoop() {
    hallway_loop* made = nullptr;
    EXPECT_OK(hallway_loop_new(-1, &made, why));
    loop_.reset(made);
  }

  [[nodiscard]] hallway_loop* loop() const noexcept { return loop_.get(); }

  bool until(const std::function<bool()>& condition) {
    const auto deadline = std::chrono::steady_clock::now() + patience;
    while (!condition()) {
      if (std::chrono::steady_clock::now() >= deadline) return false;
      EXPECT_OK(hallway_loop_turn(loop(), HALLWAY_MILLISECOND, nullptr, why));
    }
    return true;
  }
  /// Some turns, in which what must not happen would.
  void turn_a_few_times() {
    for (int i = 0; i < 5; ++i) EXPECT_OK(hallway_loop_turn(loop(), 0, nullptr, why));
  }

  TempDirectory directory{0755};
  std::string path = directory / "s";
  Why why;
  OwnedLoop loop_;
};

}  // namespace hallway::test
