// SPDX-License-Identifier: Apache-2.0
//
// A server that cannot bind.
#include <cerrno>

#include "evidence_for_tests.hpp"

namespace hallway::test::bind_situations {
namespace {

using State = Diagnosis::State;

constexpr const char* path = "/run/app/app.sock";

Evidence binding(Evidence evidence) {
  evidence.for_bind = true;
  return evidence;
}

Evidence place_refuses(int error) {
  Evidence evidence = binding(nothing_at(path));
  evidence.place.write_error = error;
  return evidence;
}

TEST(explain_bind, a_slash_at_the_end_needs_a_directory) {
  Evidence evidence = nothing_at("/run/app/app.sock/");
  evidence.steps.back().path = "/run/app/app.sock";
  std::erase_if(evidence.steps, [](const PathStep& each) {
    return each.path == "/run/app/app.sock" && each.kind == StepKind::directory;
  });
  evidence.for_bind = true;
  EXPECT_EQ(net::explain(evidence).findings.front().cause, "directory_missing");
}

TEST(explain_bind, a_free_name_is_healthy) {
  Evidence evidence = binding(nothing_at(path));
  evidence.place.umask = 0022;
  EXPECT_EQ(net::explain(evidence).to_string(), "healthy: /run/app/app.sock can be bound to");
  EXPECT_EQ(net::explain(binding(nothing_at("@app"))).state, State::healthy);
  EXPECT_EQ(net::explain(binding(nothing_at("autobind"))).state, State::healthy);
}

const Situation in_use{51, "name_in_use", [] { return binding(served_at(path)); }};

TEST(explain_bind, name_in_use_by_a_live_server) {
  EXPECT_EQ(in_use.first().sentence,
            "/run/app/app.sock is in use by app[4711], uid 990, app.service, since 3 d");
  EXPECT_EQ(in_use.first().fix,
            "systemctl stop app.service, or take its place: a Hallway server's --takeover");
  EXPECT_EQ(in_use.diagnosis().summary, "cannot bind: " + in_use.first().sentence);
}

const Situation stale{52, "stale_file", [] {
                        Evidence evidence = binding(file_at(path));
                        evidence.held = false;
                        return evidence;
                      }};

TEST(explain_bind, stale_file_is_replaced_by_a_hallway_server) {
  EXPECT_EQ(stale.diagnosis().state, State::healthy);
  EXPECT_TRUE(stale.odd().fix.starts_with("rm /run/app/app.sock"));
}

TEST(explain_bind, no_file_is_to_be_removed_that_may_be_alive) {
  const Diagnosis diagnosis = net::explain(binding(file_at(path)));
  ASSERT_NE(find(diagnosis.also, "stale_file"), nullptr);
  EXPECT_FALSE(find(diagnosis.also, "stale_file")->fix.starts_with("rm "));
}

const Situation link_there{53, "name_taken", [] {
                             Evidence evidence = binding(nothing_at(path));
                             evidence.steps.back().kind = StepKind::symlink;
                             evidence.steps.back().target = "/gone";
                             evidence.steps.back().error = 0;
                             return evidence;
                           }};

TEST(explain_bind, name_taken_by_a_dangling_symbolic_link) {
  EXPECT_TRUE(link_there.first().sentence.contains("bind does not follow it"));
}

const Situation mounted{54, "mount_point_there", [] {
                          Evidence evidence = binding(file_at(path));
                          evidence.steps.back().mount_point = true;
                          return evidence;
                        }};

TEST(explain_bind, mount_point_there_cannot_be_removed) {
  EXPECT_TRUE(mounted.first().fix.starts_with("umount /run/app/app.sock"));
}

const Situation not_writable{55, "directory_not_writable", [] { return place_refuses(EACCES); }};
const Situation read_only{55, "read_only_file_system", [] {
                            Evidence evidence = place_refuses(EROFS);
                            evidence.subject.unit = "app.service";
                            evidence.subject.other_mounts = true;
                            return evidence;
                          }};

TEST(explain_bind, directory_not_writable_for_the_server) {
  EXPECT_EQ(not_writable.diagnosis().state, State::denied);
  EXPECT_TRUE(not_writable.first().sentence.contains("may not make files in /run/app"));
}

TEST(explain_bind, read_only_file_system_of_a_hardened_unit) {
  EXPECT_TRUE(read_only.first().sentence.contains("for app.service, as ProtectSystem=strict does"));
  EXPECT_EQ(read_only.diagnosis().state, State::wrong);
}

const Situation immutable{55, "directory_immutable", [] {
                            Evidence evidence = place_refuses(EPERM);
                            step(evidence, "/run/app").immutable = true;
                            return evidence;
                          }};

TEST(explain_bind, directory_immutable_even_for_root) {
  EXPECT_EQ(immutable.diagnosis().state, State::wrong);
  EXPECT_EQ(immutable.first().certainty, Certainty::certain);
  EXPECT_TRUE(immutable.first().fix.starts_with("chattr -i /run/app,")) << immutable.first().fix;
}

const Situation sticky{56, "sticky_directory", [] {
                         Evidence evidence = binding(file_at("/tmp/app.sock"));
                         step(evidence, "/tmp").mode = 01777;
                         return evidence;
                       }};
const Situation sticky_for_other{56, "sticky_directory", [] {
                                   Evidence evidence = binding(file_at("/tmp/app.sock"));
                                   step(evidence, "/tmp").mode = 01777;
                                   step(evidence, "/tmp").owner = 1;
                                   evidence.subject.uid = 0;
                                   return evidence;
                                 }};

TEST(explain_bind, sticky_directory_keeps_the_file_of_another_user) {
  EXPECT_EQ(sticky.diagnosis().state, State::denied);
  EXPECT_TRUE(sticky.first().sentence.contains("of app:app"));
  EXPECT_TRUE(sticky_for_other.first().sentence.contains("of app:app")) << "without CAP_FOWNER";
}

const Situation no_inodes{57, "no_free_inodes", [] {
                            Evidence evidence = binding(nothing_at(path));
                            evidence.place.free_inodes = 0;
                            return evidence;
                          }};
const Situation quota{57, "quota_exceeded", [] { return place_refuses(EDQUOT); }};

TEST(explain_bind, no_free_inodes_or_quota_exceeded) {
  EXPECT_EQ(no_inodes.first().fix, "free some: df -i /run/app");
  EXPECT_TRUE(quota.first().sentence.contains("quota of www-data"));
}

const Situation sysfs{58, "file_system_without_sockets", [] {
                        Evidence evidence = place_refuses(EACCES);
                        step(evidence, "/run/app").mount->type = "sysfs";
                        return evidence;
                      }};

TEST(explain_bind, file_system_without_sockets_comes_before_its_permissions) {
  EXPECT_EQ(sysfs.first().certainty, Certainty::certain);
  EXPECT_EQ(sysfs.diagnosis().findings.size(), 1U);
}

TEST(explain_bind, a_shared_file_system_is_odd) {
  Evidence evidence = binding(nothing_at(path));
  step(evidence, "/run/app").mount->type = "9p";
  EXPECT_NE(find(net::explain(evidence).also, "shared_file_system"), nullptr);
}

const Situation locked{60, "lock_held", [] {
                         Evidence evidence = binding(nothing_at(path));
                         evidence.place.lock_holder = server();
                         return evidence;
                       }};

TEST(explain_bind, lock_held_by_a_predecessor_that_ends) {
  EXPECT_TRUE(locked.first().sentence.contains("app[4711]"));
}

const Situation masked{61, "umask_narrows_mode", [] {
                         Evidence evidence = binding(nothing_at(path));
                         evidence.place.umask = 0077;
                         return evidence;
                       }};

TEST(explain_bind, umask_narrows_mode_of_a_new_file) {
  EXPECT_TRUE(masked.odd().sentence.contains("has mode 0700"));
  EXPECT_EQ(masked.diagnosis().state, State::healthy);
}

}  // namespace
}  // namespace hallway::test::bind_situations
