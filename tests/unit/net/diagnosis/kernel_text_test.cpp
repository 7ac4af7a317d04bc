// SPDX-License-Identifier: Apache-2.0
//
// What the kernel writes, and what a hostile process can make it write.
#include "net/diagnosis/kernel_text.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>
#include <string>

namespace hallway::net {
namespace {

using namespace std::literals;
using testing::ElementsAre;
using testing::IsEmpty;

TEST(kernel_text, reads_mounts) {
  const auto mounts = parse_mounts(
      "22 1 0:21 / / rw,relatime shared:1 master:2 - overlay overlay "
      "rw,lowerdir=/a:/b,upperdir=/u\n"
      "36 22 98:0 /in\\040side /mnt\\0401 ro,noatime - ext3 /dev/root rw\n"
      "40 36 0:30 /s//deleted /run/s rw - tmpfs tmpfs rw\n");
  ASSERT_EQ(mounts.size(), 3U);
  EXPECT_EQ(mounts[0].type, "overlay");
  EXPECT_THAT(mounts[0].options,
              ElementsAre("rw", "relatime", "rw", "lowerdir=/a:/b", "upperdir=/u"));
  EXPECT_FALSE(mounts[0].read_only);
  EXPECT_EQ(mounts[1].id, 36U);
  EXPECT_EQ(mounts[1].major, 98U);
  EXPECT_EQ(mounts[1].root, "/in side");
  EXPECT_EQ(mounts[1].point, "/mnt 1");
  EXPECT_EQ(mounts[1].source, "/dev/root");
  EXPECT_TRUE(mounts[1].read_only);
  EXPECT_EQ(mounts[2].root, "/s//deleted");
  EXPECT_EQ(mounts[2].minor, 30U);
}

TEST(kernel_text, skips_mounts_that_do_not_fit) {
  const std::string whole = "36 22 98:0 / /mnt rw - ext3 /dev/root rw";
  for (std::size_t size = 0; size < whole.size(); ++size) {
    const auto cut = parse_mounts(whole.substr(0, size));
    EXPECT_LE(cut.size(), 1U) << size;
  }
  EXPECT_THAT(parse_mounts("36 22 98:0 / /mnt rw"), IsEmpty());
  EXPECT_THAT(parse_mounts("36 22 98:0 / /mnt rw -"), IsEmpty());
  EXPECT_THAT(parse_mounts("36 22 98:0 / /mnt rw - ext3"), IsEmpty());
  EXPECT_THAT(parse_mounts("36 22 980 / /mnt rw - ext3 x rw"), IsEmpty());
  EXPECT_THAT(parse_mounts("99999999999999999999999 22 98:0 / /mnt rw - ext3 x rw"), IsEmpty());
  EXPECT_THAT(parse_mounts("36 22 99999999999:0 / /mnt rw - ext3 x rw"), IsEmpty());
  EXPECT_EQ(parse_mounts("1 1 0:1 / /a\\04 rw - t s rw").at(0).point, "/a\\04");
  EXPECT_EQ(parse_mounts("1 1 0:1 / /a\\777 rw - t s rw").at(0).point, "/a\\777");
}

constexpr std::string_view heading = "Num       RefCount Protocol Flags    Type St Inode Path\n";

TEST(kernel_text, reads_unix_sockets) {
  const auto lines =
      parse_unix_sockets(std::string(heading) +
                         "0000000000000000: 00000002 00000000 00010000 0001 01 11 "
                         "/run/app.sock\n"
                         "0000000000000000: 00000002 00000000 00000000 0001 01 12 "
                         "/run/bound\n"
                         "0000000000000000: 00000003 00000000 00000000 0001 03 13 "
                         "/run/app.sock\n"
                         "0000000000000000: 00000003 00000000 00000000 0001 02     0 "
                         "/run/app.sock\n"
                         "0000000000000000: 00000002 00000000 00000000 0002 03 14 "
                         "@dgram@\n"
                         "0000000000000000: 00000002 00000000 00010000 0005 01 15 "
                         "/blank \n"
                         "0000000000000000: 00000003 00000000 00000000 0001 03 16\n");
  ASSERT_EQ(lines.size(), 6U);
  EXPECT_EQ(lines[0].name, "/run/app.sock");
  EXPECT_EQ(lines[0].inode, 11U);
  EXPECT_EQ(lines[0].state, SocketState::listening);
  EXPECT_EQ(lines[1].state, SocketState::bound);
  EXPECT_EQ(lines[2].state, SocketState::unbound_or_connected);
  // A client that waits: it has the name of the server, and is no sign of life.
  EXPECT_EQ(lines[3].state, SocketState::unbound_or_connected);
  EXPECT_EQ(lines[4].name, "@dgram@");
  EXPECT_EQ(lines[4].type, SocketType::datagram);
  EXPECT_EQ(lines[4].state, SocketState::bound);
  EXPECT_EQ(lines[5].name, "/blank ");
  EXPECT_EQ(lines[5].type, SocketType::seqpacket);
}

TEST(kernel_text, skips_lines_of_unix_sockets_that_do_not_fit) {
  EXPECT_THAT(parse_unix_sockets(heading), IsEmpty());
  EXPECT_THAT(parse_unix_sockets(""), IsEmpty());
  EXPECT_THAT(parse_unix_sockets("\n\n \n:\n"), IsEmpty());
  EXPECT_THAT(parse_unix_sockets("0: 2 0 00010000 0001 01 99999999999999999999999 /x\n"),
              IsEmpty());
  EXPECT_THAT(parse_unix_sockets("0: 2 0 00010000 0009 01 1 /x\n"), IsEmpty());
  // A name with a line feed: its rest is no line.
  const auto lines = parse_unix_sockets("0: 2 0 00010000 0001 01 1 /a\nb\xff c\n");
  ASSERT_EQ(lines.size(), 1U);
  EXPECT_EQ(lines[0].name, "/a");
  EXPECT_EQ(parse_unix_sockets("0: 2 0 00010000 0001 01 1 \xff\x01\n").at(0).name, "\xff\x01");
}

TEST(kernel_text, reads_the_status_of_a_process) {
  const auto status = parse_status(
      "Name:\ta b\nUmask:\t0027\nState:\tS (sleeping)\nTracerPid:\t7\n"
      "Uid:\t1\t2\t3\t4\nGid:\t5\t6\t7\t8\nGroups:\t10 20 4294967295 \n"
      "CapEff:\t000001ffffffffff\nNoNewPrivs:\t1\nSeccomp:\t2\n");
  ASSERT_TRUE(status);
  EXPECT_EQ(status->name, "a b");
  EXPECT_EQ(status->uid, 4U);
  EXPECT_EQ(status->gid, 8U);
  EXPECT_EQ(status->traced_by, 7);
  EXPECT_THAT(status->groups, ElementsAre(10, 20, 4294967295U));
  EXPECT_EQ(status->capabilities, 0x1ffffffffffU);
  EXPECT_TRUE(status->no_new_privileges);
  EXPECT_EQ(status->seccomp, 2);
  EXPECT_EQ(status->umask, 027U);
}

TEST(kernel_text, knows_no_status_without_ids) {
  EXPECT_FALSE(parse_status(""));
  EXPECT_FALSE(parse_status("Name:\tx\nUid:\t1\t2\t3\nGid:\t1\t2\t3\t4\n"));
  EXPECT_FALSE(parse_status("Uid:\t1\t2\t3\t99999999999\nGid:\t1\t2\t3\t4\n"));
}

TEST(kernel_text, reads_the_stat_of_a_process_with_any_name) {
  const std::string rest = " 1 1 1 0 -1 4 1 0 0 0 1 1 0 0 20 0 1 0 4242 1 1\n";
  const auto stat = parse_stat("4711 (a) S (b) ) T" + rest);
  ASSERT_TRUE(stat);
  EXPECT_EQ(stat->name, "a) S (b) ");
  EXPECT_EQ(stat->state, 'T');
  EXPECT_EQ(stat->start, 4242U);
  EXPECT_FALSE(parse_stat(""));
  EXPECT_FALSE(parse_stat("4711 (a"));
  EXPECT_FALSE(parse_stat(") ("));
  EXPECT_FALSE(parse_stat("4711 (a) S 1 2 3"));
}

TEST(kernel_text, reads_the_limits_on_descriptors) {
  const auto limits = parse_descriptor_limits(
      "Limit  Soft Limit  Hard Limit Units\n"
      "Max open files            1024                 524288   files\n");
  EXPECT_EQ(limits.soft, 1024U);
  EXPECT_EQ(limits.hard, 524288U);
  EXPECT_EQ(parse_descriptor_limits("Max open files      20   unlimited   files\n").hard,
            std::numeric_limits<std::uint64_t>::max());
  EXPECT_FALSE(parse_descriptor_limits("Max open files\n").soft);
  EXPECT_FALSE(parse_descriptor_limits("Max processes 1 2\n").soft);
}

TEST(kernel_text, reads_the_unit_of_a_process) {
  EXPECT_EQ(parse_cgroup("0::/system.slice/app.service\n"), "/system.slice/app.service");
  EXPECT_EQ(parse_cgroup("12:pids:/x\n1:name=systemd:/system.slice/a.service\n0::/\n"),
            "/system.slice/a.service");
  EXPECT_EQ(parse_cgroup(""), "");
  EXPECT_EQ(unit_of_cgroup("/system.slice/app.service"), "app.service");
  EXPECT_EQ(unit_of_cgroup("/system.slice/docker.service/abc"), "docker.service");
  EXPECT_EQ(unit_of_cgroup("/user.slice/user-1.slice/user@1.service/app.slice/a.scope"), "a.scope");
  EXPECT_EQ(unit_of_cgroup("/user.slice"), "");
}

TEST(kernel_text, finds_the_holder_of_a_lock) {
  const std::string_view locks =
      "1: POSIX  ADVISORY  WRITE 1 00:2d:1234 0 EOF\n"
      "2: FLOCK  ADVISORY  WRITE 4711 00:2d:1234 0 EOF\n"
      "2: -> FLOCK  ADVISORY  WRITE 4712 00:2d:1234 0 EOF\n"
      "3: FLOCK  ADVISORY  WRITE 4713 00:2e:1234 0 EOF\n"
      "4: FLOCK  ADVISORY  WRITE 0 00:2d:99 0 EOF\n"
      "5: FLOCK  ADVISORY  WRITE 1 002d99 0 EOF\n";
  EXPECT_EQ(lock_holder_in(locks, 0, 0x2d, 1234), 4711);
  EXPECT_EQ(lock_holder_in(locks, 0, 0x2e, 1234), 4713);
  EXPECT_FALSE(lock_holder_in(locks, 0, 0x2d, 99));  // of another pid namespace
  EXPECT_FALSE(lock_holder_in(locks, 0, 0x2d, 5));
}

TEST(kernel_text, reads_access_control_lists) {
  const std::string value =
      "\x02\0\0\0"
      "\x01\0\x06\0\xff\xff\xff\xff"
      "\x02\0\x07\0\xd2\x04\0\0"
      "\x10\0\x04\0\xff\xff\xff\xff"s;
  const auto acl = parse_acl(value);
  ASSERT_EQ(acl.size(), 3U);
  EXPECT_EQ(acl[0].tag, AclEntry::Tag::owner);
  EXPECT_EQ(acl[0].permissions, 6U);
  EXPECT_EQ(acl[1].tag, AclEntry::Tag::user);
  EXPECT_EQ(acl[1].id, 1234U);
  EXPECT_EQ(acl[2].tag, AclEntry::Tag::mask);
  EXPECT_EQ(acl[2].permissions, 4U);
  EXPECT_THAT(parse_acl(""), IsEmpty());
  EXPECT_THAT(parse_acl("\x03\0\0\0"s), IsEmpty());
  EXPECT_THAT(parse_acl("\x02\0\0\0\x03\0\0\0\0\0\0\0"s), IsEmpty());
  EXPECT_THAT(parse_acl("\x02\0\0\0\x01\0\x06"s), IsEmpty());
}

TEST(kernel_text, knows_whether_all_ids_are_mapped) {
  EXPECT_TRUE(maps_every_id("         0          0 4294967295\n"));
  EXPECT_TRUE(maps_every_id("0 0 4294967294\n4294967294 4294967294 1\n"));
  EXPECT_FALSE(maps_every_id("0 1000 1\n"));
  EXPECT_FALSE(maps_every_id(""));
  EXPECT_FALSE(maps_every_id("0 0 99999999999\n"));
}

TEST(kernel_text, finds_variables) {
  const std::string environment = "AB=1\0A=2=3\0C\0"s;
  EXPECT_EQ(variable_in(environment, "A"), "2=3");
  EXPECT_EQ(variable_in(environment, "AB"), "1");
  EXPECT_FALSE(variable_in(environment, "C"));
  EXPECT_FALSE(variable_in("", "A"));
  EXPECT_EQ(variable_in("A=", "A"), "");
}

TEST(kernel_text, reads_what_an_epoll_instance_watches) {
  EXPECT_THAT(parse_watched("pos:\t0\nflags:\t02\n"
                            "tfd:        5 events:       19 data:   5  pos:0 ino:7a31 sdev:8\n"
                            "tfd:        6 events:       19 data:   5  pos:0 ino:zz sdev:8\n"),
              ElementsAre(0x7a31U));
  EXPECT_THAT(parse_watched("tfd:"), IsEmpty());
}

}  // namespace
}  // namespace hallway::net
