// SPDX-License-Identifier: Apache-2.0
//
// Files without a server, servers that see another file system, and units of systemd.
#include <cerrno>

#include "evidence_for_tests.hpp"

namespace hallway::test::namespace_situations {
namespace {

using State = Diagnosis::State;

constexpr const char* path = "/run/app/app.sock";

Evidence refused_file(std::string_view text) {
  Evidence evidence = file_at(text);
  evidence.probe.emplace().error = ECONNREFUSED;
  evidence.held = false;
  return evidence;
}

const Situation stale{10, "stale_file", [] { return refused_file(path); }};

TEST(explain_namespace, stale_file_of_a_server_that_died) {
  EXPECT_EQ(stale.first().certainty, Certainty::certain);
  EXPECT_FALSE(stale.first().fix.contains("rm "));
}

TEST(explain_namespace, a_stale_file_is_certain_only_if_all_network_namespaces_were_asked) {
  Evidence evidence = refused_file(path);
  evidence.held.reset();
  EXPECT_EQ(net::explain(evidence).findings.front().certainty, Certainty::likely);
  evidence.probe.reset();
  EXPECT_EQ(net::explain(evidence).findings.front().certainty, Certainty::possible);
}

const Situation regular{12, "not_a_socket", [] {
                          Evidence evidence = refused_file(path);
                          evidence.steps.back().kind = StepKind::regular;
                          return evidence;
                        }};
const Situation made_by_docker{12, "not_a_socket", [] {
                                 Evidence evidence = refused_file(path);
                                 evidence.steps.back().kind = StepKind::directory;
                                 evidence.steps.back().owner = 0;
                                 evidence.steps.back().empty = true;
                                 evidence.container_runtime = true;
                                 return evidence;
                               }};

TEST(explain_namespace, not_a_socket_but_a_file_or_directory) {
  EXPECT_TRUE(regular.first().sentence.contains("is a regular file, not a socket"));
  EXPECT_TRUE(made_by_docker.first().fix.contains("rmdir /run/app/app.sock"));
}

Evidence server_elsewhere(std::string_view text, std::uint32_t minor) {
  Evidence evidence = nothing_at(text);
  SocketEntry socket = listening_socket(std::string(text));
  socket.file_major = 0;
  socket.file_minor = minor;
  evidence.elsewhere = {socket};
  evidence.elsewhere_mounts = {net::Mount()};
  return evidence;
}

const Situation deleted{34, "name_deleted", [] { return server_elsewhere("/tmp/app.sock", 25); }};
const Situation replaced{34, "name_deleted", [] {
                           Evidence evidence = refused_file(path);
                           evidence.elsewhere = server_elsewhere(path, 25).elsewhere;
                           return evidence;
                         }};

TEST(explain_namespace, perhaps_deleted_if_the_process_is_not_to_be_seen) {
  Evidence evidence = server_elsewhere("/tmp/app.sock", 25);
  evidence.elsewhere.front().holders.clear();
  const Finding finding = net::explain(evidence).findings.front();
  EXPECT_EQ(finding.cause, "name_deleted");
  EXPECT_EQ(finding.certainty, Certainty::possible);
  EXPECT_FALSE(finding.fix.contains("restart"));
}

TEST(explain_namespace, another_directory_of_the_same_file_system) {
  Evidence evidence = server_elsewhere("/run/app/app.sock", 25);
  evidence.elsewhere.front().holders.front().other_mounts = true;
  evidence.elsewhere_mounts.front() =
      net::Mount{9, 0, 25, "/volume", "/run/app", "tmpfs", "tmpfs", {}, false};
  EXPECT_EQ(net::explain(evidence).findings.front().cause, "server_other_mounts");
}

/// Nothing listens at the path, and a connected socket has its file.
Evidence only_connected(bool held) {
  Evidence evidence = refused_file(path);
  evidence.held = held;
  SocketEntry socket = listening_socket(path);
  socket.state = net::SocketState::unbound_or_connected;
  evidence.connected = {socket};
  return evidence;
}

const Situation name_of_a_client{11, "not_listening", [] { return only_connected(true); }};
const Situation closed_listener{11, "not_listening", [] { return only_connected(false); }};

TEST(explain_namespace, only_connected_sockets_have_the_name) {
  EXPECT_EQ(name_of_a_client.first().certainty, Certainty::certain);
  EXPECT_TRUE(name_of_a_client.first().sentence.contains("connected socket of app[4711]"));
  EXPECT_TRUE(closed_listener.first().sentence.contains("app[4711] no longer listens at"));
}

TEST(explain_namespace, only_connected_sockets_have_the_abstract_name) {
  Evidence evidence = nothing_at("@app");
  evidence.connected = only_connected(true).connected;
  const Finding finding = net::explain(evidence).findings.front();
  EXPECT_EQ(finding.cause, "not_listening");
  EXPECT_EQ(finding.certainty, Certainty::likely);
}

TEST(explain_namespace, name_deleted_under_a_live_server) {
  const Finding finding = deleted.first();
  EXPECT_EQ(finding.certainty, Certainty::certain);
  EXPECT_TRUE(
      finding.fix.starts_with("systemctl restart app.service; keep the socket out of /tmp"));
  EXPECT_TRUE(replaced.first().sentence.contains("was replaced"));
}

const Situation private_tmp{36, "server_private_tmp", [] {
                              Evidence evidence = server_elsewhere("/tmp/app.sock", 99);
                              Process& holder = evidence.elsewhere.front().holders.front();
                              holder.private_tmp = holder.other_mounts = true;
                              evidence.elsewhere_mounts.front().id = 7;
                              evidence.elsewhere_mounts.front().point = "/tmp";
                              return evidence;
                            }};
const Situation container{36, "server_other_mounts", [] {
                            Evidence evidence = server_elsewhere(path, 99);
                            evidence.elsewhere.front().in_mounts_of =
                                evidence.elsewhere.front().holders.front();
                            evidence.elsewhere.front().holders.clear();
                            return evidence;
                          }};

TEST(explain_namespace, server_private_tmp_has_the_socket) {
  const Finding finding = private_tmp.first();
  EXPECT_EQ(finding.certainty, Certainty::certain);
  EXPECT_EQ(finding.fix,
            "PrivateTmp=yes in app.service causes it: move the socket to /run "
            "(RuntimeDirectory=app, /run/app/app.sock)");
}

TEST(explain_namespace, server_other_mounts_have_the_socket) {
  EXPECT_TRUE(container.first().sentence.starts_with("a process of app.service has other mounts"));
  EXPECT_EQ(container.first().certainty, Certainty::likely);
}

const Situation private_view{37, "subject_other_mounts", [] {
                               Evidence evidence = nothing_at(path);
                               evidence.subject.kind = net::Subject::Kind::process;
                               evidence.subject.other_mounts = true;
                               evidence.subject.unit = "nginx.service";
                               evidence.in_our_mounts = StepKind::socket;
                               return evidence;
                             }};

TEST(explain_namespace, subject_other_mounts_do_not_show_the_socket) {
  EXPECT_TRUE(private_view.first().fix.contains("BindPaths=/run/app in nginx.service"));
}

const Situation dead_mount{38, "dead_bind_mount", [] {
                             Evidence evidence = refused_file(path);
                             evidence.steps.back().mount_point = true;
                             evidence.steps.back().mount->root = "/app.sock//deleted";
                             return evidence;
                           }};

TEST(explain_namespace, dead_bind_mount_of_a_socket_file) {
  EXPECT_TRUE(dead_mount.first().fix.starts_with("mount the directory instead of the file"));
}

const Situation below_overlay{39, "socket_in_overlay_layer", [] {
                                Evidence evidence = refused_file(path);
                                evidence.steps.back().mount->type = "overlay";
                                evidence.in_layers = {listening_socket("/lower/app.sock")};
                                return evidence;
                              }};
const Situation upper_directory{40, "path_in_overlay_layer", [] {
                                  Evidence evidence = refused_file(path);
                                  evidence.layer_of = net::Mount{};
                                  evidence.layer_of->type = "overlay";
                                  evidence.layer_of->options = {"rw", "upperdir=/run/app"};
                                  evidence.layer_of_pid = 88;
                                  evidence.in_layers = {listening_socket("/app.sock")};
                                  return evidence;
                                }};

TEST(explain_namespace, socket_in_overlay_layer_below) {
  EXPECT_TRUE(contains(below_overlay.first().evidence, "app[4711]"));
}

TEST(explain_namespace, path_in_overlay_layer_of_a_container) {
  EXPECT_TRUE(upper_directory.first().fix.starts_with("go through /proc/88/root"));
  EXPECT_TRUE(contains(upper_directory.first().evidence, "upperdir=/run/app"));
}

const Situation shared{41, "shared_file_system", [] {
                         Evidence evidence = refused_file("/mnt/app.sock");
                         evidence.steps.back().mount->type = "virtiofs";
                         return evidence;
                       }};

TEST(explain_namespace, shared_file_system_does_not_carry_sockets) {
  EXPECT_EQ(shared.first().certainty, Certainty::likely);
  EXPECT_TRUE(shared.first().fix.starts_with("forward it"));
}

const Situation other_network{42, "other_network_namespace", [] {
                                Evidence evidence = refused_at("@app", ECONNREFUSED);
                                evidence.sockets.front().seen_by_pid = 88;
                                return evidence;
                              }};

TEST(explain_namespace, other_network_namespace_has_the_abstract_name) {
  EXPECT_TRUE(other_network.first().sentence.contains("that of pid 88"));
}

const Situation reached_by_path{43, "listens_in_other_network_namespace", [] {
                                  Evidence evidence = served_at(path);
                                  evidence.sockets.clear();
                                  return evidence;
                                }};

TEST(explain_namespace, listens_in_other_network_namespace_and_is_not_stale) {
  EXPECT_EQ(reached_by_path.diagnosis().state, State::healthy);
  EXPECT_FALSE(reached_by_path.odd().sentence.empty());
}

const Situation subject_root{45, "other_root", [] {
                               Evidence evidence = nothing_at(path);
                               evidence.subject.root = "/srv/jail";
                               return evidence;
                             }};
const Situation server_root{45, "other_root", [] {
                              Evidence evidence = server_elsewhere(path, 25);
                              evidence.elsewhere.front().holders.front().root = "/srv/jail";
                              return evidence;
                            }};

TEST(explain_namespace, other_root_of_the_subject_or_of_the_server) {
  EXPECT_TRUE(subject_root.first().sentence.contains("below /srv/jail"));
  EXPECT_EQ(server_root.first().fix, "connect to /srv/jail/run/app/app.sock");
}

// --- units of systemd -----------------------------------------------------------------------

Evidence with_unit(Evidence evidence, std::string state, std::string result) {
  net::SocketUnit& unit = evidence.unit.emplace();
  unit.name = "app.socket";
  unit.state = std::move(state);
  unit.result = std::move(result);
  unit.service = "app.service";
  unit.service_state = "failed";
  return evidence;
}

const Situation limit_hit{48, "socket_unit_failed", [] {
                            return with_unit(nothing_at(path), "failed", "trigger-limit-hit");
                          }};
const Situation stopped{49, "unit_stopped", [] {
                          Evidence evidence = with_unit(refused_file(path), "dead", "success");
                          evidence.unit->removes_on_stop = false;
                          return evidence;
                        }};

TEST(explain_namespace, socket_unit_failed_at_a_limit) {
  EXPECT_EQ(limit_hit.first().sentence, "app.socket failed: trigger-limit-hit");
  EXPECT_TRUE(limit_hit.first().fix.starts_with(
      "systemctl reset-failed app.socket && systemctl start app.socket"));
}

TEST(explain_namespace, unit_stopped_and_its_file_is_left) {
  EXPECT_EQ(stopped.first().fix,
            "systemctl start app.socket; RemoveOnStop=yes in the unit lets it remove the file");
}

const Situation wrapper{50, "wrong_activation", [] {
                          Evidence evidence = nothing_at("activation");
                          evidence.subject.activation = net::Activation{499, 1, {}};
                          return evidence;
                        }};
const Situation wrong_name{50, "wrong_activation", [] {
                             Evidence evidence = nothing_at("activation:admin");
                             evidence.subject.activation = net::Activation{500, 1, {"app"}};
                             return evidence;
                           }};

TEST(explain_namespace, wrong_activation_of_a_process_behind_a_shell) {
  EXPECT_TRUE(wrapper.first().sentence.ends_with("LISTEN_PID is 499, and the process is pid 500"));
  EXPECT_TRUE(wrapper.first().fix.contains("exec SERVER"));
}

TEST(explain_namespace, wrong_activation_by_name) {
  EXPECT_TRUE(wrong_name.first().sentence.contains("LISTEN_FDNAMES is app"));
  EXPECT_TRUE(wrong_name.first().fix.starts_with("FileDescriptorName=admin"));
}

TEST(explain_namespace, descriptors_that_fit_are_healthy) {
  Evidence evidence = nothing_at("activation");
  evidence.subject.activation = net::Activation{500, 1, {}};
  EXPECT_EQ(net::explain(evidence).state, State::healthy);
}

TEST(explain_namespace, an_abstract_name_may_live_where_nobody_looked) {
  Evidence evidence = nothing_at("@app");
  EXPECT_EQ(net::explain(evidence).findings.front().certainty, Certainty::certain);
  evidence.networks_in_part = true;
  const Diagnosis diagnosis = net::explain(evidence);
  EXPECT_EQ(diagnosis.findings.front().cause, "nothing_there");
  EXPECT_EQ(diagnosis.findings.front().certainty, Certainty::possible);
}

}  // namespace
}  // namespace hallway::test::namespace_situations
