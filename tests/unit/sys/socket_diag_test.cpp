// SPDX-License-Identifier: Apache-2.0
#include "sys/socket_diag.hpp"

#include <gtest/gtest.h>

#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <string>
#include <vector>

#include "support/faults.hpp"
#include "support/processes.hpp"
#include "support/raw_socket.hpp"
#include "support/temp_directory.hpp"

namespace hallway::sys {
namespace {

using namespace test;

class socket_diag : public testing::Test {
 protected:
  void SetUp() override {
    const Descriptor socket = raw_bound(SOCK_STREAM, directory / "probe");
    const auto known = bound("probe");
    if (!known) GTEST_SKIP() << "this kernel lacks unix_diag: errno " << known.error();
  }
  Expected<bool> bound(const std::string& name) const {
    const auto opened = open_directory(directory.path());
    const auto identity = identify(opened->get(), name);
    EXPECT_TRUE(identity);
    return is_bound(*identity);
  }

  TempDirectory directory;
  std::string path = directory / "s";
};

TEST_F(socket_diag, knows_a_bound_socket_whether_it_listens_or_not) {
  for (const int type : {SOCK_STREAM, SOCK_SEQPACKET, SOCK_DGRAM}) {
    const Descriptor socket = raw_bound(type, path);
    EXPECT_EQ(bound("s"), true);
    if (type != SOCK_DGRAM) {
      ASSERT_EQ(::listen(socket.get(), 1), 0);
      EXPECT_EQ(bound("s"), true);
    }
    std::filesystem::remove(path);
  }
}

TEST_F(socket_diag, knows_it_however_its_path_was_spelled) {
  const WorkingDirectory inside(directory.path());
  const Descriptor socket = raw_bound(SOCK_STREAM, "./s");
  EXPECT_EQ(bound("s"), true);
}

TEST_F(socket_diag, tells_a_socket_that_nobody_holds) {
  raw_bound(SOCK_STREAM, path).close();
  EXPECT_EQ(bound("s"), false);
}

TEST_F(socket_diag, does_not_take_an_accepted_connection_for_its_listener) {
  Descriptor listener = raw_listening(SOCK_STREAM, path);
  const Descriptor client = raw_connected(SOCK_STREAM, path);
  const Descriptor accepted =
      Descriptor::adopt(::accept4(listener.get(), nullptr, nullptr, SOCK_CLOEXEC));
  ASSERT_TRUE(accepted.holds_one());
  listener.close();
  EXPECT_EQ(bound("s"), false);
}

// An inode number alone says little: another file system may have the same.
TEST_F(socket_diag, does_not_take_a_file_of_somebody_else_for_our_socket) {
  NEEDS_ROOT_TO_BECOME_ANOTHER_USER();
  const Descriptor socket = raw_bound(SOCK_STREAM, path);
  ASSERT_EQ(::chown(path.c_str(), some_user, some_user), 0);
  EXPECT_EQ(bound("s"), false);
}

TEST_F(socket_diag, tells_one_socket_from_another_in_a_crowd) {
  std::vector<Descriptor> crowd;
  for (int i = 0; i < 300; ++i) crowd.push_back(raw_bound(SOCK_STREAM, path + std::to_string(i)));
  crowd[150].close();
  EXPECT_EQ(bound("s149"), true);
  EXPECT_EQ(bound("s150"), false);
  EXPECT_EQ(bound("s299"), true);
}

TEST_F(socket_diag, knows_from_the_table_of_sockets_who_is_bound_and_does_not_listen) {
  const auto starting = [this] {
    return is_starting(*identify(open_directory(directory.path())->get(), "s"));
  };
  Descriptor listener = raw_bound(SOCK_STREAM, path);
  EXPECT_TRUE(starting());
  ASSERT_EQ(::listen(listener.get(), 1), 0);
  EXPECT_FALSE(starting());
  const Descriptor client = raw_connected(SOCK_STREAM, path);
  const Descriptor accepted =
      Descriptor::adopt(::accept4(listener.get(), nullptr, nullptr, SOCK_CLOEXEC));
  listener.close();
  EXPECT_FALSE(starting());
  std::filesystem::remove(path);
  raw_bound(SOCK_STREAM, path).close();
  EXPECT_FALSE(starting());
}

TEST_F(socket_diag, fails_with_what_the_kernel_says) {
  const Descriptor socket = raw_bound(SOCK_STREAM, path);
  for (const Call call : {Call::socket, Call::sendmsg, Call::recvmsg}) {
    const FaultOn fault(call, 1, ENOMEM);
    const auto answer = bound("s");
    ASSERT_FALSE(answer);
    EXPECT_EQ(answer.error(), ENOMEM);
  }
}

}  // namespace
}  // namespace hallway::sys
