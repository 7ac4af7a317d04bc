// SPDX-License-Identifier: Apache-2.0
#include <hallway/peer.hpp>

#include <gtest/gtest.h>

#include <grp.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <string>
#include <vector>

#include "support/faults.hpp"
#include "support/processes.hpp"
#include "support/raw_socket.hpp"
#include "support/temp_directory.hpp"

namespace hallway {
namespace {

using namespace test;

Peer peer_with(std::uint32_t uid, std::uint32_t gid = 4000) { return {uid, gid, 1}; }

bool admits(const AllowRule& rule, const Peer& peer,
            const std::vector<std::uint32_t>& groups = {}) {
  const auto resolved = rule.resolved();
  EXPECT_TRUE(resolved);
  return resolved && resolved->admits(peer, groups);
}

// Who is there ------------------------------------------------------------------------------------

TEST(peer, is_the_overflow_uid_at_first) {
  const Peer peer;
  EXPECT_EQ(peer.uid, Peer::overflow_uid);
  EXPECT_EQ(peer.pid, 0);
  EXPECT_EQ(peer.process_name(), "");
  EXPECT_EQ(peer.to_string(), "pid unknown, uid 65534");
}

TEST(peer, is_the_maker_of_the_socket_pair) {
  auto [near, far] = raw_pair(SOCK_STREAM);
  const auto peer = Peer::of(near.get());
  ASSERT_TRUE(peer);
  EXPECT_EQ(peer->uid, ::geteuid());
  EXPECT_EQ(peer->gid, ::getegid());
  EXPECT_EQ(peer->pid, ::getpid());
}

TEST(peer, is_the_process_that_connected_with_its_groups) {
  NEEDS_ROOT_TO_BECOME_ANOTHER_USER();
  const TempDirectory directory(0755);
  const Descriptor listener = raw_listening(SOCK_STREAM, directory / "s");
  ASSERT_EQ(::chmod((directory / "s").c_str(), 0666), 0);
  ForkedProcess client([&](const ForkedProcess::Say& say) {
    const std::vector<gid_t> groups{44, 5000};
    if (::setgroups(groups.size(), groups.data()) != 0 || ::setgid(777) != 0 ||
        ::setuid(some_user) != 0)
      return;
    const Descriptor socket = raw_connected(SOCK_STREAM, directory / "s");
    say("connected");
    wait_to_be_killed();
  });
  ASSERT_EQ(client.line(), "connected");
  const Descriptor accepted =
      Descriptor::adopt(::accept4(listener.get(), nullptr, nullptr, SOCK_CLOEXEC));

  const auto peer = Peer::of(accepted.get());
  ASSERT_TRUE(peer);
  EXPECT_EQ(peer->uid, some_user);
  EXPECT_EQ(peer->gid, 777U);
  EXPECT_EQ(peer->pid, client.pid());
  const auto groups = Peer::groups_of(accepted.get());
  ASSERT_TRUE(groups);
  EXPECT_EQ(*groups, (std::vector<std::uint32_t>{44, 5000}));
}

TEST(peer, has_a_pidfd_that_shows_its_end) {
  const TempDirectory directory;
  const Descriptor listener = raw_listening(SOCK_STREAM, directory / "s");
  ForkedProcess client([&](const ForkedProcess::Say& say) {
    const Descriptor socket = raw_connected(SOCK_STREAM, directory / "s");
    say("connected");
    wait_to_be_killed();
  });
  ASSERT_EQ(client.line(), "connected");
  const Descriptor accepted =
      Descriptor::adopt(::accept4(listener.get(), nullptr, nullptr, SOCK_CLOEXEC));
  const auto pidfd = Peer::pidfd_of(accepted.get());
  if (!pidfd) {
    EXPECT_EQ(pidfd.error().code, std::errc::no_protocol_option);
    GTEST_SKIP() << "this kernel has no SO_PEERPIDFD: " << pidfd.error().explain();
  }
  EXPECT_TRUE(is_close_on_exec(pidfd->get()));
  pollfd waited{pidfd->get(), POLLIN, 0};
  EXPECT_EQ(::poll(&waited, 1, 0), 0);
  client.kill();
  EXPECT_EQ(::poll(&waited, 1, 10'000), 1);
}

TEST(peer, reports_a_kernel_that_is_too_old_for_a_pidfd) {
  auto [near, far] = raw_pair(SOCK_STREAM);
  const FaultOn fault(sys::Call::getsockopt, 1, ENOPROTOOPT);
  const auto pidfd = Peer::pidfd_of(near.get());
  ASSERT_FALSE(pidfd);
  EXPECT_EQ(pidfd.error().code, std::errc::no_protocol_option);
  EXPECT_NE(pidfd.error().explain().find("6.5"), std::string::npos);
}

TEST(peer, is_running_until_its_process_has_ended) {
  const TempDirectory directory;
  const Descriptor listener = raw_listening(SOCK_STREAM, directory / "s");
  ForkedProcess client([&](const ForkedProcess::Say& say) {
    const Descriptor socket = raw_connected(SOCK_STREAM, directory / "s");
    say("connected");
    wait_to_be_killed();
  });
  ASSERT_EQ(client.line(), "connected");
  const auto accepted =
      Descriptor::adopt(::accept4(listener.get(), nullptr, nullptr, SOCK_CLOEXEC));
  if (!Peer::pidfd_of(accepted.get())) {
    EXPECT_EQ(Peer::identity_of(accepted.get()), PidStatus::unverified);
    GTEST_SKIP() << "this kernel has no SO_PEERPIDFD";
  }
  EXPECT_EQ(Peer::identity_of(accepted.get()), PidStatus::running);
  client.kill();
  EXPECT_EQ(Peer::identity_of(accepted.get()), PidStatus::ended);
}

TEST(peer, is_unverified_where_the_kernel_has_no_pidfd_for_it) {
  auto [near, far] = raw_pair(SOCK_STREAM);
  const FaultOn old_kernel(sys::Call::getsockopt, 1, ENOPROTOOPT);
  EXPECT_EQ(Peer::identity_of(near.get()), PidStatus::unverified);
}

TEST(peer, has_words_for_its_identity) {
  EXPECT_EQ(to_string(PidStatus::running), "running");
  EXPECT_EQ(to_string(PidStatus::ended), "ended");
  EXPECT_EQ(to_string(PidStatus::unverified), "unverified");
}

TEST(peer, is_not_found_where_there_is_no_socket) {
  const Descriptor file = some_file();
  EXPECT_EQ(Peer::of(file.get()).error().code, std::errc::not_a_socket);
  EXPECT_EQ(Peer::groups_of(file.get()).error().code, std::errc::not_a_socket);
}

TEST(peer, prints_pid_name_and_uid) {
  const Peer peer{1000, 1000, ::getpid()};
  const std::string name = peer.process_name();
  EXPECT_FALSE(name.empty());
  EXPECT_EQ(peer.to_string(), "pid " + std::to_string(::getpid()) + " (" + name + "), uid 1000");
}

TEST(peer, knows_the_program_of_a_process) {
  const Peer ours{1000, 1000, ::getpid()};
  EXPECT_EQ(ours.executable(), std::filesystem::read_symlink("/proc/self/exe").string());
  EXPECT_EQ(Peer().executable(), "");
  const Peer nobodys{1000, 1000, INT32_MAX};
  EXPECT_EQ(nobodys.executable(), "");
}

TEST(peer, prints_a_name_that_a_process_chose_to_do_harm_harmlessly) {
  const std::string printed = in_a_child([] {
    ::prctl(PR_SET_NAME, "a\x1b[2Jb");
    return Peer{0, 0, ::getpid()}.to_string();
  });
  EXPECT_NE(printed.find(" (a\\x1b[2Jb), uid 0"), std::string::npos) << printed;
}

// Rules -------------------------------------------------------------------------------------------

TEST(allow_rule, reads_every_rule_it_prints) {
  for (const char* text : {"any", "root", "same-uid", "uid:1000", "uid:alice", "group:video"}) {
    const auto rule = AllowRule::parse(text);
    ASSERT_TRUE(rule) << text;
    EXPECT_EQ(rule->to_string(), text);
  }
  EXPECT_EQ(AllowRule::parse("gid:44")->resolved()->to_string(), "gid:44");
}

TEST(allow_rule, refuses_an_unknown_text_and_lists_the_known_ones) {
  for (const char* text : {"", "uid", "uid:", "gid:", "group:", "pid:3", "ANY", "any ", ":3"}) {
    const auto rule = AllowRule::parse(text);
    ASSERT_FALSE(rule) << text;
    EXPECT_EQ(rule.error().code, std::errc::invalid_argument);
    EXPECT_NE(rule.error().hint.find("same-uid"), std::string::npos);
  }
}

TEST(allow_rule, any_admits_every_client) {
  EXPECT_TRUE(admits(allow::any(), peer_with(0)));
  EXPECT_TRUE(admits(allow::any(), peer_with(1234)));
}

TEST(allow_rule, root_admits_root_only) {
  EXPECT_TRUE(admits(allow::root(), peer_with(0)));
  EXPECT_FALSE(admits(allow::root(), peer_with(1000, 0), {0}));
}

TEST(allow_rule, same_uid_admits_our_own_uid) {
  NEEDS_TO_BE_SOMEBODY();
  EXPECT_TRUE(admits(allow::same_uid(), peer_with(::geteuid())));
  EXPECT_FALSE(admits(allow::same_uid(), peer_with(::geteuid() + 1)));
}

TEST(allow_rule, admits_one_uid_only) {
  EXPECT_TRUE(admits(allow::uid(1234), peer_with(1234)));
  EXPECT_FALSE(admits(allow::uid(1234), peer_with(1235, 1234), {1234}));
  EXPECT_TRUE(admits(*AllowRule::parse("uid:1234"), peer_with(1234)));
}

TEST(allow_rule, admits_a_group_whether_it_is_the_peers_own_or_a_supplementary_one) {
  EXPECT_TRUE(admits(allow::gid(44), peer_with(1234, 44)));
  EXPECT_TRUE(admits(allow::gid(44), peer_with(1234, 1234), {7, 44}));
  EXPECT_FALSE(admits(allow::gid(44), peer_with(44, 1234), {7, 45}));
}

TEST(allow_rule, looks_up_names_of_users_and_groups) {
  EXPECT_TRUE(admits(allow::user("root"), peer_with(0)));
  EXPECT_FALSE(admits(allow::user("root"), peer_with(1)));
  EXPECT_TRUE(admits(allow::group("root"), peer_with(1234, 0)));
  EXPECT_TRUE(admits(allow::group("44"), peer_with(1234, 44)));
}

TEST(allow_rule, reports_that_a_name_is_unknown) {
  for (const AllowRule& rule : {allow::user("no-such-user-\x1b"), allow::group("no-such-group")}) {
    const auto resolved = rule.resolved();
    ASSERT_FALSE(resolved);
    EXPECT_EQ(resolved.error().code, std::errc::invalid_argument);
    EXPECT_NE(resolved.error().explain().find("there is no such"), std::string::npos);
    EXPECT_EQ(resolved.error().explain().find('\x1b'), std::string::npos);
  }
}

TEST(allow_rule, takes_no_name_with_a_nul_byte_for_the_one_that_ends_there) {
  using namespace std::string_view_literals;
  for (const auto text : {"uid:root\0evil"sv, "group:root\0"sv}) {
    const auto resolved = AllowRule::parse(text)->resolved();
    ASSERT_FALSE(resolved);
    EXPECT_NE(resolved.error().explain().find("root\\0"), std::string::npos);
  }
}

TEST(allow_rule, never_takes_minus_one_for_an_id) {
  EXPECT_FALSE(AllowRule::parse("uid:4294967295")->resolved());
  EXPECT_FALSE(AllowRule::parse("uid:-1")->resolved());
}

// The overflow uid is everybody from outside our user namespace, so no rule that names somebody
// can mean it.
TEST(allow_rule, refuses_the_overflow_uid_or_gid_and_explains_why) {
  for (const AllowRule& rule :
       {allow::uid(Peer::overflow_uid), allow::gid(Peer::overflow_uid), allow::user("65534"),
        allow::group("65534"), *AllowRule::parse("uid:65534")}) {
    const auto resolved = rule.resolved();
    ASSERT_FALSE(resolved) << rule.to_string();
    EXPECT_EQ(resolved.error().code, std::errc::invalid_argument);
    EXPECT_EQ(
        resolved.error().explain(),
        "rule " + rule.to_string() + ": 65534 stands for every user outside this user namespace");
  }
}

TEST(allow_rule, never_admits_the_overflow_uid_and_gid_by_number) {
  const Peer stranger = peer_with(Peer::overflow_uid, Peer::overflow_uid);
  for (const AllowRule& rule : {allow::uid(Peer::overflow_uid), allow::gid(Peer::overflow_uid),
                                allow::root(), allow::same_uid(), allow::gid(44)}) {
    EXPECT_FALSE(rule.admits(stranger, std::vector<std::uint32_t>{44, Peer::overflow_uid}))
        << rule.to_string();
  }
  EXPECT_FALSE(allow::gid(Peer::overflow_uid)
                   .admits(peer_with(1234, Peer::overflow_uid), std::span<std::uint32_t>()));
}

TEST(allow_rules, that_were_resolved_have_no_name_left_to_look_up) {
  const std::vector<AllowRule> named{allow::user("root"), allow::group("root"), allow::any(),
                                     allow::gid(44)};
  const auto rules = resolved(named);
  ASSERT_TRUE(rules);
  ASSERT_EQ(rules->size(), named.size());
  for (const AllowRule& rule : *rules) EXPECT_EQ(rule.name, "");
  EXPECT_EQ((*rules)[0].to_string(), "uid:0");
  EXPECT_EQ((*rules)[1].to_string(), "gid:0");
  EXPECT_EQ((*rules)[2].to_string(), "any");
  EXPECT_EQ((*rules)[3].to_string(), "gid:44");
}

TEST(allow_rules, are_resolved_all_or_none) {
  const auto rules = resolved(std::vector{allow::any(), allow::group("no-such-group")});
  ASSERT_FALSE(rules);
  EXPECT_EQ(rules.error().code, std::errc::invalid_argument);
  EXPECT_NE(rules.error().explain().find("no-such-group"), std::string::npos);
}

TEST(user_id, is_found_by_name_and_by_number_nobody_included) {
  EXPECT_EQ(user_id("root"), 0U);
  EXPECT_EQ(user_id("4711"), 4711U);
  EXPECT_EQ(user_id("65534"), 65534U);
  EXPECT_EQ(group_id("root"), 0U);
  EXPECT_FALSE(group_id("no-such-group"));
}

TEST(user_id, is_not_the_number_that_a_name_begins_with) {
  EXPECT_FALSE(user_id("0day"));
  EXPECT_FALSE(group_id("0day"));
  EXPECT_FALSE(allow::user("0day").resolved());
}

}  // namespace
}  // namespace hallway
