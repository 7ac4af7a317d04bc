// SPDX-License-Identifier: Apache-2.0
//
// The text of a diagnosis, the table of causes, and evidence that makes no sense.
#include <array>
#include <cerrno>
#include <optional>
#include <random>
#include <set>

#include <hallway/bytes.hpp>

#include "evidence_for_tests.hpp"
#include "net/diagnosis/causes.hpp"
#include "net/diagnosis/words.hpp"

namespace hallway::test::to_string_tests {
namespace {

using State = Diagnosis::State;

TEST(diagnosis_text, is_read_in_five_seconds) {
  Evidence evidence = served_at("/run/app/app.sock");
  evidence.subject.kind = net::Subject::Kind::user;
  PathStep& parent = step(evidence, "/run/app");
  parent = owned_by_app(parent, 0750);
  evidence.steps.back().mode = 0660;
  evidence.unseen = {"the descriptors of pid 4711 (it is of another user)"};
  EXPECT_EQ(net::explain(evidence).to_string(),
            "cannot connect: permission denied: www-data may not search /run/app; only app and "
            "group app may  (certain)\n"
            "  /run              root:root 0755   ok\n"
            "  /run/app          app:app   0750   www-data may not search it\n"
            "  /run/app/app.sock app:app   0660   would be the next obstacle: only app and group "
            "app may write\n"
            "  listening: app[4711], uid 990, app.service, since 3 d, 0 of 4096 waiting\n"
            "fix: usermod -aG app www-data, then restart the processes of www-data  (groups are "
            "read at start)\n"
            "then: permission denied: www-data may not write to /run/app/app.sock; only app and "
            "group app may  (certain)\n"
            "not seen: the descriptors of pid 4711 (it is of another user)");
}

TEST(diagnosis_text, certainty_stands_in_a_column) {
  Diagnosis diagnosis;
  diagnosis.summary = "cannot connect: short";
  diagnosis.findings = {{"stale_file", Certainty::likely, "short", {}, "do this"}};
  diagnosis.also = {{"two_servers", Certainty::possible, "odd", {"seen"}, "stop it"}};
  EXPECT_EQ(diagnosis.to_string(), "cannot connect: short" + std::string(53, ' ') +
                                       "(likely)\nfix: do this\n" + "also: odd" +
                                       std::string(65, ' ') + "(possible)\n  seen\n  fix: stop it");
}

TEST(diagnosis_text, states_and_certainties_have_words) {
  EXPECT_EQ(to_string(State::healthy), "healthy");
  EXPECT_EQ(to_string(State::unreachable), "unreachable");
  EXPECT_EQ(to_string(State::stuck), "stuck");
  EXPECT_EQ(to_string(State::denied), "denied");
  EXPECT_EQ(to_string(State::wrong), "wrong");
  EXPECT_EQ(to_string(Certainty::certain), "certain");
}

TEST(diagnosis_text, names_are_safe_for_a_terminal_and_for_a_shell) {
  EXPECT_EQ(net::shown("/run/a\x1b[2J"), "$'/run/a\\x1b[2J'");
  EXPECT_EQ(net::shown("a "), "\"a \"");
  EXPECT_EQ(net::shown("caf\xc3\xa9"), "caf\xc3\xa9");
  EXPECT_EQ(net::shown_in_ascii("caf\xc3\xa9"), "$'caf\\xc3\\xa9'");
  EXPECT_EQ(net::shell_quoted("/run/app.sock"), "/run/app.sock");
  EXPECT_EQ(net::shell_quoted("-a b"), "'./-a b'");
  EXPECT_EQ(net::shell_quoted("a\n'"), "$'a\\x0a\\''");
  EXPECT_EQ(net::shell_quoted(""), "''");
}

TEST(diagnosis_text, a_line_break_and_a_backslash_in_a_name_differ) {
  EXPECT_EQ(net::shown("a\nb"), "$'a\\x0ab'");
  EXPECT_EQ(net::shown("a\\x0ab"), "a\\x0ab");
  EXPECT_EQ(net::shown("a\\\n"), "$'a\\\\\\x0a'");
}

TEST(diagnosis_text, durations_have_the_unit_that_fits) {
  using std::chrono::seconds;
  EXPECT_EQ(net::words(seconds(8)), "8 s");
  EXPECT_EQ(net::words(seconds(600)), "10 min");
  EXPECT_EQ(net::words(seconds(7200)), "2 h");
  EXPECT_EQ(net::words(seconds(259200)), "3 d");
}

// --- the table of causes ------------------------------------------------------------------------

TEST(causes, each_is_what_a_situation_of_these_tests_has) {
  std::set<std::string_view> seen;
  for (const Situation* situation : Situation::all()) {
    const Diagnosis diagnosis = situation->diagnosis();
    const bool found = find(diagnosis.findings, situation->cause()) != nullptr ||
                       find(diagnosis.also, situation->cause()) != nullptr;
    EXPECT_TRUE(found) << situation->cause() << '\n' << diagnosis.to_string();
    if (found) seen.insert(situation->cause());
  }
  for (const net::Cause& cause : net::causes) EXPECT_TRUE(seen.contains(cause.word)) << cause.word;
}

TEST(causes, each_numbered_situation_has_a_test) {
  constexpr int last_of_connect_and_bind = 61;
  std::set<int> numbers;
  for (const Situation* situation : Situation::all()) numbers.insert(situation->number());
  for (int number = 1; number <= last_of_connect_and_bind; ++number) {
    EXPECT_TRUE(numbers.contains(number)) << number;
  }
}

TEST(causes, each_has_one_word_a_meaning_and_an_answer) {
  std::set<std::string_view> words;
  for (const net::Cause& cause : net::causes) {
    EXPECT_TRUE(words.insert(cause.word).second) << cause.word;
    EXPECT_EQ(cause.word.find_first_not_of("abcdefghijklmnopqrstuvwxyz_"), std::string_view::npos);
    EXPECT_TRUE(cause.meaning.ends_with('.')) << cause.word;
    EXPECT_FALSE(cause.kernel.empty()) << cause.word;
  }
}

// --- evidence that makes no sense ---------------------------------------------------------------

class Dice {
 public:
  explicit Dice(unsigned seed) : random_(seed) {}

  std::uint32_t below(std::uint32_t limit) {
    return std::uniform_int_distribution<std::uint32_t>(0, limit - 1)(random_);
  }
  bool one_in(std::uint32_t limit) { return below(limit) == 0; }
  std::uint32_t number() { return one_in(3) ? below(3) : below(0xFFFFFFFFU); }
  int error() {
    constexpr std::array errors{
        0,      EACCES, EPERM,  ENOENT,       ENOTDIR,    ELOOP, ENAMETOOLONG,
        EAGAIN, EMFILE, ENFILE, ECONNREFUSED, EPROTOTYPE, EROFS, ENOSPC};
    return errors[below(errors.size())];
  }
  std::string text() {
    constexpr std::array<std::string_view, 8> texts{
        "", "app", "a b", "\x1b[2J", "\n", "\xff\xfe", "/run/app.sock", "app.service"};
    return std::string(texts[below(texts.size())]);
  }

 private:
  std::mt19937 random_;
};

template <typename Value>
void sometimes(Dice& dice, std::optional<Value>& target, Value value) {
  if (!dice.one_in(3)) target = std::move(value);
}

Process random_process(Dice& dice) {
  Process process;
  process.pid = static_cast<std::int32_t>(dice.below(3));
  process.alive = !dice.one_in(4);
  process.command = dice.text();
  process.uid = dice.number();
  process.state = "RSDTtZ?"[dice.below(7)];
  process.traced_by = static_cast<std::int32_t>(dice.below(2));
  process.traced_by_command = dice.text();
  process.waits_in = dice.text();
  process.unit = dice.text();
  process.root = dice.text();
  process.frozen = dice.one_in(4);
  process.private_tmp = dice.one_in(2);
  process.other_mounts = dice.one_in(2);
  process.working_directory = dice.text();
  sometimes<std::uint64_t>(dice, process.open_descriptors, dice.number());
  sometimes<std::uint64_t>(dice, process.descriptor_limit, dice.number());
  sometimes(dice, process.watches_listener, dice.one_in(2));
  sometimes(dice, process.activation, net::Activation{1, dice.below(2), {dice.text()}});
  return process;
}

net::Mount random_mount(Dice& dice) {
  constexpr std::array<std::string_view, 5> types{"tmpfs", "overlay", "sysfs", "nfs4", "\x1b"};
  net::Mount mount;
  mount.id = dice.below(2);
  mount.minor = dice.below(3);
  mount.root = dice.text() + (dice.one_in(3) ? "//deleted" : "");
  mount.point = dice.text();
  mount.type = types[dice.below(types.size())];
  mount.options = {dice.text(), "upperdir=" + dice.text()};
  mount.read_only = dice.one_in(2);
  return mount;
}

PathStep random_step(Dice& dice) {
  PathStep step;
  step.path = dice.one_in(2) ? "/run/app.sock" : "/" + dice.text();
  step.kind = static_cast<StepKind>(dice.one_in(2) ? 4 : dice.below(8));
  step.error = dice.one_in(2) ? 0 : dice.error();
  step.owner = dice.number();
  step.group = dice.number();
  step.owner_name = dice.text();
  step.group_name = dice.text();
  step.mode = dice.below(010000);
  step.target = dice.text();
  step.mount_point = dice.one_in(3);
  step.last = dice.one_in(3);
  if (dice.one_in(2)) step.acl = {{net::AclEntry::Tag::user, dice.number(), dice.below(8)}};
  sometimes(dice, step.mount, random_mount(dice));
  sometimes(dice, step.access_error, dice.error());
  sometimes(dice, step.empty, dice.one_in(2));
  return step;
}

SocketEntry random_socket(Dice& dice) {
  SocketEntry socket;
  socket.name = dice.text();
  socket.abstract = dice.one_in(2);
  socket.type = static_cast<SocketType>(dice.below(3));
  socket.state = static_cast<net::SocketState>(dice.below(3));
  socket.waiting = dice.below(5);
  socket.backlog = dice.below(5);
  socket.waiting_gone = dice.below(3);
  socket.seen_by_pid = static_cast<std::int32_t>(dice.below(2));
  sometimes(dice, socket.uid, dice.number());
  sometimes(dice, socket.file_major, dice.below(2));
  sometimes(dice, socket.file_minor, dice.below(3));
  sometimes<std::uint64_t>(dice, socket.connected_to, dice.below(2));
  for (std::uint32_t count = dice.below(8); count > 0; --count) {
    socket.holders.push_back(random_process(dice));
  }
  return socket;
}

void randomize_subject(Dice& dice, net::Subject& subject) {
  subject.kind = static_cast<net::Subject::Kind>(dice.below(3));
  subject.command = dice.text();
  subject.user = dice.text();
  subject.uid = dice.number();
  subject.groups = {dice.number()};
  subject.account_groups = {dice.number()};
  subject.seccomp = static_cast<int>(dice.below(3));
  subject.no_new_privileges = dice.one_in(2);
  subject.overrides_permissions = dice.one_in(4);
  subject.other_mounts = dice.one_in(2);
  subject.other_network = dice.one_in(2);
  subject.root = dice.one_in(2) ? "/" : dice.text();
  subject.unit = dice.text();
  subject.working_directory_removed = dice.one_in(4);
  subject.descriptors_by_kind = {{dice.text(), dice.number()}};
  sometimes<std::uint64_t>(dice, subject.open_descriptors, dice.number());
  sometimes<std::uint64_t>(dice, subject.descriptor_limit, dice.number());
  sometimes(dice, subject.runtime_directory, dice.text());
}

void randomize_surroundings(Dice& dice, Evidence& evidence) {
  if (dice.one_in(2)) {
    net::SocketUnit& unit = evidence.unit.emplace();
    unit.name = unit.result = unit.service = dice.text();
    unit.state = dice.one_in(2) ? "dead" : "failed";
    unit.main = random_process(dice);
  }
  if (dice.one_in(2)) {
    evidence.similar = {{dice.text(), static_cast<net::SimilarName::Why>(dice.below(9)), true}};
  }
  sometimes(dice, evidence.held, dice.one_in(2));
  sometimes(dice, evidence.layer_of, random_mount(dice));
  sometimes(dice, evidence.maps_all_users, dice.one_in(2));
  sometimes(dice, evidence.lingers, dice.one_in(2));
  evidence.runtime_user = dice.text();
  evidence.second_look_moved = dice.one_in(2);
  evidence.security_modules = {dice.one_in(2) ? "selinux" : dice.text(), "landlock"};
  evidence.security_label = dice.text();
  evidence.file_security_label = dice.text();
  evidence.container_runtime = dice.one_in(2);
  evidence.unseen = {dice.text()};
  evidence.place.write_error = dice.error();
  evidence.place.umask = dice.below(01000);
  sometimes(dice, evidence.place.lock_holder, random_process(dice));
  sometimes<std::uint64_t>(dice, evidence.place.free_inodes, dice.below(2));
}

Evidence random_evidence(Dice& dice) {
  constexpr std::array<std::string_view, 9> addresses{
      "/run/app.sock", "@app",     "app.sock",   "/run/user/1000/\x1b",
      "$HOME/a b",     "autobind", "activation", "/tmp/\xff\xfe/x y",
      "fd:3"};
  Evidence evidence;
  evidence.address = *Address::parse(addresses[dice.below(addresses.size())]);
  evidence.for_bind = dice.one_in(2);
  if (dice.one_in(2)) evidence = nothing_at(addresses[dice.below(addresses.size())]);
  for (std::uint32_t count = dice.below(4); count > 0; --count) {
    evidence.steps.push_back(random_step(dice));
  }
  sometimes(dice, evidence.type, static_cast<SocketType>(dice.below(3)));
  randomize_subject(dice, evidence.subject);
  if (dice.one_in(2)) evidence.sockets = {random_socket(dice), random_socket(dice)};
  if (dice.one_in(2)) evidence.elsewhere = {random_socket(dice)};
  if (dice.one_in(2)) evidence.elsewhere_mounts = {random_mount(dice)};
  if (dice.one_in(2)) evidence.in_layers = {random_socket(dice)};
  if (dice.one_in(2)) {
    net::Probe& probe = evidence.probe.emplace();
    probe.error = dice.error();
    probe.socket_refused = dice.one_in(4);
    probe.ending = static_cast<net::Probe::Ending>(dice.below(4));
    sometimes(dice, probe.listener, random_process(dice));
  }
  randomize_surroundings(dice, evidence);
  return evidence;
}

bool is_safe(const std::string& text) { return printable(text) == text; }

void expect_sound(const Finding& finding) {
  EXPECT_NE(net::find_cause(finding.cause), nullptr) << finding.cause;
  EXPECT_FALSE(finding.sentence.empty()) << finding.cause;
  EXPECT_TRUE(is_safe(finding.sentence)) << finding.cause << ": " << finding.sentence;
  EXPECT_TRUE(is_safe(finding.fix)) << finding.cause << ": " << finding.fix;
  for (const std::string& line : finding.evidence) EXPECT_TRUE(is_safe(line)) << finding.cause;
  EXPECT_FALSE(finding.fix.contains("chmod 0777") || finding.fix.contains("0666")) << finding.fix;
}

TEST(explain_anything, has_findings_unless_it_is_healthy_and_no_control_byte) {
  Dice dice(20240607);
  for (int round = 0; round < 5000 && !testing::Test::HasFailure(); ++round) {
    const Diagnosis diagnosis = net::explain(random_evidence(dice));
    EXPECT_EQ(diagnosis.findings.empty(), diagnosis.state == State::healthy);
    EXPECT_TRUE(is_safe(diagnosis.summary)) << diagnosis.summary;
    for (const Finding& finding : diagnosis.findings) expect_sound(finding);
    for (const Finding& finding : diagnosis.also) expect_sound(finding);
    for (const std::string& line : diagnosis.unseen) EXPECT_TRUE(is_safe(line));
    EXPECT_FALSE(diagnosis.to_string().empty());
  }
}

}  // namespace
}  // namespace hallway::test::to_string_tests
