// SPDX-License-Identifier: Apache-2.0
//
// What a program in C gets wrong most easily ends it, in a build with assertions, with a message
// that names the function: NULL, a handle that was freed, and calls that a callback may not make.
#include <gtest/gtest.h>
#include <hallway.h>
#include <sys/socket.h>

#include <cstdlib>
#include <utility>

#include "support/raw_socket.hpp"
#include "unit/c/using_c.hpp"

#ifndef NDEBUG

namespace hallway {
namespace {

using namespace test;

/// Evaluates the call in a child, which must end by an assertion in this function.
#define EXPECT_ASSERTS(function, ...) EXPECT_DEATH((void)function(__VA_ARGS__), #function)

class c_misuse : public OnALoop {
 protected:
  /// A client that was freed.
  hallway_client* freed_client() {
    auto [near, far] = raw_pair(SOCK_STREAM);
    hallway_client* made = nullptr;
    EXPECT_OK(hallway_client_adopt(near.release(), nullptr, nullptr, &made, why));
    hallway_client_free(made);
    return made;
  }

  hallway_view view{};
  std::size_t count = 0;
};
using c_misuse_DeathTest = c_misuse;

TEST_F(c_misuse_DeathTest, of_null_as_a_client_names_the_function) {
  hallway_client* none = nullptr;
  EXPECT_ASSERTS(hallway_client_connect, nullptr, nullptr, nullptr, &none, nullptr);
  EXPECT_ASSERTS(hallway_client_connect, "/s", nullptr, nullptr, nullptr, nullptr);
  EXPECT_ASSERTS(hallway_client_adopt, 0, nullptr, nullptr, nullptr, nullptr);
  EXPECT_ASSERTS(hallway_client_send, none, "x", 1, 0, nullptr);
  EXPECT_ASSERTS(hallway_client_send_many, none, &view, 1, 0, nullptr, nullptr);
  EXPECT_ASSERTS(hallway_client_send_descriptors, none, "x", 1, nullptr, 0, 0, nullptr);
  EXPECT_ASSERTS(hallway_client_receive, none, &view, 1, &count, 0, nullptr);
  EXPECT_ASSERTS(hallway_client_request, none, "x", 1, 0, &view, nullptr);
  EXPECT_ASSERTS(hallway_client_confirm, none, 0, nullptr);
  EXPECT_ASSERTS(hallway_client_take_descriptors, none, nullptr, 0);
  EXPECT_ASSERTS(hallway_client_descriptors_lost, none);
  EXPECT_ASSERTS(hallway_client_half_close, none);
  EXPECT_ASSERTS(hallway_client_close, none);
  EXPECT_ASSERTS(hallway_client_peer, none);
  EXPECT_ASSERTS(hallway_client_address, none);
  EXPECT_ASSERTS(hallway_client_type, none);
  EXPECT_ASSERTS(hallway_client_counters, none);
  EXPECT_ASSERTS(hallway_client_descriptor, none);
  EXPECT_ASSERTS(hallway_client_set_framing, none, "lines", "lines", nullptr);
  EXPECT_ASSERTS(hallway_client_set_spin, none, 0);
}

TEST_F(c_misuse_DeathTest, of_null_as_a_loop_or_what_belongs_to_one_names_the_function) {
  EXPECT_ASSERTS(hallway_loop_new, 0, nullptr, nullptr);
  EXPECT_ASSERTS(hallway_loop_run, nullptr, nullptr, nullptr);
  EXPECT_ASSERTS(hallway_loop_turn, nullptr, 0, nullptr, nullptr);
  EXPECT_ASSERTS(hallway_loop_descriptor, nullptr);
  EXPECT_ASSERTS(hallway_loop_stop, nullptr, 0);
  EXPECT_ASSERTS(hallway_loop_drain, nullptr, 0, nullptr);
  EXPECT_ASSERTS(hallway_loop_post, loop(), nullptr, nullptr, nullptr);
  EXPECT_ASSERTS(hallway_loop_after, loop(), 0, nullptr, nullptr, nullptr, nullptr);
  EXPECT_ASSERTS(hallway_receive, nullptr, &view, 1, &count, nullptr);
  EXPECT_ASSERTS(hallway_send, nullptr, "x", 1, nullptr);
  EXPECT_ASSERTS(hallway_send_many, nullptr, &view, 1, nullptr, nullptr);
  EXPECT_ASSERTS(hallway_broadcast, nullptr, "x", 1, nullptr);
  EXPECT_ASSERTS(hallway_connection_close, nullptr);
  EXPECT_ASSERTS(hallway_connection_on_readable, nullptr, nullptr);
  EXPECT_ASSERTS(hallway_connection_peer, nullptr);
  EXPECT_ASSERTS(hallway_connect, loop(), nullptr, nullptr, nullptr, nullptr, nullptr);
  hallway_server* server = nullptr;
  EXPECT_ASSERTS(hallway_server_open, loop(), path.c_str(), nullptr, nullptr, nullptr, &server,
                 nullptr);
  EXPECT_ASSERTS(hallway_server_broadcast, nullptr, "x", 1, nullptr);
  EXPECT_ASSERTS(hallway_server_connections, nullptr);
  EXPECT_ASSERTS(hallway_datagram_socket_try_send, nullptr, nullptr, "x", 1, nullptr);
  EXPECT_ASSERTS(hallway_datagram_bytes, nullptr);
  EXPECT_ASSERTS(hallway_child_pid, nullptr);
  EXPECT_ASSERTS(hallway_hub_client_publish, nullptr, hallway_text("a"), "x", 1, 0, nullptr);
  EXPECT_ASSERTS(hallway_subscription_waiting, nullptr);
  EXPECT_ASSERTS(hallway_loop_hub_client_connected, nullptr);
  EXPECT_ASSERTS(hallway_hub_message_payload, nullptr);
  EXPECT_ASSERTS(hallway_connection_options_set_framing, nullptr, "lines", nullptr);
  EXPECT_ASSERTS(hallway_interrupt_trigger, nullptr);
  EXPECT_ASSERTS(hallway_error_explain, nullptr);
}

TEST_F(c_misuse_DeathTest, of_a_freed_handle_names_the_function) {
  hallway_client* freed = freed_client();
  EXPECT_ASSERTS(hallway_client_send, freed, "x", 1, 0, nullptr);
  EXPECT_ASSERTS(hallway_client_receive, freed, &view, 1, &count, 0, nullptr);
  EXPECT_ASSERTS(hallway_client_free, freed);
  hallway_connection_options* options = hallway_connection_options_new();
  hallway_connection_options_free(options);
  EXPECT_ASSERTS(hallway_connection_options_set_descriptors, options, 1);
  EXPECT_ASSERTS(hallway_connection_options_free, options);
}

TEST_F(c_misuse_DeathTest, of_a_connection_after_its_last_callback_names_the_function) {
  Seen near;
  Seen far;
  hallway_connection* first = nullptr;
  hallway_connection* second = nullptr;
  ASSERT_OK(
      hallway_connection_pair(loop(), HALLWAY_STREAM, nullptr, nullptr, &first, &second, why));
  near.watch(first);
  far.watch(second);
  hallway_connection_abort(first);
  ASSERT_TRUE(until([&] { return near.closed && far.closed; }));
  EXPECT_ASSERTS(hallway_send, first, "x", 1, nullptr);
}

TEST_F(c_misuse_DeathTest, of_a_receive_without_room_names_the_function) {
  auto [near, far] = raw_pair(SOCK_STREAM);
  hallway_client* made = nullptr;
  ASSERT_OK(hallway_client_adopt(near.release(), nullptr, nullptr, &made, why));
  const OwnedClient client(made);
  EXPECT_ASSERTS(hallway_client_receive, made, &view, 0, &count, 0, nullptr);
}

TEST_F(c_misuse_DeathTest, of_the_loop_in_one_of_its_callbacks_names_the_function) {
  const auto calls_in_a_callback = [&](hallway_callback callback) {
    (void)hallway_loop_post(loop(), callback, loop(), nullptr);
    (void)hallway_loop_turn(loop(), 0, nullptr, nullptr);
  };
  EXPECT_DEATH(calls_in_a_callback([](void* user) {
                 (void)hallway_loop_run(static_cast<hallway_loop*>(user), nullptr, nullptr);
               }),
               "hallway_loop_run");
  EXPECT_DEATH(calls_in_a_callback([](void* user) {
                 (void)hallway_loop_turn(static_cast<hallway_loop*>(user), 0, nullptr, nullptr);
               }),
               "hallway_loop_turn");
  EXPECT_DEATH(
      calls_in_a_callback([](void* user) { hallway_loop_free(static_cast<hallway_loop*>(user)); }),
      "hallway_loop_free");
}

TEST_F(c_misuse_DeathTest, of_a_server_in_a_callback_names_the_function) {
  hallway_server* server = nullptr;
  ASSERT_OK(hallway_server_open(
      loop(), path.c_str(), nullptr, [](hallway_connection*, void*) {}, nullptr, &server, why));
  const OwnedServer owned(server);
  const auto free_it = [](hallway_outcome, void* user) {
    hallway_server_free(static_cast<hallway_server*>(user));
  };
  EXPECT_DEATH(
      {
        (void)hallway_loop_after(loop(), 0, free_it, server, nullptr, nullptr);
        (void)hallway_loop_turn(loop(), HALLWAY_SECOND, nullptr, nullptr);
        (void)hallway_loop_turn(loop(), HALLWAY_SECOND, nullptr, nullptr);
      },
      "hallway_server_free");
}

}  // namespace
}  // namespace hallway

#endif
