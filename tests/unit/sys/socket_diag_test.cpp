// SPDX-License-Identifier: Apache-2.0
#include "sys/socket_diag.hpp"

#include <gtest/gtest.h>

#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "support/faults.hpp"
#include "support/raw_socket.hpp"
#include "support/temp_directory.hpp"
#include "sys/file.hpp"

namespace hallway::sys {
namespace {

using namespace test;

class socket_diag : public testing::Test {
 protected:
  void SetUp() override {
    const Descriptor socket = raw_bound(SOCK_STREAM, directory / "probe");
    const auto known = inode_of(socket.get());
    if (!known) GTEST_SKIP() << "this kernel lacks unix_diag: errno " << known.error();
  }
  [[nodiscard]] std::uint32_t inode_at(const std::string& file) const {
    const auto opened = open_directory(directory.path());
    const auto identity = identify(opened->get(), file);
    EXPECT_TRUE(identity);
    return static_cast<std::uint32_t>(identity->inode);
  }

  TempDirectory directory;
  std::string path = directory / "s";
  std::string name = "hallway-diag-" + std::to_string(::getpid());
};

TEST_F(socket_diag, knows_the_file_of_a_socket_whether_it_listens_or_not) {
  for (const int type : {SOCK_STREAM, SOCK_SEQPACKET, SOCK_DGRAM}) {
    const Descriptor socket = raw_bound(type, path);
    EXPECT_EQ(inode_of(socket.get()), inode_at("s"));
    if (type != SOCK_DGRAM) {
      ASSERT_EQ(::listen(socket.get(), 1), 0);
      EXPECT_EQ(inode_of(socket.get()), inode_at("s"));
    }
    std::filesystem::remove(path);
  }
}

TEST_F(socket_diag, knows_it_wherever_the_file_is_by_now) {
  const Descriptor socket = raw_bound(SOCK_STREAM, path);
  std::filesystem::rename(path, path + ".moved");
  const Descriptor other = raw_bound(SOCK_STREAM, path);
  EXPECT_EQ(inode_of(socket.get()), inode_at("s.moved"));
  EXPECT_EQ(inode_of(other.get()), inode_at("s"));
}

TEST_F(socket_diag, knows_no_file_of_a_socket_that_has_none) {
  EXPECT_FALSE(inode_of(raw_socket(SOCK_STREAM).get()));
  EXPECT_FALSE(inode_of(raw_bound(SOCK_STREAM, "@" + name).get()));
}

TEST_F(socket_diag, tells_one_socket_from_another_in_a_crowd) {
  std::vector<Descriptor> crowd;
  for (int i = 0; i < 300; ++i) crowd.push_back(raw_bound(SOCK_STREAM, path + std::to_string(i)));
  EXPECT_EQ(inode_of(crowd[0].get()), inode_at("s0"));
  EXPECT_EQ(inode_of(crowd[150].get()), inode_at("s150"));
  EXPECT_EQ(inode_of(crowd[299].get()), inode_at("s299"));
}

TEST_F(socket_diag, knows_whose_each_abstract_datagram_name_is) {
  const Descriptor bound = raw_bound(SOCK_DGRAM, "@" + name);
  const Descriptor stream = raw_bound(SOCK_STREAM, "@" + name + "-stream");
  const Descriptor receiver = raw_bound(SOCK_DGRAM, path);
  const Descriptor talking = raw_bound(SOCK_DGRAM, "@" + name + "-connected");
  ASSERT_EQ(raw_connect(talking.get(), path), 0);
  const auto names = abstract_datagram_names();
  ASSERT_TRUE(names);
  ASSERT_TRUE(names->contains(name));
  EXPECT_EQ(names->at(name), ::geteuid());
  EXPECT_TRUE(names->contains(name + "-connected"));
  EXPECT_FALSE(names->contains(name + "-stream"));
  EXPECT_FALSE(names->contains(path));
}

TEST_F(socket_diag, fails_with_what_the_kernel_says) {
  const Descriptor socket = raw_bound(SOCK_STREAM, path);
  for (const Call call : {Call::socket, Call::sendmsg, Call::recvmsg}) {
    const FaultOn fault(call, 1, ENOMEM, 2);
    const auto answer = inode_of(socket.get());
    ASSERT_FALSE(answer);
    EXPECT_EQ(answer.error(), ENOMEM);
    const auto names = abstract_datagram_names();
    ASSERT_FALSE(names);
    EXPECT_EQ(names.error(), ENOMEM);
  }
}

TEST_F(socket_diag, counts_the_clients_that_wait_at_a_path_and_at_an_abstract_name) {
  struct stat status{};
  const Descriptor at_path = raw_listening(SOCK_STREAM, path, 5);
  ASSERT_EQ(::stat(path.c_str(), &status), 0);
  const auto found = listening_by_file(status.st_dev, status.st_ino);
  ASSERT_TRUE(found) << found.error();
  EXPECT_EQ(found->waiting, 0U);
  struct stat socket{};
  ASSERT_EQ(::fstat(at_path.get(), &socket), 0);
  EXPECT_EQ(found->socket, socket.st_ino);
  const Descriptor one = raw_connected(SOCK_STREAM, path);
  const Descriptor two = raw_connected(SOCK_STREAM, path);
  EXPECT_EQ(listening_by_file(status.st_dev, status.st_ino)->waiting, 2U);

  const Descriptor at_name = raw_listening(SOCK_STREAM, "@" + name, 5);
  ASSERT_TRUE(listening_by_name(name));
  EXPECT_EQ(listening_by_name(name)->waiting, 0U);
}

TEST_F(socket_diag, finds_no_socket_that_does_not_listen) {
  const Descriptor bound = raw_bound(SOCK_STREAM, path);
  struct stat status{};
  ASSERT_EQ(::stat(path.c_str(), &status), 0);
  const auto found = listening_by_file(status.st_dev, status.st_ino);
  ASSERT_FALSE(found);
  EXPECT_EQ(found.error(), ENOENT);
  EXPECT_FALSE(listening_by_name(name));
}

}  // namespace
}  // namespace hallway::sys
