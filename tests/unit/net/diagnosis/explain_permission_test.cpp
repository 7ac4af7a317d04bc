// SPDX-License-Identifier: Apache-2.0
//
// What the subject may not do.
#include <cerrno>

#include "evidence_for_tests.hpp"

namespace hallway::test::permission_situations {
namespace {

using State = Diagnosis::State;
using Tag = net::AclEntry::Tag;

/// As --as-pid: everything is computed.
Evidence seen_by_nginx(unsigned mode) {
  Evidence evidence = served_at("/run/app/app.sock");
  evidence.subject.kind = net::Subject::Kind::process;
  evidence.subject.command = "nginx";
  evidence.subject.unit = "nginx.service";
  evidence.steps.back().mode = mode;
  return evidence;
}

const Situation mode_denies{20, "no_permission_on_socket", [] { return seen_by_nginx(0660); }};
const Situation own_mode_denies{20, "no_permission_on_socket", [] {
                                  Evidence evidence = refused_at("/run/app/app.sock", EACCES);
                                  evidence.steps.back().mode = 0755;
                                  evidence.steps.back().access_error = EACCES;
                                  return evidence;
                                }};

TEST(explain_permission, no_permission_on_socket_by_its_mode) {
  const Finding finding = mode_denies.first();
  EXPECT_EQ(mode_denies.diagnosis().state, State::denied);
  EXPECT_EQ(finding.certainty, Certainty::certain);
  EXPECT_EQ(finding.fix,
            "usermod -aG app www-data && systemctl restart nginx.service  (groups are read at "
            "start)");
  EXPECT_TRUE(finding.sentence.contains("only app and group app may")) << finding.sentence;
}

TEST(explain_permission, no_permission_on_socket_if_the_server_left_the_mode_to_its_umask) {
  const Finding finding = own_mode_denies.first();
  EXPECT_TRUE(contains(finding.evidence, "umask 0022"));
  EXPECT_TRUE(finding.fix.starts_with("setfacl -m u:www-data:rw /run/app/app.sock"));
  EXPECT_FALSE(finding.fix.contains("0666"));
}

const Situation directory_denies{21, "no_permission_on_directory", [] {
                                   Evidence evidence = seen_by_nginx(0660);
                                   PathStep& parent = step(evidence, "/run/app");
                                   parent = owned_by_app(parent, 0750);
                                   return evidence;
                                 }};

TEST(explain_permission, no_permission_on_directory_comes_before_the_socket) {
  const Diagnosis diagnosis = directory_denies.diagnosis();
  const Finding finding = directory_denies.first();
  ASSERT_EQ(diagnosis.findings.size(), 2U);
  EXPECT_EQ(diagnosis.findings.back().cause, "no_permission_on_socket");
  EXPECT_TRUE(contains(finding.evidence, "would be the next obstacle: only app and group app"));
  EXPECT_TRUE(contains(finding.evidence,
                       "listening: app[4711], uid 990, app.service, since 3 d, 0 of 4096 waiting"));
}

TEST(explain_permission, no_group_of_root_is_given_away) {
  Evidence evidence = seen_by_nginx(0666);
  step(evidence, "/run/app").mode = 0750;
  EXPECT_EQ(net::explain(evidence).findings.front().fix, "setfacl -m u:www-data:x /run/app");
}

const Situation not_in_process{22, "group_not_in_process", [] {
                                 Evidence evidence = seen_by_nginx(0660);
                                 evidence.subject.account_groups = {app};
                                 return evidence;
                               }};

TEST(explain_permission, group_not_in_process_that_started_before) {
  const Finding finding = not_in_process.first();
  EXPECT_TRUE(finding.fix.starts_with("systemctl restart nginx.service"));
  EXPECT_TRUE(finding.sentence.contains("member of group app"));
}

const Situation mask{23, "acl_denies", [] {
                       Evidence evidence = seen_by_nginx(0644);
                       evidence.steps.back().acl = {{Tag::owner, 0, 6},
                                                    {Tag::user, www_data, 6},
                                                    {Tag::group_owner, 0, 4},
                                                    {Tag::mask, 0, 4},
                                                    {Tag::other, 0, 0}};
                       return evidence;
                     }};
const Situation named{23, "acl_denies", [] {
                        Evidence evidence = seen_by_nginx(0666);
                        evidence.steps.back().acl = {{Tag::owner, 0, 6},
                                                     {Tag::user, www_data, 0},
                                                     {Tag::group_owner, 0, 6},
                                                     {Tag::mask, 0, 6},
                                                     {Tag::other, 0, 6}};
                        return evidence;
                      }};

TEST(explain_permission, acl_denies_by_its_mask) {
  EXPECT_EQ(mask.first().fix, "setfacl -m m::rw /run/app/app.sock");
}

TEST(explain_permission, acl_denies_by_an_entry_for_the_user) {
  EXPECT_EQ(named.first().fix, "setfacl -m u:www-data:rw /run/app/app.sock");
}

const Situation not_mapped{24, "owner_not_mapped", [] {
                             Evidence evidence = seen_by_nginx(0600);
                             evidence.maps_all_users = false;
                             evidence.steps.back().owner = 65534;
                             evidence.steps.back().group = 65534;
                             return evidence;
                           }};

TEST(explain_permission, owner_not_mapped_into_the_user_namespace) {
  EXPECT_TRUE(not_mapped.first().sentence.contains("user namespace"));
}

const Situation module{25, "security_module_denies", [] {
                         Evidence evidence = refused_at("/run/app/app.sock", EACCES);
                         evidence.steps.back().access_error = 0;
                         evidence.security_modules = {"capability", "selinux"};
                         evidence.security_label = "container_t";
                         return evidence;
                       }};

TEST(explain_permission, security_module_denies_what_the_files_allow) {
  const Finding finding = module.first();
  EXPECT_EQ(finding.certainty, Certainty::likely);
  EXPECT_TRUE(finding.fix.contains("ausearch -m avc -ts recent"));
  EXPECT_TRUE(contains(finding.evidence, "container_t"));
}

TEST(explain_permission, security_module_denies_only_possibly_if_none_is_known) {
  Evidence evidence = refused_at("/run/app/app.sock", EACCES);
  EXPECT_EQ(net::explain(evidence).findings.front().certainty, Certainty::possible);
}

const Situation sandbox{26, "landlock_denies", [] {
                          Evidence evidence = refused_at("@app", EPERM);
                          evidence.security_modules = {"landlock"};
                          evidence.subject.no_new_privileges = true;
                          return evidence;
                        }};

TEST(explain_permission, landlock_denies_abstract_names) {
  EXPECT_EQ(sandbox.diagnosis().state, State::denied);
  EXPECT_TRUE(sandbox.first().fix.starts_with("use a path"));
}

const Situation filter{27, "seccomp_denies", [] {
                         Evidence evidence = refused_at("/run/app/app.sock", EAFNOSUPPORT);
                         evidence.probe->socket_refused = true;
                         evidence.subject.seccomp = 2;
                         evidence.subject.unit = "nginx.service";
                         return evidence;
                       }};

TEST(explain_permission, seccomp_denies_unix_sockets) {
  EXPECT_EQ(filter.first().certainty, Certainty::certain);
  EXPECT_EQ(filter.first().fix, "RestrictAddressFamilies=AF_UNIX in nginx.service");
}

const Situation no_descriptor{28, "client_out_of_descriptors", [] {
                                Evidence evidence = refused_at("/run/app/app.sock", EMFILE);
                                evidence.probe->socket_refused = true;
                                evidence.subject.open_descriptors = 1024;
                                evidence.subject.descriptor_limit = 1024;
                                evidence.subject.descriptors_by_kind = {{"sockets", 1000}};
                                return evidence;
                              }};
const Situation no_file_left{28, "system_out_of_descriptors", [] {
                               Evidence evidence = refused_at("/run/app/app.sock", ENFILE);
                               evidence.probe->socket_refused = true;
                               return evidence;
                             }};

TEST(explain_permission, client_out_of_descriptors_lists_them_by_kind) {
  EXPECT_TRUE(contains(no_descriptor.first().evidence, "sockets: 1000"));
  EXPECT_TRUE(no_descriptor.first().sentence.contains("1024 of 1024"));
}

TEST(explain_permission, system_out_of_descriptors_is_not_the_clients_fault) {
  EXPECT_FALSE(no_file_left.first().fix.empty());
}

const Situation runtime_directory{46, "runtime_directory_of_other_user", [] {
                                    Evidence evidence = refused_at("/run/user/1000/bus", EACCES);
                                    PathStep& home = step(evidence, "/run/user/1000");
                                    home.owner = 1000;
                                    home.mode = 0700;
                                    home.access_error = EACCES;
                                    evidence.runtime_user = "alice";
                                    evidence.subject.runtime_directory = "/run/user/1000";
                                    return evidence;
                                  }};

TEST(explain_permission, runtime_directory_of_other_user_after_su) {
  const Finding finding = runtime_directory.first();
  EXPECT_EQ(runtime_directory.diagnosis().state, State::denied);
  EXPECT_TRUE(finding.sentence.contains("of alice"));
  EXPECT_TRUE(finding.fix.contains("machinectl shell www-data@"));
}

const Situation logged_out{47, "user_logged_out", [] {
                             Evidence evidence = nothing_at("/run/user/1000/bus");
                             evidence.steps.pop_back();
                             evidence.steps.back().kind = StepKind::missing;
                             evidence.runtime_user = "alice";
                             evidence.lingers = false;
                             return evidence;
                           }};

TEST(explain_permission, user_logged_out_and_the_runtime_directory_is_gone) {
  EXPECT_TRUE(logged_out.first().fix.starts_with("loginctl enable-linger alice"));
}

TEST(explain_permission, nothing_that_was_computed_stands_against_a_probe_that_connected) {
  Evidence evidence = served_at("/run/app/app.sock");
  evidence.steps.back().mode = 0600;
  EXPECT_EQ(net::explain(evidence).state, State::healthy);
}

}  // namespace
}  // namespace hallway::test::permission_situations
