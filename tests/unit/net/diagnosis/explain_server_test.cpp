// SPDX-License-Identifier: Apache-2.0
//
// A server is there, and something is the matter with it.
#include <cerrno>

#include "evidence_for_tests.hpp"

namespace hallway::test::server_situations {
namespace {

using State = Diagnosis::State;

constexpr const char* path = "/run/app/app.sock";

Evidence waiting(std::uint32_t clients, std::uint32_t backlog) {
  Evidence evidence = served_at(path);
  evidence.sockets.front().waiting = clients;
  evidence.sockets.front().backlog = backlog;
  return evidence;
}

Process& process_of(Evidence& evidence) { return evidence.sockets.front().holders.front(); }

TEST(explain_server, a_healthy_address_is_one_line) {
  const Diagnosis diagnosis = net::explain(served_at(path));
  EXPECT_EQ(diagnosis.to_string(),
            "healthy: app[4711], uid 990, app.service, since 3 d, listens (stream), 0 of 4096 "
            "waiting");
}

const Situation not_listening{11, "not_listening", [] {
                                Evidence evidence = refused_at(path, ECONNREFUSED);
                                evidence.sockets.front().state = net::SocketState::bound;
                                return evidence;
                              }};
const Situation unseen_and_not_listening{11, "not_listening", [] {
                                           Evidence evidence = refused_at(path, ECONNREFUSED);
                                           evidence.sockets.clear();
                                           return evidence;
                                         }};
const Situation shut_down{11, "not_listening", [] { return refused_at(path, ECONNREFUSED); }};

TEST(explain_server, a_full_queue_of_datagrams_stops_senders) {
  Evidence evidence = served_at(path);
  evidence.probe.reset();
  evidence.sockets.front().type = SocketType::datagram;
  evidence.sockets.front().state = net::SocketState::bound;
  evidence.datagram_queue_full = true;
  const Diagnosis diagnosis = net::explain(evidence);
  EXPECT_EQ(diagnosis.state, State::stuck);
  EXPECT_EQ(diagnosis.findings.front().cause, "datagram_queue_full");
}

TEST(explain_server, not_listening_yet) {
  EXPECT_TRUE(not_listening.first().fix.starts_with("hallway wait"));
  EXPECT_EQ(not_listening.diagnosis().state, State::unreachable);
  EXPECT_TRUE(unseen_and_not_listening.first().sentence.contains("another network namespace"));
  EXPECT_TRUE(shut_down.first().sentence.contains("shut down"));
}

const Situation seqpacket{13, "wrong_type", [] {
                            Evidence evidence = refused_at(path, EPROTOTYPE);
                            evidence.sockets.front().type = SocketType::seqpacket;
                            evidence.type = SocketType::stream;
                            return evidence;
                          }};

TEST(explain_server, wrong_type_of_the_client) {
  EXPECT_EQ(seqpacket.first().sentence,
            "/run/app/app.sock is a seqpacket socket, not a stream socket");
  EXPECT_EQ(seqpacket.first().fix, "use --type seqpacket");
}

const Situation full{14, "backlog_full", [] {
                       Evidence evidence = waiting(6, 5);
                       evidence.probe.emplace().error = EAGAIN;
                       evidence.second_look_moved = true;
                       return evidence;
                     }};

TEST(explain_server, backlog_full_and_the_server_is_slow) {
  EXPECT_EQ(full.diagnosis().state, State::stuck);
  EXPECT_EQ(full.first().sentence,
            "the server's backlog is full: 6 wait, and the backlog is 5; it accepts, but slowly");
}

const Situation stopped{15, "server_stopped", [] {
                          Evidence evidence = served_at(path);
                          process_of(evidence).state = 'T';
                          return evidence;
                        }};
const Situation debugged{15, "server_stopped", [] {
                           Evidence evidence = served_at(path);
                           process_of(evidence).state = 't';
                           process_of(evidence).traced_by = 99;
                           process_of(evidence).traced_by_command = "gdb";
                           return evidence;
                         }};

TEST(explain_server, server_stopped_by_a_signal_or_a_debugger) {
  EXPECT_EQ(stopped.first().fix, "kill -CONT 4711");
  EXPECT_EQ(debugged.first().fix, "continue it in gdb, pid 99");
}

TEST(explain_server, one_process_that_runs_is_enough) {
  Evidence evidence = served_at(path);
  process_of(evidence).state = 'T';
  evidence.sockets.front().holders.push_back(server());
  EXPECT_EQ(net::explain(evidence).state, State::healthy);
  evidence.sockets.front().holders.back().pid = 1;
  EXPECT_EQ(net::explain(evidence).state, State::stuck) << "systemd does not accept";
}

TEST(explain_server, a_server_that_accepts_is_not_stopped) {
  Evidence evidence = served_at(path);
  process_of(evidence).state = 'T';
  process_of(evidence).open_descriptors = 1024;
  evidence.probe->accepted = true;
  EXPECT_EQ(net::explain(evidence).state, State::healthy);
}

TEST(explain_server, other_processes_may_serve_as_well) {
  Evidence evidence = served_at(path);
  process_of(evidence).state = 'T';
  evidence.sockets.front().holders_in_part = true;
  EXPECT_EQ(net::explain(evidence).findings.front().certainty, Certainty::likely);
  process_of(evidence).state = 'S';
  process_of(evidence).frozen = true;
  EXPECT_EQ(net::explain(evidence).findings.front().certainty, Certainty::likely);
}

TEST(explain_server, continues_no_more_than_a_few_processes) {
  Evidence evidence = served_at(path);
  process_of(evidence).state = 'T';
  auto& holders = evidence.sockets.front().holders;
  holders.resize(7, holders.front());
  EXPECT_EQ(net::explain(evidence).findings.front().fix,
            "kill -CONT 4711 4711 4711 4711 4711, and likewise the others");
}

const Situation frozen{16, "server_frozen", [] {
                         Evidence evidence = served_at(path);
                         process_of(evidence).frozen = true;
                         return evidence;
                       }};
const Situation blocked{16, "server_blocked", [] {
                          Evidence evidence = waiting(2, 5);
                          process_of(evidence).state = 'D';
                          process_of(evidence).waits_in = "nfs_wait_bit_killable";
                          return evidence;
                        }};

TEST(explain_server, server_frozen_with_its_cgroup) {
  EXPECT_EQ(frozen.first().fix, "systemctl thaw app.service");
}

TEST(explain_server, server_blocked_in_the_kernel) {
  EXPECT_TRUE(blocked.first().sentence.contains("in nfs_wait_bit_killable"));
}

const Situation no_descriptors{17, "server_out_of_descriptors", [] {
                                 Evidence evidence = waiting(2, 5);
                                 process_of(evidence).open_descriptors = 1024;
                                 return evidence;
                               }};
const Situation few_descriptors{17, "descriptors_nearly_used_up", [] {
                                  Evidence evidence = served_at(path);
                                  process_of(evidence).open_descriptors = 950;
                                  return evidence;
                                }};

TEST(explain_server, server_out_of_descriptors_cannot_accept) {
  const Finding finding = no_descriptors.first();
  EXPECT_EQ(finding.certainty, Certainty::certain);
  EXPECT_TRUE(finding.sentence.contains("1024 of 1024 descriptors are open"));
  EXPECT_TRUE(finding.fix.contains("LimitNOFILE=4096 in app.service"));
  EXPECT_EQ(find(no_descriptors.diagnosis().also, "descriptors_nearly_used_up"), nullptr);
}

TEST(explain_server, the_remedy_keeps_below_the_hard_limit) {
  Evidence evidence = waiting(2, 5);
  Process& process = process_of(evidence);
  process.unit.clear();
  process.open_descriptors = 20;
  process.descriptor_limit = 20;
  process.descriptor_hard_limit = 40;
  EXPECT_EQ(net::explain(evidence).findings.front().fix, "prlimit --pid 4711 --nofile=40:40");
  process.descriptor_hard_limit = 20;
  EXPECT_EQ(net::explain(evidence).findings.front().fix,
            "prlimit --pid 4711 --nofile=80:80  (as root)");
  process.open_descriptors = 21;
  EXPECT_TRUE(net::explain(evidence).findings.front().sentence.contains(
      "21 descriptors are open, and the limit is 20"));
}

TEST(explain_server, descriptors_nearly_used_up_stops_nothing) {
  EXPECT_TRUE(few_descriptors.odd().sentence.contains("950 of 1024"));
  EXPECT_EQ(few_descriptors.diagnosis().state, State::healthy);
}

const Situation unwatched{18, "listener_not_watched", [] {
                            Evidence evidence = waiting(2, 5);
                            process_of(evidence).watches_listener = false;
                            return evidence;
                          }};

TEST(explain_server, listener_not_watched_by_the_server) {
  EXPECT_EQ(unwatched.diagnosis().state, State::stuck);
  EXPECT_TRUE(contains(unwatched.first().evidence, "2 of 5 waiting"));
}

TEST(explain_server, a_full_backlog_comes_before_a_listener_that_is_not_watched) {
  Evidence evidence = waiting(6, 5);
  process_of(evidence).watches_listener = false;
  const Diagnosis diagnosis = net::explain(evidence);
  ASSERT_EQ(diagnosis.findings.size(), 2U);
  EXPECT_EQ(diagnosis.findings.front().cause, "backlog_full");
  EXPECT_EQ(diagnosis.findings.back().cause, "listener_not_watched");
}

TEST(explain_server, a_server_seen_in_a_short_look_is_not_certainly_wrong) {
  EXPECT_EQ(unwatched.first().certainty, Certainty::likely);
  EXPECT_EQ(unwatched.first().fix,
            "see what it does instead: strace -f -p 4711, or journalctl -u app.service");
}

const Situation unaccepted{18, "not_accepted", [] {
                             Evidence evidence = waiting(1, 5);
                             evidence.probe->accepted = false;
                             return evidence;
                           }};

TEST(explain_server, not_accepted_while_others_wait) {
  EXPECT_EQ(unaccepted.first().certainty, Certainty::possible);
  EXPECT_EQ(unaccepted.diagnosis().state, State::stuck);
  Evidence alone = waiting(0, 5);
  alone.probe->accepted = false;
  EXPECT_EQ(net::explain(alone).state, State::healthy);
  EXPECT_NE(find(net::explain(alone).also, "not_accepted"), nullptr);
}

TEST(explain_server, a_queue_that_is_not_known_is_not_empty) {
  Evidence evidence = served_at(path);
  evidence.sockets.front().has_queue = false;
  EXPECT_TRUE(net::explain(evidence).summary.ends_with("queue unknown"));
}

TEST(explain_server, only_a_full_list_shows_another_network_namespace) {
  Evidence evidence = served_at(path);
  evidence.sockets.clear();
  EXPECT_NE(find(net::explain(evidence).also, "listens_in_other_network_namespace"), nullptr);
  evidence.compared_by_file = false;
  EXPECT_EQ(find(net::explain(evidence).also, "listens_in_other_network_namespace"), nullptr);
}

const Situation gone{19, "waiting_clients_gone", [] {
                       Evidence evidence = waiting(4, 5);
                       evidence.sockets.front().waiting_gone = 3;
                       return evidence;
                     }};

TEST(explain_server, waiting_clients_gone_before_they_were_accepted) {
  EXPECT_TRUE(gone.odd().sentence.starts_with("3 of 4 waiting clients closed before"));
}

const Situation read_only{29, "read_only_mount", [] {
                            Evidence evidence = served_at(path);
                            evidence.steps.back().mount->read_only = true;
                            return evidence;
                          }};

TEST(explain_server, read_only_mount_does_not_prevent_connecting) {
  EXPECT_TRUE(read_only.odd().fix.empty());
  EXPECT_EQ(read_only.diagnosis().state, State::healthy);
}

const Situation closed{30, "turned_away", [] {
                         Evidence evidence = served_at(path);
                         evidence.probe->ending = net::Probe::Ending::closed;
                         return evidence;
                       }};
const Situation reset{31, "connection_reset", [] {
                        Evidence evidence = served_at(path);
                        evidence.probe->ending = net::Probe::Ending::reset;
                        return evidence;
                      }};

TEST(explain_server, turned_away_at_once) {
  EXPECT_EQ(closed.first().certainty, Certainty::likely);
  EXPECT_EQ(closed.first().fix,
            "see journalctl -u app.service; a Hallway server allows it with --allow uid:33");
}

TEST(explain_server, connection_reset_by_the_server) {
  EXPECT_EQ(reset.diagnosis().state, State::wrong);
  EXPECT_EQ(reset.first().fix, "see journalctl -u app.service");
}

const Situation squatter{32, "unexpected_server", [] {
                           Evidence evidence = served_at("/tmp/app.sock");
                           step(evidence, "/tmp").mode = 01777;
                           evidence.unit.emplace().service = "app.service";
                           evidence.unit->service_uid = 1234;
                           return evidence;
                         }};
const Situation open_to_all{32, "world_writable_socket", [] {
                              Evidence evidence = served_at("/tmp/app.sock");
                              step(evidence, "/tmp").mode = 01777;
                              return evidence;
                            }};

TEST(explain_server, unexpected_server_in_a_directory_of_everybody) {
  EXPECT_EQ(squatter.odd().certainty, Certainty::likely);
  EXPECT_TRUE(squatter.odd().sentence.contains("runs as uid 1234"));
}

TEST(explain_server, world_writable_socket_in_a_directory_of_everybody) {
  EXPECT_TRUE(open_to_all.odd().sentence.contains("(0666)"));
}

const Situation second{33, "two_servers", [] {
                         Evidence evidence = served_at(path);
                         SocketEntry older = listening_socket(path);
                         older.inode = 5;
                         older.holders.front().pid = 4000;
                         evidence.elsewhere = {older};
                         evidence.steps.back().age = std::chrono::minutes(10);
                         return evidence;
                       }};

TEST(explain_server, two_servers_have_bound_the_name) {
  EXPECT_TRUE(second.odd().sentence.contains("app[4000] also listens"));
  EXPECT_TRUE(second.odd().sentence.contains("it lost the name 10 min ago"));
}

const Situation no_pid{44, "peer_not_identified", [] {
                         Evidence evidence = served_at(path);
                         evidence.probe->listener->pid = 0;
                         return evidence;
                       }};

TEST(explain_server, peer_not_identified_across_pid_namespaces) {
  EXPECT_TRUE(no_pid.odd().sentence.contains("pid namespace"));
}

const Situation datagram{66, "datagram_peer_fixed", [] {
                           Evidence evidence = file_at(path);
                           evidence.sockets = {listening_socket(path)};
                           evidence.sockets.front().type = SocketType::datagram;
                           evidence.sockets.front().state = net::SocketState::bound;
                           evidence.sockets.front().connected_to = 42;
                           return evidence;
                         }};

TEST(explain_server, datagram_peer_fixed_to_another_socket) {
  EXPECT_TRUE(datagram.first().sentence.contains("is connected to another socket"));
}

const Situation inexplicable{0, "unexplained", [] { return refused_at(path, ENOMEM); }};
const Situation nameless{0, "no_name", [] { return nothing_at("exec:cat"); }};

TEST(explain_server, unexplained_errors_are_said_to_be_so) {
  EXPECT_EQ(inexplicable.first().certainty, Certainty::possible);
  EXPECT_TRUE(inexplicable.first().sentence.contains("(ENOMEM)"));
}

TEST(explain_server, no_name_that_another_program_could_reach) {
  EXPECT_EQ(nameless.diagnosis().state, State::wrong);
  EXPECT_FALSE(nameless.first().fix.empty());
}

}  // namespace
}  // namespace hallway::test::server_situations
