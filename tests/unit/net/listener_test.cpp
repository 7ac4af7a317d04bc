// SPDX-License-Identifier: Apache-2.0
//
// Accepting, refusing, and listeners that somebody else bound. The names of those bound here are
// in socket_file_test.cpp.
#include <hallway/listener.hpp>

#include <gtest/gtest.h>

#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdlib>
#include <filesystem>
#include <functional>
#include <latch>
#include <optional>
#include <string>
#include <thread>
#include <tuple>
#include <utility>
#include <vector>

#include "net/listener_handover.hpp"
#include "support/faults.hpp"
#include "support/processes.hpp"
#include "support/raw_socket.hpp"
#include "support/temp_directory.hpp"
#include "sys/file.hpp"
#include "sys/socket.hpp"

namespace hallway {
namespace {

using namespace test;

class listener : public testing::Test {
 protected:
  TempDirectory directory{0755};
  std::string path = directory / "s";
};

/// An abstract name nobody else uses.
std::string own_name(const char* name) {
  return "@hallway-test-" + std::to_string(::getpid()) + "-" + name;
}

// Accepting ---------------------------------------------------------------------------------------

TEST_F(listener, accepts_a_waiting_client_and_does_not_wait_for_one) {
  auto listening = Listener::bind(path);
  ASSERT_TRUE(listening);
  EXPECT_FALSE(listening->accept()->has_value());
  const Descriptor first = raw_connected(SOCK_STREAM, path);
  const Descriptor second = raw_connected(SOCK_STREAM, path);
  EXPECT_TRUE(listening->accept()->has_value());
  EXPECT_TRUE(listening->accept()->has_value());
  EXPECT_FALSE(listening->accept()->has_value());
}

TEST_F(listener, gives_blocking_connections_that_are_close_on_exec) {
  auto listening = Listener::bind(path);
  const Descriptor client = raw_connected(SOCK_STREAM, path);
  const auto accepted = listening->accept();
  ASSERT_TRUE(accepted && *accepted);
  EXPECT_EQ(::fcntl((*accepted)->get(), F_GETFL) & O_NONBLOCK, 0);
  EXPECT_FALSE(survives_exec((*accepted)->get()));
}

TEST_F(listener, is_readable_when_a_client_waits) {
  auto listening = Listener::bind(path);
  pollfd waited{listening->descriptor(), POLLIN, 0};
  EXPECT_EQ(::poll(&waited, 1, 0), 0);
  const Descriptor client = raw_connected(SOCK_STREAM, path);
  EXPECT_EQ(::poll(&waited, 1, 0), 1);
}

TEST_F(listener, keeps_message_boundaries_when_it_is_seqpacket) {
  auto listening = Listener::bind(path, {.type = SocketType::seqpacket});
  EXPECT_EQ(listening->type(), SocketType::seqpacket);
  const Descriptor client = raw_connected(SOCK_SEQPACKET, path);
  raw_send(client.get(), "one");
  raw_send(client.get(), "two");
  const auto accepted = listening->accept();
  ASSERT_TRUE(accepted && *accepted);
  EXPECT_EQ(raw_receive((*accepted)->get()).bytes, "one");
}

TEST_F(listener, refuses_to_listen_for_datagrams) {
  const auto refused = Listener::bind(path, {.type = SocketType::datagram});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, std::errc::invalid_argument);
  EXPECT_NE(refused.error().hint.find("DatagramSocket"), std::string::npos);
  EXPECT_FALSE(std::filesystem::exists(path));
}

TEST_F(listener, keeps_a_waiting_client_while_it_is_out_of_descriptors) {
  auto listening = Listener::bind(path);
  const Descriptor client = raw_connected(SOCK_STREAM, path);
  for (const int error : {EMFILE, ENFILE, ENOBUFS, ENOMEM}) {
    const FaultOn fault(sys::Call::accept, 1, error);
    const auto failed = listening->accept();
    ASSERT_FALSE(failed);
    EXPECT_EQ(failed.error().code.value(), error);
    EXPECT_NE(failed.error().explain().find(path), std::string::npos);
  }
  EXPECT_TRUE(listening->accept()->has_value());
}

TEST_F(listener, goes_on_to_the_next_client_after_one_that_is_gone) {
  auto listening = Listener::bind(path);
  const Descriptor client = raw_connected(SOCK_STREAM, path);
  for (const int error : {ECONNABORTED, EPROTO, EPERM}) {
    const FaultOn fault(sys::Call::accept, 1, error);
    const Descriptor another = raw_connected(SOCK_STREAM, path);
    EXPECT_TRUE(listening->accept()->has_value());
  }
  const FaultOn for_ever(sys::Call::accept, 1, EPERM, FaultOn::always);
  EXPECT_FALSE(listening->accept()->has_value());
}

TEST_F(listener, queues_as_many_clients_as_its_backlog_and_one) {
  auto listening = Listener::bind(path, {.backlog = 2});
  std::vector<Descriptor> clients;
  for (int i = 0; i < 3; ++i) {
    clients.push_back(raw_socket(SOCK_STREAM | SOCK_NONBLOCK));
    EXPECT_EQ(raw_connect(clients.back().get(), path), 0);
  }
  clients.push_back(raw_socket(SOCK_STREAM | SOCK_NONBLOCK));
  EXPECT_EQ(raw_connect(clients.back().get(), path), EAGAIN);
}

// Refusing ----------------------------------------------------------------------------------------

TEST_F(listener, refuses_new_clients_and_still_accepts_those_in_the_queue) {
  auto listening = Listener::bind(path);
  const Descriptor queued = raw_connected(SOCK_STREAM, path);
  EXPECT_FALSE(listening->refusing());
  listening->refuse();
  EXPECT_TRUE(listening->refusing());
  EXPECT_EQ(raw_connect_error(SOCK_STREAM, path), ECONNREFUSED);
  EXPECT_TRUE(listening->accept()->has_value());
  EXPECT_FALSE(listening->accept()->has_value());
  EXPECT_FALSE(listening->accept()->has_value());
}

TEST_F(listener, gives_nothing_once_it_is_closed) {
  auto listening = Listener::bind(path);
  const Descriptor queued = raw_connected(SOCK_STREAM, path);
  raw_send(queued.get(), "x");
  listening->close();
  listening->close();
  EXPECT_FALSE(listening->accept()->has_value());
  EXPECT_EQ(raw_receive(queued.get()).error, ECONNRESET);
}

TEST_F(listener, moves_with_its_name) {
  auto first = Listener::bind(path);
  ASSERT_TRUE(first);
  Listener second = std::move(*first);
  EXPECT_EQ(raw_connect_error(SOCK_STREAM, path), 0);
  auto third = Listener::bind(directory / "t");
  second = std::move(*third);
  EXPECT_FALSE(std::filesystem::exists(path));
  EXPECT_EQ(raw_connect_error(SOCK_STREAM, directory / "t"), 0);
}

// Abstract names ----------------------------------------------------------------------------------

TEST_F(listener, binds_an_abstract_name) {
  const std::string name = own_name("a");
  auto listening = Listener::bind(name);
  ASSERT_TRUE(listening);
  EXPECT_EQ(listening->address().to_string(), "abstract:" + name.substr(1));
  EXPECT_EQ(raw_connect_error(SOCK_STREAM, name), 0);
}

TEST_F(listener, names_the_process_that_has_an_abstract_name) {
  const std::string name = own_name("b");
  const Descriptor other = raw_listening(SOCK_STREAM, name);
  const auto refused = Listener::bind(name);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, std::errc::address_in_use);
  EXPECT_NE(refused.error().explain().find("pid " + std::to_string(::getpid())), std::string::npos)
      << refused.error().explain();
}

TEST_F(listener, reports_the_name_the_kernel_picked) {
  auto listening = Listener::bind(Address::autobind());
  ASSERT_TRUE(listening);
  EXPECT_EQ(listening->address().kind(), Address::Kind::abstract);
  EXPECT_EQ(raw_connect_error(SOCK_STREAM, "@" + listening->address().name()), 0);
}

TEST_F(listener, reports_an_address_that_cannot_be_bound) {
  for (const char* text : {"", "exec:true", "tcp:x"}) {
    const auto refused = Listener::bind(text);
    ASSERT_FALSE(refused) << text;
    EXPECT_EQ(refused.error().code, std::errc::invalid_argument) << text;
  }
  EXPECT_FALSE(Listener::bind(Address()));
}

// Inherited ---------------------------------------------------------------------------------------

TEST_F(listener, takes_over_an_inherited_socket_and_leaves_its_name) {
  const Descriptor made = raw_listening(SOCK_STREAM, path);
  const int inherited = ::dup(made.get());
  {
    auto listening = Listener::bind("fd:" + std::to_string(inherited));
    ASSERT_TRUE(listening);
    EXPECT_EQ(listening->descriptor(), inherited);
    EXPECT_EQ(listening->address().name(), path);
    EXPECT_TRUE(is_close_on_exec(inherited));
    EXPECT_FALSE(listening->accept()->has_value());
    const Descriptor client = raw_connected(SOCK_STREAM, path);
    EXPECT_TRUE(listening->accept()->has_value());
  }
  EXPECT_FALSE(is_open(inherited));
  EXPECT_EQ(raw_connect_error(SOCK_STREAM, path), 0);
}

/// What those who share a socket see of each other's changes.
std::tuple<bool, bool, bool> shared_state(const Descriptor& socket) {
  return {sys::is_nonblocking(socket.get()).value_or(false),
          sys::passes_credentials(socket.get()).value_or(false),
          sys::allows_fd_passing(socket.get()).value_or(false)};
}

TEST_F(listener, puts_an_inherited_socket_back_as_it_was) {
  for (const bool closed_first : {false, true}) {
    const Descriptor made = raw_listening(SOCK_STREAM, path);
    const auto before = shared_state(made);
    {
      auto listening = Listener::bind("fd:" + std::to_string(::dup(made.get())));
      ASSERT_TRUE(listening);
      EXPECT_NE(shared_state(made), before);
      sys::deny_fd_passing(listening->descriptor());
      if (closed_first) listening->close();
    }
    EXPECT_EQ(shared_state(made), before);
    ::unlink(path.c_str());
  }
}

TEST_F(listener, never_waits_in_accept_though_another_process_restored_the_shared_socket) {
  const Descriptor made = raw_listening(SOCK_STREAM, path);
  auto first = Listener::bind("fd:" + std::to_string(::dup(made.get())));
  auto second = Listener::bind("fd:" + std::to_string(::dup(made.get())));
  ASSERT_TRUE(first && second);
  first->close();
  EXPECT_FALSE(std::get<0>(shared_state(made)));
  EXPECT_FALSE(second->accept()->has_value());
}

TEST_F(listener, leaves_the_queue_of_an_inherited_socket_to_the_processes_that_share_it) {
  const Descriptor made = raw_listening(SOCK_STREAM, path);
  auto listening = Listener::bind("fd:" + std::to_string(::dup(made.get())));
  ASSERT_TRUE(listening);
  const Descriptor client = raw_connected(SOCK_STREAM, path);
  listening->refuse();
  EXPECT_TRUE(listening->refusing());
  EXPECT_FALSE(listening->accept()->has_value());
  EXPECT_EQ(raw_connect_error(SOCK_STREAM, path), 0);
  const Descriptor served =
      Descriptor::adopt(::accept4(made.get(), nullptr, nullptr, SOCK_CLOEXEC));
  EXPECT_TRUE(served.holds_one());
}

TEST_F(listener, takes_over_a_socket_of_the_type_asked_for_and_no_other) {
  const Descriptor made = raw_listening(SOCK_SEQPACKET, path);
  const int inherited = ::dup(made.get());
  const auto refused = Listener::bind("fd:" + std::to_string(inherited));
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, std::errc::wrong_protocol_type);
  EXPECT_EQ(refused.error().why(), "it is a seqpacket socket, not stream");
  const auto listening = Listener::bind("fd:" + std::to_string(inherited),  // still there
                                        {.type = SocketType::seqpacket});
  ASSERT_TRUE(listening) << listening.error().explain();
  EXPECT_EQ(listening->type(), SocketType::seqpacket);
}

TEST_F(listener, takes_over_a_socket_once) {
  const Descriptor made = raw_listening(SOCK_STREAM, path);
  const int inherited = ::dup(made.get());
  const std::string address = "fd:" + std::to_string(inherited);
  const auto owner = Listener::bind(address);
  ASSERT_TRUE(owner);
  const auto refused = Listener::bind(address);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, std::errc::device_or_resource_busy);
  EXPECT_TRUE(is_open(inherited));
}

TEST_F(listener, takes_over_nothing_that_this_process_made) {
  const auto own = Listener::bind(path);
  ASSERT_TRUE(own);
  const auto refused = Listener::bind("fd:" + std::to_string(own->descriptor()));
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, std::errc::device_or_resource_busy);
  EXPECT_EQ(raw_connect_error(SOCK_STREAM, path), 0);
}

TEST_F(listener, is_taken_over_by_one_of_many_threads) {
  const Descriptor made = raw_listening(SOCK_STREAM, path);
  for (int round = 0; round < 100; ++round) {
    const int inherited = ::dup(made.get());
    std::array<std::optional<Result<Listener>>, 4> results;
    std::latch start(results.size());
    {
      std::vector<std::jthread> threads;
      for (auto& result : results) {
        threads.emplace_back([&] {
          start.arrive_and_wait();
          result = Listener::bind("fd:" + std::to_string(inherited));
        });
      }
    }
    EXPECT_EQ(std::ranges::count_if(results, [](auto& result) { return result->has_value(); }), 1);
  }
}

TEST_F(listener, takes_over_nothing_that_does_not_listen) {
  const auto error_with = [](int descriptor) {
    const auto refused = Listener::bind("fd:" + std::to_string(descriptor));
    EXPECT_FALSE(refused);
    return refused ? std::error_code() : refused.error().code;
  };
  auto [near, far] = raw_pair(SOCK_STREAM);
  const Descriptor connected = Descriptor::adopt(::dup(near.get()));
  EXPECT_EQ(error_with(connected.get()), std::errc::invalid_argument);
  EXPECT_TRUE(is_open(connected.get()));
  const Descriptor inet = Descriptor::adopt(::socket(AF_INET, SOCK_STREAM, 0));
  EXPECT_EQ(error_with(inet.get()), std::errc::address_family_not_supported);
  EXPECT_TRUE(is_open(inet.get()));
  const Descriptor file = some_file();
  EXPECT_EQ(error_with(file.get()), std::errc::not_a_socket);
  EXPECT_TRUE(is_open(file.get()));
  EXPECT_EQ(error_with(999'999), std::errc::bad_file_descriptor);
}

// Socket activation -------------------------------------------------------------------------------

struct Activation {
  std::string pid = "self";
  const char* count = "1";
  const char* names = nullptr;
  int type = SOCK_STREAM;
};

/// What `work` gives in a process that was started with sockets 3 and 4.
std::string started_with_sockets(const std::string& path, const Activation& given,
                                 const std::function<std::string()>& work) {
  return in_a_child([&] {
    const Descriptor first = raw_listening(given.type, path);
    const Descriptor second = raw_listening(given.type, path + "2");
    ::dup2(first.get(), 53);
    ::dup2(second.get(), 54);
    ::dup2(53, 3);
    ::dup2(54, 4);
    const std::string pid = given.pid == "self" ? std::to_string(::getpid()) : given.pid;
    ::setenv("LISTEN_PID", pid.c_str(), 1);
    if (given.count != nullptr) ::setenv("LISTEN_FDS", given.count, 1);
    if (given.names != nullptr) ::setenv("LISTEN_FDNAMES", given.names, 1);
    return work();
  });
}

std::string described(const Result<Listener>& listening) {
  if (!listening) return listening.error().explain();
  return std::to_string(listening->descriptor()) + " " +
         std::filesystem::path(listening->address().name()).filename().string();
}

/// What binding `address` gives in such a process.
std::string activated(const std::string& path, const std::string& address, const Activation& given,
                      const std::function<void(Listener&)>& use = {}) {
  return started_with_sockets(path, given, [&] {
    auto listening = Listener::bind(address);
    if (listening && use) use(*listening);
    return described(listening);
  });
}

TEST_F(listener, takes_the_first_socket_handed_over) {
  EXPECT_EQ(activated(path, "activation", {}), "3 s");
}

TEST_F(listener, takes_the_socket_handed_over_under_a_name) {
  const Activation given{.count = "2", .names = "web:admin"};
  EXPECT_EQ(activated(path, "activation:web", given), "3 s");
  std::filesystem::remove(path);
  std::filesystem::remove(path + "2");
  EXPECT_EQ(activated(path, "activation:admin", given), "4 s2");
}

TEST_F(listener, takes_each_socket_handed_over_in_turn) {
  for (const char* address : {"activation", "activation:web"}) {
    const Activation given{.count = "2", .names = "web:web"};
    const std::string taken = started_with_sockets(path, given, [&] {
      const auto first = Listener::bind(address);
      const auto second = Listener::bind(address);
      const auto third = Listener::bind(address);
      return described(first) + ", " + described(second) + ", " + described(third);
    });
    EXPECT_EQ(taken, "3 s, 4 s2, adopt " + std::string(address) +
                         ": every such socket is already in use by this process");
    std::filesystem::remove(path);
    std::filesystem::remove(path + "2");
  }
}

TEST_F(listener, leaves_the_name_of_an_activated_socket) {
  activated(path, "activation", {}, [](Listener& listening) { listening.close(); });
  EXPECT_TRUE(std::filesystem::exists(path));
}

TEST_F(listener, believes_no_handing_over_that_was_not_meant_for_it) {
  const std::vector<std::pair<std::string, Activation>> refused{
      {"activation", {.pid = "1"}},
      {"activation", {.pid = ""}},
      {"activation", {.pid = "many"}},
      {"activation", {.count = "0"}},
      {"activation", {.count = "-1"}},
      {"activation", {.count = "1x"}},
      {"activation", {.count = nullptr}},
      {"activation:web", {}},
      {"activation:admin", {.count = "1", .names = "web:admin"}},
      {"activation:web", {.count = "2", .names = "web"}},
      {"activation:web", {.count = "2147483647", .names = "web"}},
      {"activation", {.count = "2147483648"}},
      {"activation", {.count = ""}},
      {"activation:we", {.names = "web"}},
  };
  for (const auto& [address, given] : refused) {
    const std::string outcome = activated(path, address, given);
    EXPECT_NE(outcome.find("adopt " + std::string(address) + ": "), std::string::npos) << outcome;
    std::filesystem::remove(path);
    std::filesystem::remove(path + "2");
  }
}

// Handed over ------------------------------------------------------------------------------------

class handed_over : public listener {
 protected:
  void SetUp() override {
    from.socket = raw_listening(SOCK_STREAM, path);
    from.lock =
        Descriptor::adopt(::open((path + ".lock").c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
    struct stat status{};
    ASSERT_EQ(::stat(path.c_str(), &status), 0);
    from.device = status.st_dev;
    from.inode = status.st_ino;
  }

  net::Handover from;
};

TEST_F(handed_over, a_blocking_socket_does_not_block_us) {
  auto adopted = detail::ListenerHandover::adopt(path, std::move(from));
  ASSERT_TRUE(adopted) << adopted.error().explain();
  const auto nobody = adopted->accept();
  ASSERT_TRUE(nobody);
  EXPECT_FALSE(nobody->has_value());
}

TEST_F(handed_over, a_socket_is_not_taken_for_that_of_another_name) {
  ++from.inode;
  const auto adopted = detail::ListenerHandover::adopt(path, std::move(from));
  ASSERT_FALSE(adopted);
  EXPECT_EQ(adopted.error().why(), "its socket file was replaced in the meantime");
}

TEST_F(listener, does_not_offer_a_name_that_it_has_lost) {
  const auto listening = Listener::bind(path);
  ASSERT_TRUE(detail::ListenerHandover::offer(*listening));
  std::filesystem::remove(path);
  const auto offered = detail::ListenerHandover::offer(*listening);
  ASSERT_FALSE(offered);
  EXPECT_EQ(offered.error().why(), "the socket file is gone");
}

TEST_F(handed_over, a_lock_counts_only_as_long_as_its_file_has_the_name) {
  std::filesystem::rename(path + ".lock", path + ".old");
  const auto another =
      Descriptor::adopt(::open((path + ".lock").c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
  const auto adopted = detail::ListenerHandover::adopt(path, std::move(from));
  ASSERT_FALSE(adopted);
  EXPECT_EQ(adopted.error().why(), "its lock was replaced in the meantime");
}

}  // namespace
}  // namespace hallway
