// SPDX-License-Identifier: Apache-2.0
//
// Options copy what they are given, and refuse what they do not know. What each of them does is
// tested where it is used.
#include <gtest/gtest.h>
#include <hallway.h>

#include <cerrno>
#include <initializer_list>

#include "unit/c/using_c.hpp"

namespace hallway {
namespace {

using namespace test;

constexpr int unknown = 77;

TEST(c_options, of_connections_refuse_framings_and_policies_they_do_not_have) {
  Why why;
  const OwnedConnectionOptions options(hallway_connection_options_new());
  for (const char* framing : {"lines", "null", "len32", "len32be", "len32le", "raw", "raw:16"}) {
    EXPECT_OK(hallway_connection_options_set_framing(options.get(), framing, why)) << framing;
  }
  for (const char* framing : {"", "sentences", "raw:", "raw:x"}) {
    EXPECT_FAILS(EINVAL, hallway_connection_options_set_framing(options.get(), framing, why));
  }
  for (const hallway_overflow policy :
       {HALLWAY_OVERFLOW_WAIT, HALLWAY_OVERFLOW_DROP_OLDEST, HALLWAY_OVERFLOW_DROP_NEWEST,
        HALLWAY_OVERFLOW_DISCONNECT}) {
    EXPECT_OK(hallway_connection_options_set_overflow(options.get(), policy, why));
  }
  for (const hallway_overflow policy : std::initializer_list<hallway_overflow>{
           HALLWAY_OVERFLOW_LATEST_ONLY, HALLWAY_OVERFLOW_FAIL, unknown, -1}) {
    EXPECT_FAILS(EINVAL, hallway_connection_options_set_overflow(options.get(), policy, why));
  }
}

TEST(c_options, know_the_types_of_their_sockets) {
  Why why;
  const OwnedConnectOptions connect(hallway_connect_options_new());
  const OwnedServerOptions server(hallway_server_options_new());
  const OwnedChildOptions child(hallway_child_options_new());
  for (const hallway_socket_type type : {HALLWAY_STREAM, HALLWAY_SEQPACKET}) {
    EXPECT_OK(hallway_connect_options_set_type(connect.get(), type, why));
    EXPECT_OK(hallway_server_options_set_type(server.get(), type, why));
    EXPECT_OK(hallway_child_options_set_type(child.get(), type, why));
  }
  for (const hallway_socket_type type :
       std::initializer_list<hallway_socket_type>{HALLWAY_DATAGRAM, unknown, -1}) {
    EXPECT_FAILS(EINVAL, hallway_connect_options_set_type(connect.get(), type, why));
    EXPECT_FAILS(EINVAL, hallway_server_options_set_type(server.get(), type, why));
    EXPECT_FAILS(EINVAL, hallway_child_options_set_type(child.get(), type, why));
  }
}

TEST(c_options, of_servers_refuse_rules_and_policies_that_do_not_exist) {
  Why why;
  const OwnedServerOptions options(hallway_server_options_new());
  EXPECT_OK(hallway_server_options_add_allow(options.get(), "same-uid", why));
  EXPECT_FAILS(EINVAL, hallway_server_options_add_allow(options.get(), "everybody", why));
  EXPECT_FAILS(EINVAL, hallway_server_options_add_allow(options.get(), "", why));
  for (const hallway_path_lost policy : {HALLWAY_PATH_LOST_IGNORE, HALLWAY_PATH_LOST_REPORT,
                                         HALLWAY_PATH_LOST_REBIND, HALLWAY_PATH_LOST_DRAIN}) {
    EXPECT_OK(hallway_server_options_set_path_lost(options.get(), policy, why));
  }
  EXPECT_FAILS(EINVAL, hallway_server_options_set_path_lost(options.get(), unknown, why));
  EXPECT_OK(hallway_server_options_set_owner(options.get(), "root", why));
  EXPECT_OK(hallway_server_options_set_group(options.get(), "0", why));
}

TEST(c_options, of_datagram_sockets_refuse_policies_that_do_not_exist) {
  Why why;
  const OwnedDatagramOptions options(hallway_datagram_options_new());
  EXPECT_OK(hallway_datagram_options_set_path_lost(options.get(), HALLWAY_PATH_LOST_DRAIN, why));
  EXPECT_FAILS(EINVAL, hallway_datagram_options_set_path_lost(options.get(), unknown, why));
  EXPECT_OK(hallway_datagram_options_set_owner(options.get(), "root", why));
  EXPECT_OK(hallway_datagram_options_set_group(options.get(), "0", why));
}

TEST(c_options, of_children_refuse_what_does_not_belong_into_an_environment) {
  Why why;
  const OwnedChildOptions options(hallway_child_options_new());
  EXPECT_OK(hallway_child_options_add_environment(options.get(), "NAME=VALUE", why));
  EXPECT_OK(hallway_child_options_add_environment(options.get(), "NAME=", why));
  EXPECT_FAILS(EINVAL, hallway_child_options_add_environment(options.get(), "NAME", why));
  EXPECT_FAILS(EINVAL, hallway_child_options_add_environment(options.get(), "=VALUE", why));
}

TEST(c_options, of_clients_of_a_hub_refuse_policies_that_make_no_sense) {
  Why why;
  const OwnedHubOptions hub(hallway_hub_options_new());
  EXPECT_OK(hallway_hub_options_set_name(hub.get(), "counter", why));
  for (const hallway_overflow policy :
       {HALLWAY_OVERFLOW_WAIT, HALLWAY_OVERFLOW_DROP_NEWEST, HALLWAY_OVERFLOW_FAIL}) {
    EXPECT_OK(hallway_hub_options_set_overflow(hub.get(), policy, why));
  }
  EXPECT_FAILS(EINVAL,
               hallway_hub_options_set_overflow(hub.get(), HALLWAY_OVERFLOW_LATEST_ONLY, why));
  EXPECT_OK(
      hallway_hub_options_set_delivery_overflow(hub.get(), HALLWAY_OVERFLOW_LATEST_ONLY, why));
  EXPECT_FAILS(EINVAL,
               hallway_hub_options_set_delivery_overflow(hub.get(), HALLWAY_OVERFLOW_FAIL, why));
  const OwnedSubscribeOptions subscribe(hallway_subscribe_options_new());
  EXPECT_OK(hallway_subscribe_options_set_queue(subscribe.get(), "workers", why));
  EXPECT_OK(hallway_subscribe_options_set_overflow(subscribe.get(), HALLWAY_OVERFLOW_WAIT, why));
  EXPECT_FAILS(EINVAL,
               hallway_subscribe_options_set_overflow(subscribe.get(), HALLWAY_OVERFLOW_FAIL, why));
}

TEST(c_options, that_are_null_are_freed) {
  hallway_connection_options_free(nullptr);
  hallway_connect_options_free(nullptr);
  hallway_server_options_free(nullptr);
  hallway_datagram_options_free(nullptr);
  hallway_child_options_free(nullptr);
  hallway_hub_options_free(nullptr);
  hallway_subscribe_options_free(nullptr);
  hallway_interrupt_free(nullptr);
  hallway_loop_free(nullptr);
  hallway_client_free(nullptr);
  hallway_server_free(nullptr);
  hallway_datagram_socket_free(nullptr);
  hallway_return_address_free(nullptr);
  hallway_child_free(nullptr);
  hallway_hub_client_free(nullptr);
  hallway_subscription_free(nullptr);
  hallway_loop_hub_client_free(nullptr);
}

}  // namespace
}  // namespace hallway
