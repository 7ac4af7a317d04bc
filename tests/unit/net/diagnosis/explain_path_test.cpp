// SPDX-License-Identifier: Apache-2.0
//
// A name that is missing, and the names on the way to it.
#include <cerrno>

#include "evidence_for_tests.hpp"

namespace hallway::test::path_situations {
namespace {

using Why = net::SimilarName::Why;
using State = Diagnosis::State;

Evidence similar_to(std::string_view text, std::string name, Why why, bool alive = true) {
  Evidence evidence = nothing_at(text);
  evidence.similar = {{std::move(name), why, alive}};
  return evidence;
}

const Situation no_file{1, "nothing_there", [] {
                          Evidence evidence = nothing_at("/run/app/app.sock");
                          evidence.similar = {{"/run/app/admin.sock", Why::nearby, true},
                                              {"/run/app/old.sock", Why::nearby, false}};
                          return evidence;
                        }};

TEST(explain_path, nothing_there_if_no_file_has_the_name) {
  const Finding finding = no_file.first();
  EXPECT_EQ(no_file.diagnosis().state, State::unreachable);
  EXPECT_EQ(finding.certainty, Certainty::certain);
  EXPECT_EQ(finding.sentence, "/run/app/app.sock does not exist");
  EXPECT_TRUE(contains(finding.evidence, "/run/app/admin.sock"));
  EXPECT_FALSE(contains(finding.evidence, "old.sock")) << "it is dead";
}

const Situation no_abstract_name{1, "nothing_there", [] {
                                   Evidence evidence = nothing_at("@app");
                                   evidence.probe.emplace().error = ECONNREFUSED;
                                   return evidence;
                                 }};

TEST(explain_path, nothing_there_if_no_socket_has_the_abstract_name) {
  EXPECT_EQ(no_abstract_name.first().sentence, "nothing is bound to @app");
}

const Situation no_directory{2, "directory_missing", [] {
                               Evidence evidence = nothing_at("/run/app/app.sock");
                               evidence.steps.pop_back();
                               evidence.steps.back().kind = StepKind::missing;
                               return evidence;
                             }};

TEST(explain_path, directory_missing_on_the_way) {
  const Finding finding = no_directory.first();
  EXPECT_EQ(finding.sentence, "the directory /run/app does not exist");
  EXPECT_EQ(finding.fix, "mkdir /run/app, or RuntimeDirectory=app in the server's unit");
}

const Situation file_on_the_way{3, "path_through_file", [] {
                                  Evidence evidence = nothing_at("/run/app/app.sock");
                                  step(evidence, "/run/app").kind = StepKind::regular;
                                  evidence.steps.back().kind = StepKind::unknown;
                                  evidence.steps.back().error = ENOTDIR;
                                  return evidence;
                                }};

TEST(explain_path, path_through_file_that_is_not_a_directory) {
  EXPECT_TRUE(file_on_the_way.first().sentence.contains("/run/app, which is a regular file"));
  EXPECT_EQ(file_on_the_way.diagnosis().state, State::wrong);
}

PathStep link(std::string path, std::string target) {
  PathStep step = directory(std::move(path), 0777);
  step.kind = StepKind::symlink;
  step.target = std::move(target);
  return step;
}

const Situation dangling{4, "dangling_symlink", [] {
                           Evidence evidence = nothing_at("/run/app.sock");
                           PathStep own = link("/run/app.sock", "/srv/app.sock");
                           own.last = true;
                           evidence.steps.back() = own;
                           evidence.steps.push_back(directory("/"));
                           evidence.steps.push_back(directory("/srv"));
                           PathStep last;
                           last.path = "/srv/app.sock";
                           last.kind = StepKind::missing;
                           last.last = true;
                           evidence.steps.push_back(last);
                           return evidence;
                         }};

TEST(explain_path, dangling_symlink_leads_to_a_missing_name) {
  const Finding finding = dangling.first();
  EXPECT_EQ(finding.certainty, Certainty::certain);
  EXPECT_TRUE(finding.sentence.contains("the link /run/app.sock leads to /srv/app.sock"));
}

TEST(explain_path, a_link_to_a_directory_that_is_there_does_not_dangle) {
  Evidence evidence = nothing_at("/var/run/app.sock");
  step(evidence, "/var/run") = link("/var/run", "/run");
  evidence.steps.insert(evidence.steps.end() - 1, directory("/run"));
  evidence.steps.back().path = "/run/app.sock";
  EXPECT_EQ(net::explain(evidence).findings.front().cause, "nothing_there");
}

const Situation looping{4, "symlink_loop", [] {
                          Evidence evidence = nothing_at("/run/app.sock");
                          evidence.steps.back() = link("/run/app.sock", "app.sock");
                          evidence.steps.back().error = ELOOP;
                          return evidence;
                        }};

TEST(explain_path, symlink_loop_of_a_link_to_itself) {
  EXPECT_TRUE(contains(looping.first().evidence, "/run/app.sock leads to app.sock"));
}

/// app's link /tmp/app.sock, to a server that everybody may connect to.
Evidence linked_in_tmp() {
  Evidence evidence = file_at("/tmp/app.sock");
  step(evidence, "/tmp").mode = 01777;
  PathStep own = owned_by_app(link("/tmp/app.sock", "/srv/app.sock"), 0777);
  own.last = true;
  PathStep last = evidence.steps.back();
  last.path = "/srv/app.sock";
  evidence.steps.back() = own;
  evidence.steps.push_back(directory("/"));
  evidence.steps.push_back(directory("/srv"));
  evidence.steps.push_back(last);
  return evidence;
}

const Situation not_followed{4, "symlink_not_followed", [] {
                               Evidence evidence = linked_in_tmp();
                               step(evidence, "/tmp/app.sock").mount->options = {"rw",
                                                                                 "nosymfollow"};
                               return evidence;
                             }};

TEST(explain_path, symlink_not_followed_on_a_mount_that_forbids_it) {
  const Finding finding = not_followed.first();
  EXPECT_EQ(not_followed.diagnosis().state, State::wrong);
  EXPECT_TRUE(finding.sentence.contains("/run is mounted with nosymfollow")) << finding.sentence;
  EXPECT_TRUE(finding.fix.contains("/srv/app.sock")) << finding.fix;
}

const Situation not_of_ours{4, "symlink_protected", [] {
                              Evidence evidence = linked_in_tmp();
                              evidence.protects_symlinks = true;
                              return evidence;
                            }};

TEST(explain_path, symlink_protected_in_a_directory_like_tmp) {
  const Finding finding = not_of_ours.first();
  EXPECT_EQ(not_of_ours.diagnosis().state, State::denied);
  EXPECT_EQ(
      finding.sentence,
      "the symbolic link /tmp/app.sock of app is not followed for www-data: all users may make "
      "links in /tmp, and fs.protected_symlinks is on");
}

TEST(explain_path, symlink_protected_only_for_others_where_all_may_write) {
  const auto stops = [](auto change) {
    Evidence evidence = linked_in_tmp();
    evidence.protects_symlinks = true;
    change(evidence);
    return net::explain(evidence).findings.front().cause == "symlink_protected";
  };
  EXPECT_TRUE(stops([](Evidence& evidence) { evidence.subject.uid = 0; }))
      << "root is no exception";
  EXPECT_FALSE(stops([](Evidence& evidence) { evidence.protects_symlinks = false; }));
  EXPECT_FALSE(stops([](Evidence& evidence) { evidence.subject.uid = app; }));
  EXPECT_FALSE(stops([](Evidence& evidence) { step(evidence, "/tmp").owner = app; }));
  EXPECT_FALSE(stops([](Evidence& evidence) { step(evidence, "/tmp").mode = 0777; }));
  EXPECT_FALSE(stops([](Evidence& evidence) { step(evidence, "/tmp/app.sock").last = false; }));
}

const Situation blank{5, "misspelt_name", [] {
                        return similar_to("/run/proxysql.sock", "/run/proxysql.sock ", Why::blank);
                      }};
const Situation lookalike{
    5, "misspelt_name",
    [] { return similar_to("/run/app.sock", "/run/\xd0\xb0pp.sock", Why::lookalike); }};
const Situation typing_error{
    5, "misspelt_name",
    [] { return similar_to("/run/app.sock", "/run/ap.sock", Why::typing_error); }};
const Situation letter_case{5, "misspelt_name", [] {
                              return similar_to("/run/app.sock", "/run/App.sock", Why::letter_case);
                            }};

TEST(explain_path, misspelt_name_with_a_blank_at_its_end) {
  const Finding finding = blank.first();
  EXPECT_EQ(finding.certainty, Certainty::likely);
  EXPECT_TRUE(finding.sentence.contains("\"/run/proxysql.sock \"")) << finding.sentence;
}

TEST(explain_path, misspelt_name_in_letters_that_look_alike_is_shown_in_bytes) {
  EXPECT_TRUE(lookalike.first().sentence.contains("$'/run/\\xd0\\xb0pp.sock'"));
}

TEST(explain_path, misspelt_name_by_a_letter_is_only_possible) {
  EXPECT_EQ(typing_error.first().certainty, Certainty::possible);
  EXPECT_EQ(letter_case.first().certainty, Certainty::likely);
}

const Situation variable{6, "unexpanded_variable",
                         [] { return nothing_at("$XDG_RUNTIME_DIR/app.sock"); }};

TEST(explain_path, unexpanded_variable_in_the_path) {
  EXPECT_TRUE(variable.first().sentence.contains("no shell replaced it"));
}

const Situation other_directory{6, "other_working_directory", [] {
                                  Evidence evidence = nothing_at("app.sock");
                                  evidence.subject.working_directory = "/home/me";
                                  SocketEntry socket = listening_socket("app.sock");
                                  socket.holders.front().working_directory = "/srv";
                                  evidence.elsewhere = {socket};
                                  return evidence;
                                }};

TEST(explain_path, other_working_directory_of_a_relative_name) {
  const Finding finding = other_directory.first();
  EXPECT_EQ(finding.certainty, Certainty::likely);
  EXPECT_TRUE(finding.sentence.contains("/srv"));
  EXPECT_TRUE(finding.sentence.contains("/home/me"));
}

const Situation is_abstract{7, "path_or_abstract",
                            [] { return similar_to("/run/app", "@/run/app", Why::other_form); }};
const Situation is_path{7, "path_or_abstract",
                        [] { return similar_to("@app", "app", Why::other_form); }};

TEST(explain_path, path_or_abstract_name_meant_as_the_other) {
  EXPECT_EQ(is_abstract.first().fix, "connect to abstract:/run/app");
  EXPECT_EQ(is_path.first().fix, "connect to ./app");
}

const Situation padded{8, "padded_abstract_name",
                       [] { return similar_to("@app", "@app@@@", Why::padded); }};

TEST(explain_path, a_nul_byte_in_an_abstract_name_is_not_an_at_sign) {
  Evidence evidence = nothing_at("@ab@c");
  evidence.similar = {{.name = {"@ab\0c", 5}, .why = Why::lookalike, .alive = true}};
  const Finding finding = net::explain(evidence).findings.front();
  EXPECT_EQ(finding.cause, "misspelt_name");
  EXPECT_TRUE(finding.sentence.contains("@ab\\x00c"));
  EXPECT_FALSE(finding.fix.contains("connect to"));
}

TEST(explain_path, a_directory_to_which_dots_lead_back_is_searched_once) {
  Evidence evidence = served_at("/run/app/app.sock");
  evidence.probe.reset();
  step(evidence, "/run/app").mode = 0700;
  const auto again = step(evidence, "/run/app");
  evidence.steps.insert(evidence.steps.end() - 1, again);
  const Diagnosis diagnosis = net::explain(evidence);
  EXPECT_EQ(std::ranges::count(diagnosis.findings, "no_permission_on_directory", &Finding::cause),
            1);
}

TEST(explain_path, padded_abstract_name_of_the_server) {
  EXPECT_EQ(padded.first().certainty, Certainty::certain);
}

const Situation cut_off{9, "path_cut_off", [] {
                          const std::string path = "/run/" + std::string(120, 'a');
                          return similar_to(path, path.substr(0, 107), Why::cut_off);
                        }};
const Situation long_path{9, "path_too_long_for_others",
                          [] { return served_at("/run/" + std::string(120, 'a')); }};

TEST(explain_path, path_cut_off_after_107_bytes) { EXPECT_FALSE(cut_off.first().fix.empty()); }

TEST(explain_path, path_too_long_for_others_stops_nothing_here) {
  EXPECT_TRUE(long_path.odd().sentence.contains("125 bytes"));
  EXPECT_EQ(long_path.diagnosis().state, State::healthy);
}

const Situation long_name{9, "name_too_long", [] {
                            Evidence evidence = nothing_at("/run/app.sock");
                            evidence.steps.back().kind = StepKind::unknown;
                            evidence.steps.back().error = ENAMETOOLONG;
                            return evidence;
                          }};

TEST(explain_path, name_too_long_for_the_file_system) {
  EXPECT_FALSE(long_name.first().fix.empty());
}

const Situation renamed{35, "renamed",
                        [] { return similar_to("/run/app.sock", "/run/it's.sock", Why::renamed); }};

TEST(explain_path, renamed_socket_is_named_and_quoted) {
  EXPECT_EQ(renamed.first().fix,
            "connect to /run/it's.sock, or rename it back: mv '/run/it'\\''s.sock' /run/app.sock");
}

const Situation no_directory_left{59, "working_directory_removed", [] {
                                    Evidence evidence = nothing_at("app.sock");
                                    evidence.for_bind = true;
                                    evidence.subject.working_directory_removed = true;
                                    PathStep gone = evidence.steps.back();
                                    gone.last = false;
                                    gone.path = ".";
                                    evidence.steps = {gone};
                                    return evidence;
                                  }};

TEST(explain_path, working_directory_removed_below_the_server) {
  EXPECT_EQ(no_directory_left.first().certainty, Certainty::certain);
  EXPECT_EQ(no_directory_left.diagnosis().state, State::wrong);
}

TEST(explain_path, a_path_can_be_longer_than_the_kernel_accepts) {
  const Diagnosis diagnosis = net::explain(file_at("/" + std::string(5000, 'a')));
  EXPECT_EQ(diagnosis.findings.front().cause, "name_too_long");
  EXPECT_EQ(diagnosis.findings.front().certainty, Certainty::certain);
}

}  // namespace
}  // namespace hallway::test::path_situations
