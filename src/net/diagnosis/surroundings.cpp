// SPDX-License-Identifier: Apache-2.0
#include "net/diagnosis/surroundings.hpp"

#include <algorithm>
#include <cerrno>
#include <set>
#include <string>
#include <tuple>
#include <utility>

#include "core/number.hpp"
#include "net/diagnosis/permissions.hpp"
#include "net/diagnosis/similar.hpp"
#include "net/diagnosis/socket_table.hpp"
#include "net/socket_file.hpp"
#include "sys/file.hpp"
#include "sys/inspect.hpp"

namespace hallway::net {

namespace {

constexpr std::size_t most_similar = 5;
constexpr std::size_t most_entries = 4096;

/// The step for the directory of the last name.
const PathStep* parent_step(const Evidence& evidence) {
  const auto& steps = evidence.steps;
  const auto last = std::ranges::find(steps, true, &PathStep::last);
  for (auto step = last; step != steps.begin();) {
    --step;
    if (step->kind == StepKind::directory && step->error == 0) return &*step;
  }
  return nullptr;
}

int write_error(const Look& look, const PathStep& directory) {
  if (look.evidence.subject.kind == Subject::Kind::self && look.parent.holds_one()) {
    const auto allowed = sys::may_write(look.parent.get());
    if (allowed || allowed.error() != ENOSYS) return allowed ? 0 : allowed.error();
  }
  if (!permission(directory, look.evidence.subject, Access::write).allowed) return EACCES;
  return directory.mount && directory.mount->read_only ? EROFS : 0;
}

std::optional<unsigned> umask_of(const Subject& subject) {
  const std::int32_t pid = subject.kind == Subject::Kind::process ? subject.pid : 0;
  const auto status = parse_status(proc_text(pid, "status"));
  return status ? status->umask : std::nullopt;
}

std::string directory_path(const std::string& path) { return path.substr(0, path.rfind('/') + 1); }

std::string last_name(const std::string& path) { return path.substr(path.rfind('/') + 1); }

std::optional<Mount> mount_of(const Look& look, std::optional<std::uint64_t> id) {
  const auto found = std::ranges::find(look.our_mounts, id,
                                       [](const Mount& mount) { return std::optional(mount.id); });
  return found == look.our_mounts.end() ? std::nullopt : std::optional(*found);
}

/// The process that holds the lock on "<path>.lock" now. What the file says in itself may be old.
std::optional<Process> lock_holder(Look& look) {
  if (!look.parent.holds_one()) return std::nullopt;
  const auto file = sys::open_name(look.parent.get(), last_name(look.absolute) + ".lock");
  const auto details = file ? sys::details_of(file->get()) : std::unexpected(file.error());
  if (!details) return std::nullopt;
  const auto mount = mount_of(look, details->mount);
  const std::string locks = proc_text(-1, "locks");
  if (mount && !locks.empty()) {
    const auto pid = lock_holder_in(locks, mount->major, mount->minor, details->inode);
    return pid ? std::optional(look_at_process(*pid, look.accounts)) : std::nullopt;
  }
  const auto noted = SocketFile::lock_holder(look.evidence.address);
  return noted ? std::optional(look_at_process(noted->pid, look.accounts)) : std::nullopt;
}

using FileKey = std::tuple<std::uint32_t, std::uint32_t, std::uint32_t>;

std::vector<sys::DirectoryEntry> names_beside(const Look& look) {
  if (!look.parent.holds_one()) return {};
  const auto listing = sys::open_for_listing(look.parent.get(), ".");
  const auto entries =
      listing ? sys::list_directory(*listing, most_entries) : std::unexpected(listing.error());
  return entries.value_or(std::vector<sys::DirectoryEntry>());
}

bool may_be_socket(const Look& look, const sys::DirectoryEntry& entry) {
  if (entry.kind) return *entry.kind == sys::FileKind::socket;
  const auto identity = sys::identify(look.parent.get(), entry.name);
  return identity && identity->kind == sys::FileKind::socket;
}

/// The sockets in the directory, and those of them that the server of the address's old name has.
void take_names_beside(Look& look, std::vector<Candidate>& candidates) {
  const PathStep* const directory = parent_step(look.evidence);
  if (directory == nullptr) return;
  const Mount mount = directory->mount.value_or(Mount{});
  std::set<FileKey> live;
  std::set<FileKey> wanted;
  const auto key_of = [](const SocketEntry& entry) {
    return FileKey(entry.file_major.value_or(0), entry.file_minor.value_or(0),
                   entry.file_inode.value_or(0));
  };
  for (const SocketEntry& entry : look.live) live.insert(key_of(entry));
  for (const SocketEntry& entry : look.evidence.elsewhere) wanted.insert(key_of(entry));
  for (const sys::DirectoryEntry& entry : names_beside(look)) {
    const std::string path = directory_path(look.absolute) + entry.name;
    if (path == look.absolute || !may_be_socket(look, entry)) continue;
    const FileKey key(mount.major, mount.minor, static_cast<std::uint32_t>(entry.inode));
    const bool alive = live.contains(key);
    if (alive && wanted.contains(key)) {
      look.evidence.similar.push_back(
          {.name = path, .why = SimilarName::Why::renamed, .alive = true});
    } else {
      candidates.push_back({.name = path, .alive = alive});
    }
  }
}

std::string word_in(const std::string& text, std::size_t index) {
  const auto words = split(text, " \t\n");
  return index < words.size() ? std::string(words[index]) : std::string();
}

template <typename Number>
std::optional<Number> number_in(const std::string& text, std::size_t index = 0) {
  return core::parse_number<Number>(word_in(text, index));
}

/// N of a path in /run/user/N.
std::optional<std::uint32_t> runtime_user(std::string_view path) {
  constexpr std::string_view prefix = "/run/user/";
  if (!path.starts_with(prefix)) return std::nullopt;
  path.remove_prefix(prefix.size());
  return core::parse_number<std::uint32_t>(path.substr(0, path.find('/')));
}

void look_at_runtime_user(Look& look) {
  const auto uid = runtime_user(look.absolute);
  if (!uid) return;
  look.evidence.runtime_user = look.accounts.user_name(*uid);
  const std::string directory = "/var/lib/systemd/linger";
  if (look.evidence.runtime_user.empty() || !sys::details_at("/var/lib/systemd")) return;
  const auto file = sys::details_at(directory + "/" + look.evidence.runtime_user);
  if (file || file.error() == ENOENT) look.evidence.lingers = file.has_value();
}

}  // namespace

void look_at_bind_place(Look& look) {
  BindPlace& place = look.evidence.place;
  place.umask = umask_of(look.evidence.subject).value_or(0);
  const PathStep* const directory = parent_step(look.evidence);
  if (directory == nullptr || !look.parent.holds_one()) return;
  place.write_error = write_error(look, *directory);
  const auto inodes = sys::count_inodes(look.parent.get());
  if (inodes && inodes->total > 0) place.free_inodes = inodes->available;
  place.lock_holder = lock_holder(look);
}

void look_for_similar_names(Look& look) {
  Evidence& evidence = look.evidence;
  const bool reached = evidence.probe && evidence.probe->error == 0;
  if (!evidence.sockets.empty() || reached || evidence.held == true) return;
  const bool abstract = evidence.address.kind() == Address::Kind::abstract;
  std::vector<Candidate> candidates;
  candidates.reserve(look.live.size());
  for (const SocketEntry& entry : look.live) {
    // A NUL and an '@' are shown alike.
    const bool looks_alike =
        abstract && entry.exact_name && entry.name == shown_abstract(evidence.address.name());
    candidates.push_back({.name = looks_alike ? "@" + *entry.exact_name : entry.name,
                          .abstract = entry.abstract,
                          .alive = true});
  }
  if (!abstract) take_names_beside(look, candidates);
  auto similar = similar_names(evidence.address, abstract ? std::string() : look.absolute,
                               candidates, most_similar);
  std::ranges::move(similar, std::back_inserter(evidence.similar));
}

void look_at_machine(Look& look) {
  Evidence& evidence = look.evidence;
  const std::string files = proc_text(-1, "sys/fs/file-nr");
  evidence.open_files = number_in<std::uint64_t>(files, 0);
  evidence.open_files_limit = number_in<std::uint64_t>(files, 2);
  for (const char* path :
       {"/run/docker.sock", "/run/podman/podman.sock", "/run/containerd/containerd.sock"}) {
    evidence.container_runtime = evidence.container_runtime || sys::details_at(path).has_value();
  }
  const std::string map = proc_text(0, "uid_map");
  if (!map.empty()) evidence.maps_all_users = maps_every_id(map);
  const auto uid = number_in<std::uint32_t>(proc_text(-1, "sys/kernel/overflowuid"));
  const auto gid = number_in<std::uint32_t>(proc_text(-1, "sys/kernel/overflowgid"));
  if (uid) evidence.overflow_uid = *uid;
  if (gid) evidence.overflow_gid = *gid;
  evidence.protects_symlinks = proc_text(-1, "sys/fs/protected_symlinks").starts_with('1');
  look_at_runtime_user(look);
}

void look_at_security_modules(Look& look) {
  Evidence& evidence = look.evidence;
  const auto text = sys::read_whole("/sys/kernel/security/lsm", 4096);
  if (text) {
    for (const auto module : split(*text, ",\n")) evidence.security_modules.emplace_back(module);
  } else if (evidence.probe &&
             (evidence.probe->error == EACCES || evidence.probe->error == EPERM)) {
    look.miss("which security modules decide (/sys/kernel/security is not mounted)");
  }
  if (!look.reached.holds_one()) return;
  for (const char* name : {"security.selinux", "security.SMACK64"}) {
    const auto label = sys::extended_attribute(sys::proc_path(look.reached.get()), name);
    if (!label || !evidence.file_security_label.empty()) continue;
    evidence.file_security_label = label->substr(0, label->find('\0'));
  }
}

}  // namespace hallway::net
