// SPDX-License-Identifier: Apache-2.0
#include "net/responsible.hpp"

#include <gtest/gtest.h>
#include <unistd.h>

#include <fstream>

#include "support/temp_directory.hpp"

namespace hallway::net {
namespace {

using test::TempDirectory;

std::string written(const TempDirectory& directory, const std::string& name,
                    const std::string& text) {
  const std::string path = directory / name;
  std::ofstream(path) << text;
  return path;
}

TEST(subordinate_uids, belong_to_the_user_that_the_file_names) {
  const TempDirectory directory;
  const auto read = SubordinateUids::read(
      written(directory, "subuid",
              "alice:100000:65536\n1002:165536:10\nnobody_here:300000:5\n"
              "root:400000:100\nalice:x:1\nalice:1\n"),
      written(directory, "passwd",
              "root:x:0:0::/:/bin/sh\nalice:x:1001:1001::/:/bin/sh\nbroken\n"));
  ASSERT_TRUE(read);
  const SubordinateUids& all = *read;
  EXPECT_EQ(all.owner_of(100'000), 1001U);
  EXPECT_EQ(all.owner_of(165'535), 1001U);
  EXPECT_EQ(all.owner_of(165'536), 1002U);
  EXPECT_EQ(all.owner_of(165'546), std::nullopt);
  EXPECT_EQ(all.owner_of(300'000), std::nullopt) << "of a user that there is not";
  EXPECT_EQ(all.owner_of(400'000), std::nullopt) << "root's containers are not one user";
  EXPECT_EQ(all.owner_of(1001), std::nullopt);
}

TEST(subordinate_uids, are_none_where_there_is_no_file) {
  EXPECT_EQ(SubordinateUids::read("/nonexistent", "/nonexistent")->owner_of(100'000), std::nullopt);
}

TEST(uid_map, names_the_user_that_is_root_in_the_namespace_of_a_uid) {
  const auto map = parse_uid_map(
      "         0       1001          1\n"
      "         1     100000      65536\n");
  EXPECT_EQ(root_in(map, 100'007), 1001U);
  EXPECT_EQ(root_in(map, 1001), 1001U);
  EXPECT_EQ(root_in(map, 1002), std::nullopt) << "not a uid of that namespace";
}

TEST(uid_map, without_a_root_names_no_user) {
  EXPECT_EQ(root_in(parse_uid_map("1000 1001 1\n"), 1001), std::nullopt);
  EXPECT_EQ(root_in(parse_uid_map(""), 1001), std::nullopt);
  EXPECT_EQ(root_in(parse_uid_map("0 x 1"), 1001), std::nullopt);
}

TEST(responsible_uid, is_the_peers_own_in_our_namespace) {
  EXPECT_EQ(responsible_uid({.uid = 4711, .gid = 4711, .pid = ::getpid()}, {}), 4711U);
  EXPECT_EQ(responsible_uid({.uid = 4711, .gid = 4711, .pid = 0}, {}), 4711U);
}

TEST(responsible_uid, of_a_process_that_is_gone_is_looked_for_in_the_file) {
  const TempDirectory directory;
  const auto read =
      SubordinateUids::read(written(directory, "subuid", "1001:100000:65536\n"), "/nonexistent");
  ASSERT_TRUE(read);
  const SubordinateUids& all = *read;
  EXPECT_EQ(responsible_uid({.uid = 100'001, .gid = 1, .pid = INT32_MAX}, all), 1001U);
  EXPECT_EQ(responsible_uid({.uid = 1002, .gid = 1, .pid = INT32_MAX}, all), 1002U);
}

}  // namespace
}  // namespace hallway::net
