// SPDX-License-Identifier: Apache-2.0
#include "net/diagnosis/gather.hpp"

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <utility>

#include "net/diagnosis/look.hpp"
#include "net/diagnosis/probe.hpp"
#include "net/diagnosis/queue_look.hpp"
#include "net/diagnosis/servers.hpp"
#include "net/diagnosis/socket_table.hpp"
#include "net/diagnosis/socket_unit.hpp"
#include "net/diagnosis/subject.hpp"
#include "net/diagnosis/surroundings.hpp"
#include "net/diagnosis/walk.hpp"
#include "sys/file.hpp"
#include "sys/inspect.hpp"

namespace hallway::net {

namespace {

/// For looking through all processes, which a machine may have many thousands of. A late answer is
/// better than one that is not certain.
constexpr std::chrono::seconds time_for_processes{4};

void look_at_proc(Look& look) {
  look.has_proc = sys::details_at("/proc/self/stat").has_value();
  // Each pid namespace has a process 1, and it is of another user unless we are root there.
  look.shows_all_processes = !look.has_proc || sys::details_at("/proc/1/stat").has_value();
  if (look.has_proc) return;
  look.miss(
      "processes, mounts, access control lists and other network namespaces (/proc is not "
      "mounted)");
}

bool is_path(const Look& look) { return look.evidence.address.kind() == Address::Kind::path; }

void look_at_path(Look& look) {
  if (!is_path(look)) return;
  walk(look);
  for (const Mount& mount : look.subject_mounts) {
    if (is_above(mount.point, look.absolute)) look.evidence.mounts.push_back(mount);
  }
  const Subject& subject = look.evidence.subject;
  const bool has_other_view = subject.other_mounts || subject.root != "/";
  if (has_other_view && look.absolute.starts_with('/')) {
    look.evidence.in_our_mounts = kind_in_our_view(look.absolute);
  }
}

/// Looks for whatever has the address in all processes, until `until`.
void look_at_servers(Look& look, Clock::time_point until) {
  look_at_our_sockets(look);
  if (look.evidence.sockets.empty() || look.evidence.subject.other_network) {
    look_at_other_networks(look, until);
  }
  if (look.evidence.sockets.empty()) look_at_connected_sockets(look);
  if (is_path(look) && look.evidence.sockets.empty()) look_at_overlays(look, until);
  look_at_holders(look, until);
  look_at_mounts_elsewhere(look, until);
  const SocketEntry* const listening = listening_socket(look.evidence);
  const bool known = listening != nullptr && !listening->holders.empty();
  if (!known || is_held_by_service_manager(*listening)) look_at_unit(look);
}

}  // namespace

Result<Evidence> gather(const Address& address, const DiagnoseOptions& options) {
  const bool known_kind =
      address.kind() == Address::Kind::path || address.kind() == Address::Kind::abstract;
  if (!known_kind) {
    return sys::failure(EINVAL, "diagnose", address.unescaped(),
                        "only a path or an abstract name can be looked at");
  }
  Look look;
  Evidence& evidence = look.evidence;
  evidence.address = address;
  evidence.for_bind = options.bind;
  evidence.type = options.type;
  evidence.our_uid = sys::effective_uid();
  look_at_proc(look);
  if (auto looked = look_at_subject(look, options); !looked) {
    return std::unexpected(std::move(looked.error()));
  }
  look_at_path(look);
  ask_whether_held(look);
  look_at_servers(look, Clock::now() + time_for_processes);
  const auto first = first_look(look);
  probe(look, options.probe);
  look_whether_watched(look);
  if (first) second_look(look, *first);
  if (options.bind) look_at_bind_place(look);
  look_for_similar_names(look);
  look_at_machine(look);
  look_at_security_modules(look);
  return std::move(evidence);
}

}  // namespace hallway::net
