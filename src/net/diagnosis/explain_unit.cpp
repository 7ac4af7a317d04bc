// SPDX-License-Identifier: Apache-2.0
//
// Units of systemd that should be behind a name, and the descriptors they hand over.
#include <algorithm>
#include <optional>
#include <utility>

#include <hallway/bytes.hpp>

#include "net/diagnosis/explain_parts.hpp"
#include "net/diagnosis/words.hpp"

namespace hallway::net {

namespace {

std::vector<std::string> unit_lines(const SocketUnit& unit) {
  std::vector<std::string> lines{printable(unit.name) + ": " + printable(unit.state) +
                                 (unit.result.empty() ? "" : ", result " + printable(unit.result))};
  if (unit.accepted) lines.back() += ", accepted " + std::to_string(*unit.accepted);
  if (unit.refused) lines.back() += ", refused " + std::to_string(*unit.refused);
  if (!unit.service.empty()) {
    lines.push_back(
        printable(unit.service) + ": " + printable(unit.service_state) +
        (unit.service_result.empty() ? "" : ", result " + printable(unit.service_result)));
  }
  return lines;
}

Finding failed(const SocketUnit& unit) {
  const std::string name = shell_quoted(unit.name);
  return finding(
      "socket_unit_failed", Certainty::certain,
      printable(unit.name) + " failed" +
          (unit.result.empty() || unit.result == "success" ? "" : ": " + printable(unit.result)),
      "systemctl reset-failed " + name + " && systemctl start " + name +
          (unit.service.empty() ? ""
                                : "; first see why: journalctl -u " + shell_quoted(unit.service)),
      unit_lines(unit));
}

Finding stopped(const Evidence& evidence, const SocketUnit& unit) {
  const PathStep* const target = target_of(evidence);
  const bool is_left = target != nullptr && target->kind == StepKind::socket;
  return finding("unit_stopped", Certainty::certain,
                 printable(unit.name) + " is stopped" + (is_left ? ", and its file is left" : ""),
                 "systemctl start " + shell_quoted(unit.name) +
                     (is_left && unit.removes_on_stop == false
                          ? "; RemoveOnStop=yes in the unit lets it remove the file"
                          : ""),
                 unit_lines(unit));
}

/// What does not fit in what a process got; empty if everything does.
std::string misfit(const Activation& activation, std::int32_t pid) {
  if (activation.pid && *activation.pid != pid) {
    return "LISTEN_PID is " + std::to_string(*activation.pid) + ", and the process is pid " +
           std::to_string(pid);
  }
  if (activation.descriptors == 0) return "LISTEN_FDS is 0 or is not set";
  return {};
}

std::string missing_name(const Evidence& evidence, const Activation& activation) {
  const std::string& name = evidence.address.name();
  const bool is_asked = evidence.address.kind() == Address::Kind::activation && !name.empty();
  if (!is_asked || std::ranges::find(activation.names, name) != activation.names.end()) return {};
  std::string given;
  for (const std::string& each : activation.names)
    given += (given.empty() ? "" : ":") + shown(each);
  return "no descriptor has the name " + shown(name) + "; LISTEN_FDNAMES is " +
         (given.empty() ? "not set" : given);
}

constexpr std::string_view no_wrapper =
    "let the unit start the server itself, or end a shell script with: exec SERVER";

Finding wrong(const std::string& process, const std::string& why, std::string fix) {
  return finding(
      "wrong_activation", Certainty::certain,
      "the descriptors that the service manager handed over do not reach " + process + ": " + why,
      std::move(fix));
}

void explain_own_activation(const Evidence& evidence, Conclusions& found) {
  const std::string process = words(evidence.subject);
  if (!evidence.subject.activation) {
    found.stops.push_back(wrong(process, "LISTEN_FDS is not set",
                                "start it by its .socket unit, or with systemd-socket-activate"));
    return;
  }
  const std::string why = misfit(*evidence.subject.activation, evidence.subject.pid);
  if (!why.empty()) {
    found.stops.push_back(wrong(process, why, std::string(no_wrapper)));
    return;
  }
  const std::string name = missing_name(evidence, *evidence.subject.activation);
  if (name.empty()) return;
  found.stops.push_back(wrong(process, name,
                              "FileDescriptorName=" + shell_quoted(evidence.address.name()) +
                                  " in the .socket unit, or ask for a name that is there"));
}

bool is_stuck(const Evidence& evidence) {
  const SocketEntry* const socket = serving_socket(evidence);
  return socket != nullptr && socket->waiting > 0 && !evidence.second_look_moved;
}

}  // namespace

std::optional<Finding> explain_unit(const Evidence& evidence) {
  if (!evidence.unit) return std::nullopt;
  const SocketUnit& unit = *evidence.unit;
  const bool has_failed =
      unit.state == "failed" || (!unit.result.empty() && unit.result != "success");
  if (has_failed) return failed(unit);
  if (unit.state == "dead" || unit.state == "inactive") return stopped(evidence, unit);
  return std::nullopt;
}

void explain_activation(const Evidence& evidence, Conclusions& found) {
  if (evidence.address.kind() == Address::Kind::activation) {
    explain_own_activation(evidence, found);
    return;
  }
  if (!evidence.unit || !evidence.unit->main || !evidence.unit->main->activation) return;
  const Process& main = *evidence.unit->main;
  const std::string why = misfit(*main.activation, main.pid);
  if (why.empty()) return;
  auto& where = is_stuck(evidence) ? found.stops : found.odd;
  where.push_back(wrong(words(main), why, std::string(no_wrapper)));
}

}  // namespace hallway::net
