// SPDX-License-Identifier: Apache-2.0
#include "sys/inspect.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "support/raw_socket.hpp"
#include "support/temp_directory.hpp"

namespace hallway::sys {
namespace {

using namespace test;
namespace fs = std::filesystem;

class inspect : public testing::Test {
 protected:
  TempDirectory directory;
  std::string path = directory / "file";
};

TEST_F(inspect, shows_the_details_of_a_socket_file) {
  const Descriptor socket = raw_bound(SOCK_STREAM, path);
  struct stat status{};
  ASSERT_EQ(::stat(path.c_str(), &status), 0);
  const auto parent = open_directory(directory.path());
  const auto name = open_name(parent->get(), "file");
  const auto details = details_of(name->get());
  ASSERT_TRUE(details) << details.error();
  EXPECT_EQ(details->mode, status.st_mode);
  EXPECT_EQ(details->inode, status.st_ino);
  EXPECT_EQ(details->links, 1U);
  EXPECT_EQ(details->uid, ::geteuid());
  EXPECT_FALSE(details->mount_point);
  EXPECT_TRUE(may_write(name->get()));
  EXPECT_TRUE(may_search(parent->get()));
  EXPECT_EQ(details_at(path + ".none").error(), ENOENT);
  EXPECT_TRUE(details_at("/proc")->mount_point);
}

TEST_F(inspect, reads_a_file_to_its_end_or_to_the_limit) {
  const std::string text(100'000, 'x');
  std::ofstream(path) << text;
  EXPECT_EQ(read_whole(path, 1'000'000), text);
  EXPECT_EQ(read_whole(path, 10), "xxxxxxxxxx");
  EXPECT_EQ(read_whole(path + ".none", 10).error(), ENOENT);
  EXPECT_FALSE(read_whole("/proc/self/status", 65536)->empty());
}

TEST_F(inspect, lists_the_names_in_a_directory) {
  const Descriptor socket = raw_bound(SOCK_STREAM, path);
  fs::create_directory(directory / "d");
  for (int i = 0; i < 1000; ++i) std::ofstream(directory / ("d/" + std::to_string(i)));
  const auto listing = open_for_listing(AT_FDCWD, directory.path());
  const auto entries = list_directory(*listing, 100);
  ASSERT_TRUE(entries);
  std::vector<std::string> names;
  for (const auto& entry : *entries) names.push_back(entry.name);
  EXPECT_THAT(names, testing::UnorderedElementsAre("d", "file"));
  const auto many = open_for_listing(listing->get(), "d");
  EXPECT_EQ(list_directory(*many, 5000)->size(), 1000U);
  const auto again = open_for_listing(listing->get(), "d");
  EXPECT_EQ(list_directory(*again, 7)->size(), 7U);
  EXPECT_EQ(open_for_listing(listing->get(), "file").error(), ENOTDIR);
}

TEST_F(inspect, reads_extended_attributes) {
  std::ofstream(path) << "text";
  const auto none = extended_attribute(path, "system.posix_acl_access");
  ASSERT_FALSE(none);
  EXPECT_TRUE(none.error() == ENODATA || none.error() == EOPNOTSUPP) << none.error();
}

TEST_F(inspect, counts_inodes) {
  const auto parent = open_directory(directory.path());
  const auto inodes = count_inodes(parent->get());
  ASSERT_TRUE(inodes);
  EXPECT_LE(inodes->available, inodes->total);
}

}  // namespace
}  // namespace hallway::sys
