// SPDX-License-Identifier: Apache-2.0
#include "sys/file.hpp"

#include <gtest/gtest.h>

#include <fcntl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <fstream>
#include <string>

#include "support/faults.hpp"
#include "support/processes.hpp"
#include "support/raw_socket.hpp"
#include "support/temp_directory.hpp"
#include "sys/socket.hpp"
#include "unit/sys/expected_in_tests.hpp"

namespace hallway::sys {
namespace {

using namespace test;
namespace fs = std::filesystem;

/// A temporary directory, opened.
class file : public testing::Test {
 protected:
  void SetUp() override {
    auto opened = open_directory(temp.path());
    ASSERT_TRUE(opened);
    directory = std::move(*opened);
  }
  [[nodiscard]] int at() const { return directory.get(); }

  TempDirectory temp;
  Descriptor directory;
};

TEST_F(file, opens_a_directory_and_nothing_else_as_one) {
  EXPECT_TRUE(is_close_on_exec(at()));
  std::ofstream(temp / "regular");
  EXPECT_EQ(error_of(open_directory(temp / "regular")), ENOTDIR);
  EXPECT_EQ(error_of(open_directory(temp / "missing")), ENOENT);
}

TEST_F(file, identifies_what_stands_at_a_name_without_following_links) {
  const Descriptor socket = raw_bound(SOCK_STREAM, temp / "socket");
  std::ofstream(temp / "regular");
  fs::create_directory(temp / "directory");
  fs::create_symlink("socket", temp / "link");
  fs::create_symlink("nowhere", temp / "dangling");
  ASSERT_EQ(::mkfifo((temp / "fifo").c_str(), 0600), 0);

  EXPECT_EQ(identify(at(), "socket")->kind, FileKind::socket);
  EXPECT_EQ(identify(at(), "regular")->kind, FileKind::regular);
  EXPECT_EQ(identify(at(), "directory")->kind, FileKind::directory);
  EXPECT_EQ(identify(at(), "link")->kind, FileKind::symlink);
  EXPECT_EQ(identify(at(), "dangling")->kind, FileKind::symlink);
  EXPECT_EQ(identify(at(), "fifo")->kind, FileKind::other);
  EXPECT_EQ(error_of(identify(at(), "missing")), ENOENT);
}

TEST_F(file, distinguishes_two_inodes_with_the_same_name) {
  std::ofstream(temp / "a") << "first";
  const auto first = identify(at(), "a");
  fs::rename(temp / "a", temp / "b");
  std::ofstream(temp / "a") << "second";
  const auto second = identify(at(), "a");
  EXPECT_FALSE(first->same_file(*second));
  EXPECT_TRUE(first->same_file(*identify(at(), "b")));
  EXPECT_EQ(first->uid, ::geteuid());
}

TEST_F(file, keeps_to_its_directory_when_the_directory_is_renamed) {
  std::ofstream(temp / "a");
  const std::string moved = temp.path() + ".moved";
  fs::rename(temp.path(), moved);
  EXPECT_TRUE(identify(at(), "a"));
  fs::rename(moved, temp.path());
}

TEST_F(file, opens_a_lock_file_with_mode_0600_and_never_through_a_link) {
  const auto created = open_lock_file(at(), "x.lock");
  ASSERT_TRUE(created);
  EXPECT_TRUE(is_close_on_exec(created->get()));
  EXPECT_EQ(identify(at(), "x.lock")->mode, 0600U);
  EXPECT_TRUE(open_lock_file(at(), "x.lock"));
  fs::create_symlink("x.lock", temp / "link.lock");
  EXPECT_EQ(error_of(open_lock_file(at(), "link.lock")), ELOOP);
}

TEST_F(file, locks_against_every_other_opening_of_the_same_file) {
  auto first = open_lock_file(at(), "x.lock");
  const auto second = open_lock_file(at(), "x.lock");
  EXPECT_TRUE(lock_exclusively(first->get()));
  EXPECT_TRUE(lock_exclusively(first->get()));
  EXPECT_EQ(error_of(lock_exclusively(second->get())), EWOULDBLOCK);
  first->close();
  EXPECT_TRUE(lock_exclusively(second->get()));
}

TEST_F(file, replaces_and_reads_contents) {
  const auto opened = open_lock_file(at(), "x");
  ASSERT_TRUE(replace_contents(opened->get(), "a long first text"));
  ASSERT_TRUE(replace_contents(opened->get(), "short"));
  EXPECT_EQ(*read_contents(opened->get(), 100), "short");
  EXPECT_EQ(*read_contents(opened->get(), 3), "sho");
}

TEST_F(file, that_may_not_grow_is_an_error_and_no_signal) {
  ForkedProcess limited([this](const ForkedProcess::Say& say) {
    const rlimit nothing{};
    ::setrlimit(RLIMIT_FSIZE, &nothing);
    const auto opened = open_lock_file(at(), "x");
    say(std::to_string(error_of(replace_contents(opened->get(), "text"))));
  });
  EXPECT_EQ(limited.line(), std::to_string(EFBIG));
  EXPECT_EQ(limited.wait(), 0);
}

TEST_F(file, sets_a_sockets_mode_before_its_file_exists) {
  const Descriptor socket = raw_socket(SOCK_STREAM);
  ASSERT_TRUE(set_mode(socket.get(), 0640));
  ASSERT_TRUE(bind(socket.get(), SocketAddress::path(temp / "s")));
  EXPECT_EQ(identify(at(), "s")->mode, 0640U);
}

TEST_F(file, changes_mode_and_owner_of_a_name_it_opened_and_of_no_link) {
  const Descriptor socket = raw_bound(SOCK_STREAM, temp / "s");
  const auto name = open_name(at(), "s");
  ASSERT_TRUE(name);
  EXPECT_TRUE(is_close_on_exec(name->get()));
  ASSERT_TRUE(set_mode_of_name(name->get(), 0622));
  EXPECT_EQ(identify(at(), "s")->mode, 0622U);
  ASSERT_TRUE(set_owner_of_name(name->get(), -1, ::getegid()));
  EXPECT_EQ(identify(at(), "s")->gid, ::getegid());

  std::ofstream(temp / "target");
  fs::permissions(temp / "target", fs::perms(0600));
  fs::create_symlink("target", temp / "link");
  const auto link = open_name(at(), "link");
  ASSERT_TRUE(link);
  EXPECT_EQ(identify(link->get())->kind, FileKind::symlink);
  EXPECT_FALSE(set_mode_of_name(link->get(), 0777));
  EXPECT_EQ(identify(at(), "target")->mode, 0600U);
}

TEST_F(file, gives_a_name_to_another_user) {
  NEEDS_ROOT_TO_BECOME_ANOTHER_USER();
  const Descriptor socket = raw_bound(SOCK_STREAM, temp / "s");
  const auto name = open_name(at(), "s");
  ASSERT_TRUE(set_owner_of_name(name->get(), some_user, -1));
  EXPECT_EQ(identify(at(), "s")->uid, some_user);
  EXPECT_EQ(identify(at(), "s")->gid, ::getegid());
}

TEST_F(file, removes_a_name) {
  std::ofstream(temp / "a");
  EXPECT_TRUE(remove_name(at(), "a"));
  EXPECT_EQ(error_of(remove_name(at(), "a")), ENOENT);
}

TEST_F(file, renames_without_replacing_what_is_there) {
  std::ofstream(temp / "a");
  std::ofstream(temp / "b");
  EXPECT_EQ(error_of(rename_without_replacing(at(), "a", "b")), EEXIST);
  EXPECT_TRUE(rename_without_replacing(at(), "a", "c"));
  EXPECT_FALSE(fs::exists(temp / "a"));
  EXPECT_TRUE(fs::exists(temp / "c"));
}

TEST_F(file, leads_to_what_a_descriptor_refers_to_by_a_short_path) {
  std::ofstream(temp / "a") << "text";
  const Descriptor opened = Descriptor::adopt(::open((temp / "a").c_str(), O_RDONLY | O_CLOEXEC));
  std::string text;
  std::ifstream(proc_path(opened.get())) >> text;
  EXPECT_EQ(text, "text");
}

TEST_F(file, switches_flags_of_a_descriptor) {
  auto [near, far] = raw_pair(SOCK_STREAM);
  ASSERT_TRUE(set_nonblocking(near.get(), true));
  EXPECT_NE(::fcntl(near.get(), F_GETFL) & O_NONBLOCK, 0);
  ASSERT_TRUE(set_nonblocking(near.get(), false));
  EXPECT_EQ(::fcntl(near.get(), F_GETFL) & O_NONBLOCK, 0);
  const Descriptor inheritable = Descriptor::adopt(::dup(near.get()));
  ASSERT_TRUE(set_close_on_exec(inheritable.get()));
  EXPECT_FALSE(survives_exec(inheritable.get()));
}

TEST_F(file, distinguishes_an_open_descriptor_from_a_number) {
  EXPECT_TRUE(require_open(at()));
  EXPECT_EQ(error_of(require_open(1'000'000)), EBADF);
  EXPECT_EQ(error_of(require_open(-1)), EBADF);
}

TEST_F(file, knows_the_limit_of_descriptors) {
  rlimit limit{};
  ::getrlimit(RLIMIT_NOFILE, &limit);
  EXPECT_EQ(descriptor_limit(), limit.rlim_cur);
}

TEST_F(file, passes_on_what_the_kernel_says) {
  const FaultOn full(Call::write, 1, ENOSPC);
  const FaultOn opening(Call::open, 1, EMFILE);
  const FaultOn locking(Call::flock, 1, ENOLCK);
  const FaultOn looking(Call::fstat, 1, EACCES);
  EXPECT_EQ(error_of(open_lock_file(at(), "x")), EMFILE);
  const auto opened = open_lock_file(at(), "x");
  EXPECT_EQ(error_of(lock_exclusively(opened->get())), ENOLCK);
  EXPECT_EQ(error_of(replace_contents(opened->get(), "text")), ENOSPC);
  EXPECT_EQ(error_of(identify(at(), "x")), EACCES);
}

}  // namespace
}  // namespace hallway::sys
