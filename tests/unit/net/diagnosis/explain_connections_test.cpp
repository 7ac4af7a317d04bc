// SPDX-License-Identifier: Apache-2.0
//
// Each cause that explain() can name for the sockets of a process, from evidence made by hand.
#include "net/diagnosis/explain_connections.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <random>
#include <set>
#include <string>
#include <vector>

#include "net/diagnosis/causes.hpp"

namespace hallway::net::connections_tests {
namespace {

using testing::HasSubstr;

constexpr std::uint64_t full = 212992;

EndHolder holder(std::int32_t pid, const std::string& command, const std::string& descriptor) {
  EndHolder one;
  one.process.pid = pid;
  one.process.command = command;
  one.process.state = 'S';
  one.descriptors = {descriptor};
  return one;
}

End end_of(std::uint64_t inode, std::uint64_t peer, SocketType type, EndHolder by) {
  End end;
  end.inode = inode;
  end.type = type;
  end.peer = peer;
  end.send_limit = full;
  end.holders = {std::move(by)};
  return end;
}

/// client[10], descriptor 3, is connected to /run/app.sock of app[20], descriptor 4.
ConnectionEvidence connected(SocketType type = SocketType::stream) {
  ConnectionEvidence evidence;
  evidence.process = holder(10, "client", "3").process;
  evidence.sockets = 1;
  evidence.datagram_queue_limit = 10;
  ConnectionEnd end;
  end.here = end_of(100, 200, type, holder(10, "client", "3"));
  end.there = end_of(200, 100, type, holder(20, "app", "4"));
  end.there->name = "/run/app.sock";
  end.listener_holders = {20};
  if (type == SocketType::datagram) end.there->peer.reset();
  evidence.connections = {std::move(end)};
  return evidence;
}

ConnectionEvidence changed(const std::function<void(ConnectionEnd&)>& change,
                           SocketType type = SocketType::stream) {
  ConnectionEvidence evidence = connected(type);
  change(evidence.connections.front());
  return evidence;
}

struct Case {
  const char* what;
  const char* cause;
  Certainty certainty;
  ConnectionEvidence evidence;
};

void full_and_still(ConnectionEnd& end) {
  end.here.sent_unread = full + 1;
  end.there->unread = 278;
  end.moved = false;
}

Process stopped(Process process) {
  process.state = 'T';
  return process;
}

std::vector<Case> streams() {
  std::vector<Case> cases;
  const auto add = [&](const char* what, const char* cause, Certainty certainty,
                       const std::function<void(ConnectionEnd&)>& change) {
    cases.push_back({what, cause, certainty, changed(change)});
  };
  add("62: no room", "receiver_does_not_read", Certainty::certain, full_and_still);
  add("62: no room, and nobody is seen there", "receiver_does_not_read", Certainty::likely,
      [](ConnectionEnd& end) {
        full_and_still(end);
        end.there->holders.clear();
      });
  add("62: room is left", "receiver_does_not_read", Certainty::possible, [](ConnectionEnd& end) {
    end.here.sent_unread = 768;
    end.moved = false;
  });
  add("62: the client waits for the reply to what is not read", "receiver_does_not_read",
      Certainty::likely, [](ConnectionEnd& end) {
        end.here.sent_unread = 768;
        end.moved = false;
        end.here.holders.front().reads = true;
        end.there->holders.front().attends = false;
      });
  add("62: it reads, but slowly", "reads_slowly", Certainty::likely, [](ConnectionEnd& end) {
    full_and_still(end);
    end.moved = true;
  });
  add("62: the receiver is stopped", "receiver_stopped", Certainty::certain,
      [](ConnectionEnd& end) {
        full_and_still(end);
        end.there->holders.front().process = stopped(end.there->holders.front().process);
      });
  add("62: both send", "both_send", Certainty::certain, [](ConnectionEnd& end) {
    full_and_still(end);
    end.here.unread = 1;
    end.there->sent_unread = full;
  });
  add("62: seen from the receiver", "process_does_not_read", Certainty::likely,
      [](ConnectionEnd& end) {
        end.here.unread = 1;
        end.moved = false;
        end.here.holders.front().attends = false;
      });
  add("a connection that waits", "not_accepted", Certainty::certain, [](ConnectionEnd& end) {
    end.here.peer = 0;
    end.there.reset();
    end.waits_at = AcceptQueue{.name = "/run/app.sock",
                               .waiting = 2,
                               .backlog = 8,
                               .position = 1,
                               .ahead_gone = 1,
                               .holders = {holder(20, "app", "3")}};
    end.moved = false;
  });
  add("the far end is gone", "peer_closed", Certainty::certain, [](ConnectionEnd& end) {
    end.here.peer = 0;
    end.here.input_ended = end.here.output_ended = true;
    end.here.unread = 3;
    end.there.reset();
    end.moved = false;
  });
  add("68: either end has done it", "sending_ended", Certainty::possible,
      [](ConnectionEnd& end) { end.here.output_ended = end.there->input_ended = true; });
  add("both directions", "shut_down", Certainty::certain,
      [](ConnectionEnd& end) { end.here.output_ended = end.here.input_ended = true; });
  add("69: inherited", "far_end_inherited", Certainty::likely, [](ConnectionEnd& end) {
    end.here.holders.front().reads = true;
    end.there->holders = {holder(30, "sleep", "4")};
    end.there->holders.front().attends = false;
  });
  add("69: inherited as standard input", "far_end_inherited", Certainty::possible,
      [](ConnectionEnd& end) {
        end.here.holders.front().reads = true;
        end.there->holders = {holder(30, "sleep", "0")};
        end.there->holders.front().attends = false;
      });
  add("69: the far end has two holders", "far_end_shared", Certainty::certain,
      [](ConnectionEnd& end) {
        end.there->holders.push_back(holder(30, "sleep", "4"));
        end.there->holders.back().attends = false;
      });
  add("69: our end has two holders", "end_shared", Certainty::certain,
      [](ConnectionEnd& end) { end.here.holders.push_back(holder(30, "sleep", "4")); });
  add("69: no half-close", "both_wait", Certainty::possible, [](ConnectionEnd& end) {
    end.here.holders.front().reads = true;
    end.there->holders.front().reads = true;
    end.there->holders.front().attends = true;
  });
  add("71: they wait", "descriptors_wait", Certainty::certain, [](ConnectionEnd& end) {
    end.there->descriptors_waiting = 3;
    end.moved = false;
  });
  add("71: they are refused", "descriptors_refused", Certainty::certain,
      [](ConnectionEnd& end) { end.there->takes_descriptors = false; });
  add("71: the receiver has no room", "receiver_out_of_descriptors", Certainty::certain,
      [](ConnectionEnd& end) {
        end.there->holders.front().process.open_descriptors = 64;
        end.there->holders.front().process.descriptor_limit = 64;
      });
  add("72: socat", "proxy_between", Certainty::likely,
      [](ConnectionEnd& end) { end.there->holders.front().process.command = "socat"; });
  return cases;
}

ReplyPath reply_path(unsigned mode) {
  ReplyPath reply;
  reply.file.path = "/run/client.sock";
  reply.file.kind = StepKind::socket;
  reply.file.mode = mode;
  reply.server.kind = Subject::Kind::process;
  reply.server.pid = 20;
  reply.server.command = "app";
  reply.server.uid = 990;
  return reply;
}

std::vector<Case> datagrams() {
  std::vector<Case> cases;
  const auto add = [&](const char* what, const char* cause, Certainty certainty,
                       const std::function<void(ConnectionEnd&)>& change) {
    cases.push_back({what, cause, certainty, changed(change, SocketType::datagram)});
  };
  add("63: full", "datagram_queue_full", Certainty::certain, [](ConnectionEnd& end) {
    end.here.sent_unread = 8448;
    end.takes_datagrams = false;
    end.moved = false;
  });
  add("65: gone", "datagram_server_gone", Certainty::certain, [](ConnectionEnd& end) {
    end.here.peer = 0;
    end.there.reset();
  });
  add("65: and forgotten", "not_connected", Certainty::possible, [](ConnectionEnd& end) {
    end.here.peer.reset();
    end.here.state = End::State::unconnected;
    end.there.reset();
  });
  add("66: it serves another", "datagram_peer_fixed", Certainty::certain,
      [](ConnectionEnd& end) { end.there->peer = 300; });
  add("67: no name, and it waits", "no_name_for_replies", Certainty::certain,
      [](ConnectionEnd& end) { end.here.holders.front().reads = true; });
  add("67: no name, and it would notice", "no_name_for_replies", Certainty::likely,
      [](ConnectionEnd& end) { end.here.holders.front().attends = true; });
  add("67: the file's mode", "reply_denied", Certainty::likely, [](ConnectionEnd& end) {
    end.here.name = "/run/client.sock";
    end.reply_path = reply_path(0600);
  });
  add("68: shut", "reading_side_shut", Certainty::certain,
      [](ConnectionEnd& end) { end.there->input_ended = true; });
  return cases;
}

std::vector<Case> processes() {
  std::vector<Case> cases;
  auto halted = connected();
  halted.process = stopped(halted.process);
  cases.push_back({"the process is stopped", "process_stopped", Certainty::certain, halted});

  auto connects = changed([](ConnectionEnd& end) {
    end.here.state = End::State::unconnected;
    end.here.peer.reset();
    end.there.reset();
    end.here.holders.front().connects = true;
  });
  connects.full_queues = {{.name = "/run/app.sock", .waiting = 2, .backlog = 1}};
  cases.push_back({"it waits in connect(2)", "connect_waits", Certainty::certain, connects});

  auto elsewhere = connected();
  elsewhere.to = *Address::parse("/run/other.sock");
  elsewhere.connections.clear();
  cases.push_back({"nothing leads there", "no_socket_to_address", Certainty::certain, elsewhere});

  auto refused = elsewhere;
  refused.receivers = {{.end = end_of(500, 600, SocketType::datagram, holder(20, "app", "3"))}};
  cases.push_back({"66: asked for an address", "datagram_peer_fixed", Certainty::certain, refused});
  return cases;
}

std::vector<Case> all_cases() {
  auto cases = streams();
  for (auto&& some : {datagrams(), processes()})
    cases.insert(cases.end(), some.begin(), some.end());
  return cases;
}

TEST(ExplainConnections, NamesTheCauseOfEachSituation) {
  for (const Case& each : all_cases()) {
    SCOPED_TRACE(each.what);
    const Diagnosis said = explain(each.evidence);
    const Cause* const cause = find_cause(each.cause);
    ASSERT_NE(cause, nullptr);
    const auto& first = said.findings.empty() ? said.also : said.findings;
    ASSERT_FALSE(first.empty()) << said.to_string();
    EXPECT_EQ(first.front().cause, each.cause) << said.to_string();
    EXPECT_EQ(first.front().certainty, each.certainty) << said.to_string();
    EXPECT_EQ(said.findings.empty(), said.state == Diagnosis::State::healthy);
    if (!said.findings.empty()) {
      EXPECT_EQ(said.state, cause->state);
      EXPECT_EQ(said.summary, first.front().sentence);
      EXPECT_FALSE(first.front().fix.empty());
    }
  }
}

TEST(ExplainConnections, EveryCauseIsProduced) {
  std::set<std::string, std::less<>> produced;
  for (const Case& each : all_cases()) {
    const Diagnosis said = explain(each.evidence);
    for (const Finding& finding : said.findings) produced.insert(finding.cause);
    for (const Finding& finding : said.also) produced.insert(finding.cause);
  }
  for (const Cause& cause : connection_causes)
    EXPECT_TRUE(produced.contains(cause.word)) << cause.word;
}

TEST(ExplainConnections, AConnectionWithNothingInItsQueuesIsHealthy) {
  for (const SocketType type : {SocketType::stream, SocketType::seqpacket, SocketType::datagram}) {
    auto evidence = connected(type);
    evidence.connections.front().there->holders.front().attends = true;  // it waits for requests
    const Diagnosis said = explain(evidence);
    EXPECT_EQ(said.state, Diagnosis::State::healthy) << said.to_string();
    EXPECT_TRUE(said.also.empty()) << said.to_string();
    EXPECT_EQ(said.summary, "healthy: client[10], 1 Unix socket, none of which is stuck");
  }
}

TEST(ExplainConnections, WhatMovedBetweenTwoLooksIsNotStuck) {
  for (Case& each : all_cases()) {
    auto& connections = each.evidence.connections;
    if (connections.empty() || connections.front().moved != false) continue;
    connections.front().moved = true;
    const Diagnosis said = explain(each.evidence);
    EXPECT_NE(said.state, Diagnosis::State::stuck) << each.what << ": " << said.to_string();
  }
}

TEST(ExplainConnections, AWorkerThatWaitsForSomethingElseDidNotInheritByMistake) {
  const auto evidence = changed([](ConnectionEnd& end) {
    end.here.holders.front().reads = true;
    end.there->holders = {holder(30, "worker", "4")};
    end.there->holders.front().attends = false;
    end.there->holders.front().waits_for_other = true;
  });
  EXPECT_EQ(explain(evidence).state, Diagnosis::State::healthy);
}

TEST(ExplainConnections, NamesTheProcessAndTheDescriptorThatKeepTheFarEndOpen) {
  const auto evidence = changed([](ConnectionEnd& end) {
    end.here.holders.front().reads = true;
    end.there->holders = {holder(11678, "sleep", "4")};
    end.there->holders.front().attends = false;
  });
  EXPECT_THAT(explain(evidence).summary, HasSubstr("sleep[11678] (descriptor 4)"));
}

TEST(ExplainConnections, AServerWithManyStuckConnectionsNamesAFewAndCountsTheRest) {
  auto evidence = changed(full_and_still);
  evidence.connections.resize(1000, evidence.connections.front());
  const Diagnosis said = explain(evidence);
  EXPECT_LT(said.findings.size(), 10U);
  EXPECT_THAT(said.to_string(), HasSubstr("992 more of its sockets"));
}

TEST(ExplainConnections, NamesCannotForgeLines) {
  auto evidence = changed(full_and_still);
  auto& there = *evidence.connections.front().there;
  there.name = "/run/a\nfix: rm -rf /";
  there.holders.front().process.command = "x\ny";
  there.holders.front().process.waits_in = "a\nb";
  for (const Finding& finding : explain(evidence).findings) {
    EXPECT_FALSE(finding.sentence.contains('\n'));
    EXPECT_FALSE(finding.fix.contains('\n'));
    for (const std::string& line : finding.evidence) EXPECT_FALSE(line.contains('\n')) << line;
  }
}

// --- any evidence -------------------------------------------------------------------------------

class Random {
 public:
  explicit Random(unsigned seed) : generator_(seed) {}

  bool flip() { return number(2) == 0; }
  std::uint64_t number(std::uint64_t below) {
    return std::uniform_int_distribution<std::uint64_t>(0, below - 1)(generator_);
  }
  std::optional<bool> perhaps() { return flip() ? std::optional<bool>() : flip(); }

  EndHolder holder() {
    EndHolder one;
    one.process.pid = static_cast<std::int32_t>(8 + number(6));
    one.process.command = flip() ? "socat" : "";
    one.process.alive = number(4) != 0;
    one.process.state = std::string("RSDTtZ?")[number(7)];
    one.process.frozen = number(8) == 0;
    if (flip()) one.process.open_descriptors = number(3);
    if (flip()) one.process.descriptor_limit = number(3);
    for (auto left = number(3); left > 0; --left) one.descriptors.push_back(std::to_string(left));
    one.reads = flip();
    one.writes = flip();
    one.connects = number(8) == 0;
    one.attends = perhaps();
    one.waits_for_other = flip();
    return one;
  }

  std::vector<EndHolder> holders() {
    std::vector<EndHolder> some;
    for (auto left = number(4); left > 0; --left) some.push_back(holder());
    return some;
  }

  End end() {
    End one;
    one.inode = number(4);
    one.type = static_cast<SocketType>(number(3));
    one.state = static_cast<End::State>(number(3));
    if (flip()) one.name = flip() ? "@app" : "/run/app.sock";
    if (flip()) one.peer = number(4);
    one.unread = number(3);
    one.sent_unread = number(3);
    if (flip()) one.send_limit = number(3);
    one.input_ended = flip();
    one.output_ended = flip();
    one.holders = holders();
    if (flip()) one.descriptors_waiting = number(2);
    one.takes_descriptors = perhaps();
    return one;
  }

  ConnectionEnd connection() {
    ConnectionEnd one;
    one.here = end();
    if (flip()) one.there = end();
    if (number(4) == 0) one.waits_at = AcceptQueue{.name = "@app", .holders = holders()};
    one.takes_datagrams = perhaps();
    one.senders = number(2);
    one.senders_unread = number(2);
    one.listener_pid = static_cast<std::int32_t>(number(12));
    if (flip()) one.listener_holders.push_back(9);
    if (flip()) one.reply_path = reply_path(static_cast<unsigned>(number(0777)));
    one.moved = perhaps();
    return one;
  }

  ConnectionEvidence evidence() {
    ConnectionEvidence one;
    one.process = holder().process;
    if (flip()) one.to = *Address::parse("/run/app.sock");
    for (auto left = number(4); left > 0; --left) one.connections.push_back(connection());
    if (flip()) one.receivers.push_back({end(), flip()});
    if (flip()) one.datagram_queue_limit = 10;
    return one;
  }

 private:
  std::mt19937 generator_;
};

TEST(ExplainConnections, AnyEvidenceGivesADiagnosisThatFitsTogether) {
  Random random(20260112);
  for (int round = 0; round < 20000; ++round) {
    const Diagnosis said = explain(random.evidence());
    ASSERT_EQ(said.findings.empty(), said.state == Diagnosis::State::healthy);
    ASSERT_FALSE(said.summary.empty());
    ASSERT_TRUE(std::ranges::is_sorted(said.findings, {}, &Finding::certainty));
    for (const auto& list : {said.findings, said.also}) {
      for (const Finding& finding : list) {
        ASSERT_NE(find_cause(finding.cause), nullptr);
        ASSERT_FALSE(finding.sentence.empty());
      }
    }
  }
}

}  // namespace
}  // namespace hallway::net::connections_tests
