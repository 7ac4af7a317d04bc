// SPDX-License-Identifier: Apache-2.0
#include "net/diagnosis/subject.hpp"

#include <cerrno>
#include <string>

#include "sys/file.hpp"
#include "sys/inspect.hpp"
#include "sys/process.hpp"

namespace hallway::net {

namespace {

// CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH and CAP_FOWNER (linux/capability.h).
constexpr unsigned override_permissions = 1;
constexpr unsigned read_and_search = 2;
constexpr unsigned owner_of_all = 3;

void take_status(const ProcessStatus& status, Subject& subject) {
  const auto has = [&](unsigned capability) {
    return ((status.capabilities >> capability) & 1U) != 0;
  };
  subject.uid = status.uid;
  subject.gid = status.gid;
  subject.groups = status.groups;
  subject.overrides_permissions = has(override_permissions);
  subject.searches_everywhere = subject.overrides_permissions || has(read_and_search);
  subject.owns_everything = has(owner_of_all);
  subject.no_new_privileges = status.no_new_privileges;
  subject.seccomp = status.seccomp;
}

/// A link to a directory that was removed ends like this.
bool is_removed(std::string_view directory) { return directory.ends_with(" (deleted)"); }

void take_working_directory(std::int32_t pid, Look& look) {
  Subject& subject = look.evidence.subject;
  const auto directory = proc_link(pid, "cwd");
  if (!directory) return;
  const auto there = sys::details_at(proc_file(pid, "cwd"));
  subject.working_directory_removed = is_removed(*directory) && there && there->links == 0;
  if (!subject.working_directory_removed) subject.working_directory = *directory;
}

std::string label_of(std::int32_t pid) {
  std::string label = proc_text(pid, "attr/current");
  label.resize(std::min(label.find_first_of(std::string_view("\0\n", 2)), label.size()));
  return label;
}

std::optional<std::string> environment_text(const char* name) {
  const char* const value = sys::environment_value(name);
  return value == nullptr ? std::nullopt : std::optional<std::string>(value);
}

/// What differs from call to call, for this process and for another one.
void take_process(std::int32_t pid, Look& look) {
  Subject& subject = look.evidence.subject;
  const auto stat = parse_stat(proc_text(pid, "stat"));
  if (stat) subject.command = stat->name;
  subject.unit = unit_of_cgroup(parse_cgroup(proc_text(pid, "cgroup")));
  subject.open_descriptors = count_descriptors(pid);
  subject.descriptors_by_kind = descriptors_by_kind(pid);
  take_working_directory(pid, look);
  look.evidence.security_label = label_of(pid);
}

void look_at_ourselves(Look& look) {
  Subject& subject = look.evidence.subject;
  subject.kind = Subject::Kind::self;
  subject.pid = sys::process_id();
  if (const auto status = parse_status(proc_text(0, "status"))) {
    take_status(*status, subject);
  } else {
    subject.uid = sys::effective_uid();
    if (const auto& account = look.accounts.account(subject.uid)) subject.gid = account->gid;
    subject.groups = look.accounts.groups_of(subject.uid);
    subject.overrides_permissions = subject.uid == 0;
    subject.searches_everywhere = subject.overrides_permissions;
    subject.owns_everything = subject.overrides_permissions;
  }
  take_process(0, look);
  if (const auto limit = sys::descriptor_limit()) subject.descriptor_limit = *limit;
  subject.runtime_directory = environment_text("XDG_RUNTIME_DIR");
  if (!subject.runtime_directory) subject.runtime_directory.emplace();
  subject.activation = activation_in(environment_text("LISTEN_PID"), environment_text("LISTEN_FDS"),
                                     environment_text("LISTEN_FDNAMES"));
}

void look_at_user(std::uint32_t uid, Look& look) {
  Subject& subject = look.evidence.subject;
  subject.kind = Subject::Kind::user;
  subject.uid = uid;
  subject.groups = look.accounts.groups_of(uid);
  subject.overrides_permissions = uid == 0;
  subject.searches_everywhere = uid == 0;
  subject.owns_everything = uid == 0;
  if (const auto& account = look.accounts.account(uid)) {
    subject.gid = account->gid;
  } else {
    subject.gid = uid;
    look.miss("the groups of uid " + std::to_string(uid) + " (the user database has no such user)");
  }
  take_working_directory(0, look);  // a relative path begins where ours does
}

/// Opens the process's root and working directory, where that is ours to do.
void open_places(std::int32_t pid, Look& look) {
  Subject& subject = look.evidence.subject;
  const auto root = proc_link(pid, "root");
  auto opened = sys::open_directory(proc_file(pid, "root"));
  if (!root || !opened) {
    look.miss("the root directory of pid " + std::to_string(pid) +
              " (it is of another user): the path is looked up from our own");
    return;
  }
  subject.root = *root;
  if (subject.root == "/" && !subject.other_mounts) return;
  look.subject_root = std::move(*opened);
  auto directory = sys::open_directory(proc_file(pid, "cwd"));
  if (directory) look.subject_directory = std::move(*directory);
}

Result<void> look_at_subject_process(std::int32_t pid, Look& look) {
  Subject& subject = look.evidence.subject;
  subject.kind = Subject::Kind::process;
  subject.pid = pid;
  const std::string name = "pid " + std::to_string(pid);
  const auto status = pid > 0 ? parse_status(proc_text(pid, "status")) : std::nullopt;
  if (!status) {
    const auto found = pid > 0 ? sys::open_pidfd(pid) : std::unexpected(ESRCH);
    if (!found && found.error() == ESRCH) {
      return sys::failure(ESRCH, "look at", name, "there is no such process");
    }
    if (!found && found.error() != ENOSYS) return sys::failure(found.error(), "look at", name);
    return sys::failure(EACCES, "look at", name, "/proc does not show it to this user",
                        "ask as root, or by the process's user");
  }
  take_status(*status, subject);
  subject.descriptor_limit = parse_descriptor_limits(proc_text(pid, "limits")).soft;
  const std::string environment = proc_text(pid, "environ");
  if (!environment.empty()) {
    subject.runtime_directory = variable_in(environment, "XDG_RUNTIME_DIR").value_or("");
    subject.activation = activation_in(variable_in(environment, "LISTEN_PID"),
                                       variable_in(environment, "LISTEN_FDS"),
                                       variable_in(environment, "LISTEN_FDNAMES"));
  }
  look.subject_mounts = mounts_of(pid);
  subject.other_mounts = are_of_other_namespaces(look.our_mounts, look.subject_mounts);
  const auto network = network_of(pid);
  subject.other_network = network && network != network_of(0);
  take_process(pid, look);
  open_places(pid, look);
  return {};
}

}  // namespace

Result<void> look_at_subject(Look& look, const DiagnoseOptions& options) {
  if (options.as_uid && options.as_pid) {
    return sys::failure(EINVAL, "diagnose", "", "as_uid and as_pid are both given",
                        "give at most one of them");
  }
  look.our_mounts = mounts_of(0);
  if (options.as_pid && *options.as_pid != sys::process_id()) {
    if (auto looked = look_at_subject_process(*options.as_pid, look); !looked) return looked;
  } else if (options.as_uid) {
    look_at_user(*options.as_uid, look);
  } else {
    look_at_ourselves(look);
  }
  if (look.subject_mounts.empty()) look.subject_mounts = look.our_mounts;
  Subject& subject = look.evidence.subject;
  subject.user = look.accounts.user_name(subject.uid);
  subject.account_groups = look.accounts.groups_of(subject.uid);
  return {};
}

}  // namespace hallway::net
