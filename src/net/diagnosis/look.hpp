// SPDX-License-Identifier: Apache-2.0
//
// What the parts of gather() share while they fill in the evidence.
#pragma once

#include <algorithm>
#include <cstdint>
#include <string>
#include <vector>

#include <hallway/descriptor.hpp>

#include "net/diagnosis/accounts.hpp"
#include "net/diagnosis/evidence.hpp"
#include "net/diagnosis/processes.hpp"

namespace hallway::net {

struct Look {
  Evidence evidence;
  Accounts accounts;
  bool has_proc = true;
  bool shows_all_processes = true;      ///< /proc is not mounted with hidepid
  std::vector<std::int32_t> processes;  ///< all of them, once they were listed
  std::vector<Mount> our_mounts;        ///< all, as `subject_mounts`
  std::vector<Mount> subject_mounts;
  /// Where the subject's paths begin, if it is a process with another root or other mounts.
  Descriptor subject_root;
  Descriptor subject_directory;
  /// The directory of the last name, if the walk came that far.
  Descriptor parent;
  /// What the walk came to, if it reached the last name.
  Descriptor reached;
  /// The sockets of our network namespace that have a name, listen or receive datagrams.
  std::vector<SocketEntry> live;
  Holders holders;       ///< of the sockets in the evidence
  std::string absolute;  ///< the address's path from the root, once it was walked

  /// Notes what could not be looked at, once.
  void miss(const std::string& what) {
    auto& unseen = evidence.unseen;
    if (std::ranges::find(unseen, what) == unseen.end()) unseen.push_back(what);
  }

  /// The socket file, if the address is a path and leads to one.
  [[nodiscard]] const PathStep* socket_step() const {
    const auto& steps = evidence.steps;
    const bool found = !steps.empty() && steps.back().kind == StepKind::socket;
    return found ? &steps.back() : nullptr;
  }

  const std::vector<std::int32_t>& all() {
    if (processes.empty()) processes = all_processes();
    return processes;
  }
};

}  // namespace hallway::net
