// SPDX-License-Identifier: Apache-2.0
//
// Paths of every length at both ends, and what connecting to nothing gives.
#include "net/resolve.hpp"

#include <gtest/gtest.h>

#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <fstream>
#include <string>
#include <utility>

#include "net/socket_file.hpp"
#include "net/socket_type.hpp"
#include "support/processes.hpp"
#include "support/raw_socket.hpp"
#include "support/temp_directory.hpp"

namespace hallway::net {
namespace {

using namespace test;
namespace fs = std::filesystem;

/// Binds as a listener or datagram socket does, connects, and cleans up. Empty when all is well.
std::string bind_and_connect(const std::string& path, SocketType type) {
  const auto address = Address::path(path);
  const auto socket = sys::make_socket(to_sys(type), true);
  auto bound = SocketFile::bind(socket->get(), *address, {.type = type, .file = {.mode = 0640}});
  if (!bound) return bound.error().explain();
  if (type != SocketType::datagram && !sys::listen(socket->get(), 4)) return "listen";
  if (bound->address() != *address) return "another address: " + bound->address().to_string();
  if (!fs::is_socket(path)) return "no socket there";
  if (fs::status(path).permissions() != fs::perms(0640)) return "another mode";

  const auto connected = try_connect(*address, type);
  if (!connected) return connected.error().explain();
  if (!connected->has_value()) return "backlog full";

  const auto again = sys::make_socket(to_sys(type), true);
  const auto second = SocketFile::bind(again->get(), *address, {.type = type});
  if (second || second.error().code != std::errc::address_in_use) return "bound twice";

  bound->remove();
  return fs::exists(path) ? "still there" : "";
}

class path_length : public testing::TestWithParam<SocketType> {
 protected:
  TempDirectory directory;
};

TEST_P(path_length, from_1_to_110_bytes_works_at_both_ends) {
  const WorkingDirectory inside(directory.path());
  for (std::size_t size = 1; size <= 110; ++size) {
    EXPECT_EQ(bind_and_connect(std::string(size, 'n'), GetParam()), "") << size;
  }
}

TEST_P(path_length, around_107_bytes_works_for_absolute_paths) {
  for (const std::size_t size : {106UL, 107UL, 108UL, 109UL, 200UL}) {
    const std::string path = directory / std::string(size - directory.path().size() - 1, 'n');
    ASSERT_EQ(path.size(), size);
    EXPECT_EQ(bind_and_connect(path, GetParam()), "") << size;
  }
}

TEST_P(path_length, of_the_longest_name_works) {
  EXPECT_EQ(bind_and_connect(directory / std::string(255, 'n'), GetParam()), "");
}

TEST_P(path_length, over_what_the_file_system_takes_is_an_error) {
  EXPECT_NE(bind_and_connect(directory / std::string(256, 'n'), GetParam()), "");
}

TEST_P(path_length, of_directories_of_4000_bytes_works) {
  std::string deep = directory.path();
  while (deep.size() < 3800) deep += "/" + std::string(200, 'd');
  deep += "/" + std::string(4000 - deep.size() - 1, 'd');
  fs::create_directories(deep);
  EXPECT_EQ(bind_and_connect(deep + "/s", GetParam()), "");
  EXPECT_EQ(bind_and_connect(deep + "/" + std::string(90, 'n'), GetParam()), "");
}

TEST_P(path_length, leaves_only_the_socket_and_its_lock_in_the_directory) {
  const std::string name(150, 'n');
  const auto socket = sys::make_socket(to_sys(GetParam()), true);
  const auto bound =
      SocketFile::bind(socket->get(), *Address::path(directory / name), {.type = GetParam()});
  ASSERT_TRUE(bound);
  for (const auto& entry : fs::directory_iterator(directory.path())) {
    EXPECT_TRUE(entry.path().filename().string().starts_with(name)) << entry.path();
  }
}

TEST_P(path_length, does_not_keep_a_dead_socket_from_being_replaced) {
  for (const std::size_t size : {50UL, 150UL}) {
    const std::string path = directory / std::string(size, 'n');
    in_a_child([&] {
      const auto socket = sys::make_socket(to_sys(GetParam()), true);
      auto bound = SocketFile::bind(socket->get(), *Address::path(path), {.type = GetParam()});
      ::_exit(bound ? 0 : 1);
      return std::string();
    });
    EXPECT_TRUE(fs::is_socket(path));
    EXPECT_EQ(bind_and_connect(path, GetParam()), "") << size;
  }
}

INSTANTIATE_TEST_SUITE_P(each_type, path_length,
                         testing::Values(SocketType::stream, SocketType::seqpacket,
                                         SocketType::datagram),
                         [](const auto& type) { return std::string(to_string(type.param)); });

// Connecting to what is not there -----------------------------------------------------------------

class try_to_connect : public testing::Test {
 protected:
  TempDirectory directory{0755};
  std::string path = directory / "s";

  [[nodiscard]] Error error_of(SocketType type = SocketType::stream) const {
    auto connected = try_connect(*Address::parse(path), type);
    EXPECT_FALSE(connected);
    return connected ? Error{} : connected.error();
  }
};

TEST_F(try_to_connect, explains_that_nothing_is_there) {
  EXPECT_EQ(error_of().code, std::errc::no_such_file_or_directory);
  EXPECT_EQ(error_of().explain(), "connect unix:" + path + ": there is no such socket");
  path = directory / std::string(150, 'n');
  EXPECT_EQ(error_of().code, std::errc::no_such_file_or_directory);
}

TEST_F(try_to_connect, knows_no_file_by_the_overflow_uid) {
  NEEDS_ROOT_TO_BECOME_ANOTHER_USER();
  const Descriptor receiver = raw_bound(SOCK_DGRAM, path);
  EXPECT_TRUE(resolve(*Address::path(path), ::geteuid()));
  ASSERT_EQ(::chown(path.c_str(), nobody, nobody), 0);
  const auto reached = resolve(*Address::path(path), nobody);
  ASSERT_FALSE(reached);
  EXPECT_EQ(reached.error(), EPERM);
}

// Some programs bind the whole of sun_path, zeros and all: that is another name.
TEST_F(try_to_connect, reaches_an_abstract_name_with_zeros_behind_it_when_they_are_given) {
  const std::string name = "hallway-test-padded-" + std::to_string(::getpid());
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  name.copy(address.sun_path + 1, name.size());
  const Descriptor listener = raw_socket(SOCK_STREAM);
  ASSERT_EQ(::bind(listener.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
  ASSERT_EQ(::listen(listener.get(), 1), 0);
  std::string padded = name;
  padded.resize(sizeof address.sun_path - 1);
  EXPECT_TRUE(try_connect(*Address::abstract(padded), SocketType::stream));
  EXPECT_FALSE(try_connect(*Address::abstract(name), SocketType::stream));
}

TEST_F(try_to_connect, explains_that_no_server_is_listening) {
  raw_bound(SOCK_STREAM, path).close();
  EXPECT_EQ(error_of().code, std::errc::connection_refused);
  EXPECT_NE(error_of().explain().find("no server is listening"), std::string::npos);
  path = "@hallway-test-nobody";
  EXPECT_EQ(error_of().code, std::errc::connection_refused);
}

TEST_F(try_to_connect, explains_that_it_is_another_type) {
  const Descriptor packets = raw_listening(SOCK_SEQPACKET, path);
  EXPECT_EQ(error_of().code, std::errc::wrong_protocol_type);
  EXPECT_EQ(error_of().why(), "it is a seqpacket socket");
  EXPECT_EQ(error_of().hint, "use type seqpacket");
  EXPECT_EQ(error_of(SocketType::datagram).hint, "use type seqpacket");
  fs::remove(path);
  const Descriptor datagrams = raw_bound(SOCK_DGRAM, path);
  EXPECT_EQ(error_of().hint, "use type datagram");
  fs::remove(path);
  const Descriptor stream = raw_listening(SOCK_STREAM, path);
  EXPECT_EQ(error_of(SocketType::seqpacket).hint, "use type stream");
}

TEST_F(try_to_connect, explains_that_permission_is_denied) {
  NEEDS_ROOT_TO_BECOME_ANOTHER_USER();
  const Descriptor server = raw_listening(SOCK_STREAM, path);
  fs::permissions(path, fs::perms(0755));
  const std::string outcome = as_user(some_user, [&] {
    const auto connected = try_connect(*Address::parse(path), SocketType::stream);
    return connected ? "connected" : connected.error().explain() + " / " + connected.error().hint;
  });
  EXPECT_NE(outcome.find("permission denied / connecting takes write permission"),
            std::string::npos)
      << outcome;
}

TEST_F(try_to_connect, looks_why_it_was_refused) {
  const auto refused = [&](const std::string& what) {
    const auto connected = try_connect(*Address::parse(what), SocketType::stream);
    EXPECT_EQ(connected.error().code, std::errc::connection_refused);
    return connected.error().why() + " / " + connected.error().hint;
  };
  {
    const Descriptor bound = raw_bound(SOCK_STREAM, path);
    EXPECT_EQ(refused(path),
              "no server is listening / a process has the socket open but does not listen on it");
  }
  EXPECT_EQ(refused(path),
            "no server is listening / its server has ended: no process has the socket open");
  std::ofstream(directory / "file") << "text";
  EXPECT_TRUE(refused(directory / "file").starts_with("that is a regular file, not a socket"));
  fs::create_directory(directory / "d");
  EXPECT_TRUE(refused(directory / "d").starts_with("that is a directory, not a socket"));
  EXPECT_EQ(refused("@hallway-test-nobody-is-here"),
            "no server is listening / the server is not running");
}

TEST_F(try_to_connect, distinguishes_a_full_backlog_from_a_failure_and_holds_nothing) {
  const Descriptor server = raw_listening(SOCK_STREAM, path, 0);
  const Descriptor queued = raw_connected(SOCK_STREAM, path);
  const auto connected = try_connect(*Address::parse(path), SocketType::stream);
  ASSERT_TRUE(connected);
  EXPECT_FALSE(connected->has_value());
}

TEST_F(try_to_connect, follows_a_symbolic_link_to_the_socket) {
  const Descriptor server = raw_listening(SOCK_STREAM, directory / "real");
  fs::create_symlink("real", path);
  EXPECT_TRUE(try_connect(*Address::parse(path), SocketType::stream));
  path = directory / std::string(150, 'n');
  fs::create_symlink("real", path);
  EXPECT_TRUE(try_connect(*Address::parse(path), SocketType::stream));
}

TEST_F(try_to_connect, refuses_addresses_that_name_no_socket) {
  for (const char* text : {"autobind", "fd:3", "activation", "exec:true"}) {
    const auto connected = try_connect(*Address::parse(text), SocketType::stream);
    ASSERT_FALSE(connected);
    EXPECT_EQ(connected.error().code, std::errc::invalid_argument) << text;
  }
}

TEST(split_path, separates_the_last_component) {
  using Parts = std::pair<std::string, std::string>;
  EXPECT_EQ(split_path("a"), Parts(".", "a"));
  EXPECT_EQ(split_path("/a"), Parts("/", "a"));
  EXPECT_EQ(split_path("b/a"), Parts("b/", "a"));
  EXPECT_EQ(split_path("b/"), Parts("b/", ""));
}

}  // namespace
}  // namespace hallway::net
