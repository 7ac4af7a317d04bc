// SPDX-License-Identifier: Apache-2.0
//
// The program itself: what its own limits and its own sandbox forbid.
#include <algorithm>
#include <cerrno>
#include <utility>

#include <hallway/bytes.hpp>

#include "net/diagnosis/explain_parts.hpp"
#include "net/diagnosis/explain_permission.hpp"
#include "net/diagnosis/words.hpp"

namespace hallway::net {

namespace {

std::vector<std::string> descriptor_lines(const Subject& subject) {
  constexpr std::size_t most = 5;
  std::vector<std::string> lines;
  for (std::size_t at = 0; at < std::min(most, subject.descriptors_by_kind.size()); ++at) {
    const DescriptorCount& each = subject.descriptors_by_kind[at];
    lines.push_back(printable(each.kind) + ": " + std::to_string(each.count));
  }
  return lines;
}

Certainty graded(bool sure, bool fits) {
  if (sure) return Certainty::certain;
  return fits ? Certainty::likely : Certainty::possible;
}

Finding out_of_descriptors(const Subject& subject) {
  const std::string count =
      subject.open_descriptors && subject.descriptor_limit
          ? ": " + open_words(*subject.open_descriptors, *subject.descriptor_limit)
          : "";
  return finding(
      "client_out_of_descriptors", Certainty::certain,
      words(subject) + " has no descriptor left" + count,
      "close what it does not need, or raise the limit: " +
          (subject.unit.ends_with(".service") ? "LimitNOFILE= in " + printable(subject.unit)
                                              : std::string("ulimit -n")),
      descriptor_lines(subject));
}

Finding system_out(const Evidence& evidence) {
  const std::string count = evidence.open_files && evidence.open_files_limit
                                ? ": " + std::to_string(*evidence.open_files) + " of " +
                                      std::to_string(*evidence.open_files_limit)
                                : "";
  return finding("system_out_of_descriptors", Certainty::certain,
                 "the system has no file left to open" + count,
                 "find the program that leaks (lsof), or raise it: sysctl fs.file-max");
}

Finding by_filter(const Evidence& evidence, const Probe& probe) {
  const Subject& subject = evidence.subject;
  const bool filtered = subject.seccomp == 2;
  std::vector<std::string> lines{std::string(probe.socket_refused ? "socket" : "connect") +
                                 " answers " + error_words(probe.error)};
  lines.emplace_back(filtered ? "a filter decides about its system calls (Seccomp: 2)"
                              : "no filter of system calls was seen");
  const bool is_unit = subject.unit.ends_with(".service");
  const bool sure = filtered && probe.socket_refused;
  return finding("seccomp_denies", graded(sure, filtered),
                 words(subject) + " may not use Unix sockets: a filter of system calls forbids it",
                 is_unit ? "RestrictAddressFamilies=AF_UNIX in " + printable(subject.unit)
                         : "allow AF_UNIX in the sandbox (RestrictAddressFamilies=AF_UNIX, or the "
                           "container's seccomp profile)",
                 std::move(lines));
}

bool has_used_up(const Subject& subject) {
  return subject.open_descriptors && subject.descriptor_limit &&
         *subject.open_descriptors >= *subject.descriptor_limit;
}

bool has(const std::vector<std::string>& modules, std::string_view name) {
  return std::ranges::find(modules, name) != modules.end();
}

Finding by_landlock(const Evidence& evidence) {
  const bool fits =
      evidence.subject.no_new_privileges && has(evidence.security_modules, "landlock");
  // A filter of system calls could give the same answer.
  const bool sure = fits && evidence.subject.seccomp == 0;
  return finding("landlock_denies", graded(sure, fits),
                 "the sandbox of " + words(evidence.subject) + " forbids abstract names outside it",
                 "use a path instead of an abstract name, or lift LANDLOCK_SCOPE_ABSTRACT_UNIX_"
                 "SOCKET in the sandbox",
                 {"connect answers " + error_words(EPERM)});
}

}  // namespace

void explain_subject(const Evidence& evidence, Conclusions& found) {
  const int error = evidence.probe ? evidence.probe->error : 0;
  const bool is_self = evidence.subject.kind == Subject::Kind::self;
  const bool is_refused = error != 0 && evidence.probe->socket_refused && is_self;
  const bool is_full = has_used_up(evidence.subject) && !has_connected(evidence);
  if (error == ENFILE) {
    found.stops.push_back(system_out(evidence));
  } else if ((is_self && error == EMFILE) || (is_full && !is_refused)) {
    found.stops.push_back(out_of_descriptors(evidence.subject));
  } else if (is_refused) {
    found.stops.push_back(by_filter(evidence, *evidence.probe));
  }
}

void explain_refusal(const Evidence& evidence, Conclusions& found) {
  if (!found.stops.empty() || !evidence.probe || evidence.probe->error == 0) return;
  const int error = evidence.probe->error;
  const bool is_abstract = evidence.address.kind() == Address::Kind::abstract;
  if (error == EACCES) {
    found.stops.push_back(explain_module(evidence, error));
  } else if (error == EPERM && is_abstract) {
    found.stops.push_back(by_landlock(evidence));
  } else if (error == EPERM && evidence.subject.seccomp == 2) {
    found.stops.push_back(by_filter(evidence, *evidence.probe));
  } else {
    found.stops.push_back(
        finding("unexplained", Certainty::possible,
                "connect answers " + error_words(error) + ", and nothing that was seen says why",
                "look again: what was seen may have changed meanwhile", server_lines(evidence)));
  }
}

}  // namespace hallway::net
