// SPDX-License-Identifier: Apache-2.0
//
// Evidence made by hand, and the situations that tests of explain() are about.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "net/diagnosis/evidence.hpp"
#include "net/diagnosis/explain.hpp"

namespace hallway::test {

using net::Evidence;
using net::PathStep;
using net::Process;
using net::SocketEntry;
using net::StepKind;

inline constexpr std::uint32_t www_data = 33;
inline constexpr std::uint32_t app = 990;

inline PathStep directory(std::string path, unsigned mode = 0755) {
  PathStep step;
  step.path = std::move(path);
  step.kind = StepKind::directory;
  step.owner_name = "root";
  step.group_name = "root";
  step.mode = mode;
  step.mount = net::Mount{1, 0, 25, "/", "/run", "tmpfs", "tmpfs", {}, false};
  return step;
}

inline PathStep owned_by_app(PathStep step, unsigned mode) {
  step.owner = app;
  step.group = app;
  step.owner_name = "app";
  step.group_name = "app";
  step.mode = mode;
  return step;
}

/// www-data asks for an address at which nothing is. All directories of a path are there.
inline Evidence nothing_at(std::string_view text) {
  Evidence evidence;
  evidence.address = *Address::parse(text);
  evidence.written = text;
  evidence.subject.pid = 500;
  evidence.subject.command = "client";
  evidence.subject.user = "www-data";
  evidence.subject.uid = www_data;
  evidence.subject.gid = www_data;
  evidence.our_uid = www_data;
  evidence.maps_all_users = true;
  if (evidence.address.kind() != Address::Kind::path) return evidence;
  const std::string& path = evidence.address.name();
  for (std::size_t at = 0; at < path.size(); ++at) {
    if (path[at] == '/') evidence.steps.push_back(directory(at == 0 ? "/" : path.substr(0, at)));
  }
  PathStep last;
  last.path = path;
  last.kind = StepKind::missing;
  last.error = ENOENT;
  last.last = true;
  evidence.steps.push_back(last);
  return evidence;
}

inline PathStep& step(Evidence& evidence, std::string_view path) {
  for (PathStep& each : evidence.steps) {
    if (each.path == path) return each;
  }
  ADD_FAILURE() << "no step " << path;
  return evidence.steps.front();
}

/// The address is a path to a socket file to which everybody may write, and no socket is behind it.
inline Evidence file_at(std::string_view text) {
  Evidence evidence = nothing_at(text);
  PathStep last = owned_by_app(directory(evidence.address.name()), 0666);
  last.kind = StepKind::socket;
  last.last = true;
  evidence.steps.back() = last;
  return evidence;
}

inline Process server() {
  Process process;
  process.pid = 4711;
  process.command = "app";
  process.uid = app;
  process.user = "app";
  process.state = 'S';
  process.unit = "app.service";
  process.open_descriptors = 12;
  process.descriptor_limit = 1024;
  process.age = std::chrono::hours(72);
  return process;
}

inline SocketEntry listening_socket(std::string name) {
  SocketEntry socket;
  socket.abstract = name.starts_with('@');
  socket.name = std::move(name);
  socket.inode = 777;
  socket.state = net::SocketState::listening;
  socket.uid = app;
  socket.backlog = 4096;
  socket.holders = {server()};
  return socket;
}

/// A server listens at the address, and the probe connected.
inline Evidence served_at(std::string_view text) {
  Evidence evidence = text.starts_with('@') ? nothing_at(text) : file_at(text);
  evidence.sockets = {listening_socket(std::string(text))};
  evidence.probe.emplace().listener = server();
  if (!evidence.steps.empty()) evidence.held = true;
  return evidence;
}

/// A server listens at the address, and the probe was answered by `error`.
inline Evidence refused_at(std::string_view text, int error) {
  Evidence evidence = served_at(text);
  evidence.probe.emplace().error = error;
  return evidence;
}

inline const Finding* find(const std::vector<Finding>& findings, std::string_view cause) {
  for (const Finding& finding : findings) {
    if (finding.cause == cause) return &finding;
  }
  return nullptr;
}

inline bool contains(const std::vector<std::string>& lines, std::string_view part) {
  return std::ranges::any_of(lines, [&](const std::string& line) { return line.contains(part); });
}

/// One situation of the list in docs/DIAGNOSE.md. All of them are known to every test.
class Situation {
 public:
  Situation(int number, std::string_view cause, Evidence (*make)())
      : number_(number), cause_(cause), make_(make) {
    all().push_back(this);
  }
  Situation(const Situation&) = delete;
  Situation& operator=(const Situation&) = delete;

  static std::vector<const Situation*>& all() {
    static std::vector<const Situation*> situations;
    return situations;
  }

  [[nodiscard]] int number() const { return number_; }
  [[nodiscard]] std::string_view cause() const { return cause_; }
  [[nodiscard]] Diagnosis diagnosis() const { return net::explain(make_()); }

  /// The cause is the first that stops the subject.
  [[nodiscard]] Finding first() const {
    const Diagnosis diagnosis = this->diagnosis();
    const bool is_first = !diagnosis.findings.empty() && diagnosis.findings.front().cause == cause_;
    EXPECT_TRUE(is_first) << diagnosis.to_string();
    return is_first ? diagnosis.findings.front() : Finding();
  }

  /// The cause is odd, and stops nothing.
  [[nodiscard]] Finding odd() const {
    const Diagnosis diagnosis = this->diagnosis();
    const Finding* const found = find(diagnosis.also, cause_);
    EXPECT_NE(found, nullptr) << diagnosis.to_string();
    return found == nullptr ? Finding() : *found;
  }

 private:
  int number_;
  std::string_view cause_;
  Evidence (*make_)();
};

}  // namespace hallway::test
