// SPDX-License-Identifier: Apache-2.0
#include "net/socket_file.hpp"

#include <new>
#include <sstream>

#include <hallway/bytes.hpp>
#include <hallway/peer.hpp>

#include "net/resolve.hpp"
#include "net/server_look.hpp"
#include "net/socket_type.hpp"
#include "sys/socket.hpp"
#include "sys/socket_diag.hpp"

namespace hallway::net {

namespace {

// The holder writes this into its lock file, followed by its pid and the pid namespace of that pid.
constexpr std::string_view lock_mark = "hallway ";
constexpr std::size_t lock_size_max = 64;
constexpr unsigned lock_mode = 0600;

/// The inode of our pid namespace, the same for all its processes; 0 if there is no /proc.
std::uint64_t pid_namespace() {
  const auto own = sys::open_target_of_path("/proc/self/ns/pid");
  const auto identity = own ? sys::identify(own->get())
                            : sys::Expected<sys::FileIdentity>(std::unexpected(own.error()));
  return identity ? identity->inode : 0;
}

/// A file of that name may belong to another program (Gemfile and Gemfile.lock, or a file made by
/// flock(1)). Our lock file starts with lock_mark. If its maker died before writing that, the file
/// is empty, private and of our uid.
bool looks_like_a_lock(const Descriptor& file, const sys::FileIdentity& identity) {
  const auto text = sys::read_contents(file.get(), lock_size_max);
  if (!text) return false;
  const bool just_made =
      text->empty() && (identity.mode & 0077U) == 0 && identity.uid == sys::effective_uid();
  return just_made || text->starts_with(lock_mark);
}

/// What a lock file records about the process that holds it.
struct LockText {
  std::int32_t pid = 0;
  bool of_another_namespace = false;
};

LockText read_lock(const Descriptor& lock_file) {
  const auto text = sys::read_contents(lock_file.get(), lock_size_max);
  if (!text || !text->starts_with(lock_mark)) return {};
  LockText lock;
  std::uint64_t counts_in = 0;
  std::istringstream numbers(text->substr(lock_mark.size()));
  numbers >> lock.pid >> counts_in;
  lock.of_another_namespace = counts_in != 0 && counts_in != pid_namespace();
  return lock;
}

/// A pid of another pid namespace would name an unrelated process here and is left out.
std::optional<Peer> known_holder(const LockText& lock) {
  if (lock.pid <= 0 || lock.of_another_namespace) return std::nullopt;
  const auto process = sys::open_directory("/proc/" + std::to_string(lock.pid));
  const auto status = process ? sys::identify(process->get())
                              : sys::Expected<sys::FileIdentity>(std::unexpected(ENOENT));
  if (!status) return std::nullopt;
  Peer holder;
  holder.pid = lock.pid;
  holder.uid = status->uid;
  return holder;
}

/// Describes the process that holds a lock file, by the pid it wrote there.
std::string holder_of(const Descriptor& lock_file) {
  const LockText lock = read_lock(lock_file);
  if (lock.pid > 0 && lock.of_another_namespace) return "a process in another pid namespace";
  const auto holder = known_holder(lock);
  return holder ? holder->to_string() : "another process";
}

/// Describes the listening process by its pid when it called listen(2). It may have handed the
/// socket over and ended since, or be in another pid namespace.
std::string listener_of(int connected) {
  const auto peer = Peer::of(connected);
  const auto identity = Peer::identity_of(connected);
  const bool known = peer && peer->pid > 0 && identity && *identity != PidStatus::ended;
  return known ? peer->to_string() : "another process";
}

/// Describes the process that holds an existing socket; nullopt if the socket is dead. The kernel
/// finds a bound socket by its file, in any network namespace, and checks its type before it checks
/// whether the socket listens. So a live socket that does not listen yet reports a wrong type to
/// the two other types, and a dead one refuses connections of all types.
Result<std::optional<std::string>> live_owner(const Address& address, SocketType type) {
  auto probe = try_connect(address, type);
  if (probe && !probe->has_value()) return "a server whose backlog is full";
  if (probe) {
    return type == SocketType::datagram ? "another process" : listener_of(probe->value().get());
  }
  const std::error_code code = probe.error().code;
  if (code == std::errc::wrong_protocol_type) {
    const auto other = type_at(address);
    return "a " + (other ? std::string(to_string(*other)) + " socket" : "socket of another type");
  }
  if (code != std::errc::connection_refused) return std::unexpected(probe.error());
  const auto held = is_held(address);
  if (!held) return std::unexpected(held.error());
  if (*held) return "a process that has not started listening yet";
  return std::nullopt;
}

std::unexpected<Error> in_use(const Address& address, const std::string& owner) {
  return sys::failure(EADDRINUSE, "bind", address.unescaped(), "in use by " + owner,
                      "stop it, or use another address");
}

/// Whether the file is the one the socket is bound to, as far as an unprivileged process can know.
bool is_file_of(int socket, const sys::FileIdentity& file) {
  if (file.kind != sys::FileKind::socket) return false;
  const auto inode = sys::inode_of(socket);
  if (!inode) return file.uid == sys::effective_uid();
  return *inode == static_cast<std::uint32_t>(file.inode);
}

}  // namespace

Result<SocketFile> SocketFile::bind(int socket, const Address& address, const BindOptions& options,
                                    NameLock lock) {
  SocketFile bound(address);
  bound.covered_by_ = lock;
  switch (address.kind()) {
    case Address::Kind::path: {
      if (auto done = bound.open_parent_directory(); !done) return std::unexpected(done.error());
      if (lock == NameLock::own) {
        if (auto done = bound.take_lock(); !done) return std::unexpected(done.error());
      }
      if (auto done = bound.remove_stale_socket(options); !done)
        return std::unexpected(done.error());
      if (auto done = bound.create_file(socket, options); !done) {
        return std::unexpected(done.error());
      }
      return bound;
    }
    case Address::Kind::abstract: {
      const auto done = sys::bind(socket, sys::SocketAddress::abstract(address.name()));
      if (done) return bound;
      if (done.error() != EADDRINUSE) return bound.failed(done.error());
      const auto owner = live_owner(address, options.type);
      return in_use(address, owner && *owner ? **owner : "another process");
    }
    case Address::Kind::autobind: {
      const auto done = sys::bind(socket, sys::SocketAddress());
      if (!done) return bound.failed(done.error());
      const auto picked = sys::local_address(socket);
      if (!picked) return bound.failed(picked.error());
      bound.address_ = from_sys(*picked);
      return bound;
    }
    default:
      return sys::failure(EINVAL, "bind", address.unescaped(),
                          "this kind of address cannot be bound");
  }
}

Result<SocketFile> SocketFile::bind_again(int socket, const BindOptions& options) {
  SocketFile fresh(address_);
  fresh.ownership_ = ownership_;
  fresh.covered_by_ = covered_by_;
  if (auto done = fresh.open_parent_directory(); !done) return std::unexpected(done.error());
  const bool lock_stays = covered_by_ == NameLock::own && is_our_lock(fresh);
  if (lock_stays) {
    // The lock is never free in between: another server would take the name.
    fresh.lock_ = std::move(lock_);
  } else if (covered_by_ == NameLock::own) {
    if (auto done = fresh.take_lock(); !done) return std::unexpected(done.error());
  }
  auto done = fresh.remove_stale_socket(options);
  if (done) done = fresh.create_file(socket, options);
  if (done) return fresh;
  if (lock_stays) lock_ = std::move(fresh.lock_);
  return std::unexpected(done.error());
}

/// The user and group that the options name. They are looked up once: a path is bound again on a
/// loop that serves clients, which must not wait for the user database.
Result<SocketFile::Ownership> SocketFile::wanted_ownership(const BindOptions& options) {
  if (ownership_) return *ownership_;
  Ownership wanted;
  if (!options.file.owner.empty()) {
    const auto uid = user_id(options.file.owner);
    if (!uid) return std::unexpected(uid.error());
    wanted.uid = *uid;
  }
  if (!options.file.group.empty()) {
    const auto gid = group_id(options.file.group);
    if (!gid) return std::unexpected(gid.error());
    wanted.gid = *gid;
  }
  ownership_ = wanted;
  return wanted;
}

/// Whether the lock file where `other` is to be bound is the one that this object has locked.
bool SocketFile::is_our_lock(const SocketFile& other) const {
  if (!lock_.holds_one()) return false;
  const auto held = sys::identify(lock_.get());
  const auto named = sys::identify(other.directory_.get(), other.lock_name_);
  return held && named && held->same_file(*named);
}

Result<SocketFile> SocketFile::adopt(const Address& address, Handover from,
                                     const BindOptions& options, NameLock lock) {
  SocketFile bound(address);
  bound.covered_by_ = lock;
  if (auto done = bound.open_parent_directory(); !done) return std::unexpected(done.error());
  bound.binder_ = 0;
  const auto moved_on = [&](std::string_view what) {
    return sys::failure(ESTALE, "take over", address.unescaped(),
                        std::string(what) + " was replaced in the meantime",
                        "stop the server that runs there, then start this one");
  };
  if (lock == NameLock::own) {
    const auto held = sys::identify(from.lock.get());
    const auto named = sys::identify(bound.directory_.get(), bound.lock_name_);
    if (!held) return bound.failed(held.error());
    if (!named || !held->same_file(*named)) return moved_on("its lock");
  }
  const auto there = sys::identify(bound.directory_.get(), bound.file_);
  const bool same = there && there->kind == sys::FileKind::socket && there->device == from.device &&
                    there->inode == from.inode;
  if (!same) return moved_on("its socket file");
  bound.lock_ = std::move(from.lock);
  bound.made_ = *there;
  bound.adopted_ = options;
  return bound;
}

Result<Descriptor> SocketFile::open_lock_of(const Address& address) {
  SocketFile name(address);
  if (auto done = name.open_parent_directory(); !done) return std::unexpected(done.error());
  name.binder_ = 0;
  auto lock = sys::open_for_writing(name.directory_.get(), name.lock_name_);
  if (lock) return std::move(*lock);
  return sys::failure(lock.error(), "take over", address.unescaped(),
                      "this process may not write to " + printable(name.lock_name_) + " beside it",
                      "a takeover needs write permission on the lock file");
}

std::optional<Peer> SocketFile::lock_holder(const Address& address) {
  SocketFile name(address);
  if (auto done = name.open_parent_directory(); !done) return std::nullopt;
  name.binder_ = 0;
  const auto lock = sys::open_for_writing(name.directory_.get(), name.lock_name_);
  return lock ? known_holder(read_lock(*lock)) : std::nullopt;
}

Result<void> SocketFile::claim() {
  binder_ = sys::process_id();
  if (lock_.holds_one()) write_lock_owner();
  if (!adopted_) return {};
  const BindOptions options = *std::exchange(adopted_, std::nullopt);
  const auto name = sys::open_name(directory_.get(), file_);
  if (!name) return failed(name.error());
  const auto found = sys::identify(name->get());
  // The path was lost at this moment: its PathMonitor will report it.
  if (!found || !found->same_file(*made_)) return {};
  return set_owner_and_mode(name->get(), options);
}

SocketFile& SocketFile::operator=(SocketFile&& other) noexcept {
  if (this == &other) return *this;
  remove();
  address_ = std::move(other.address_);
  file_ = std::move(other.file_);
  origin_ = std::move(other.origin_);
  directory_ = std::move(other.directory_);
  lock_ = std::move(other.lock_);
  lock_name_ = std::move(other.lock_name_);
  binder_ = other.binder_;
  made_ = std::exchange(other.made_, std::nullopt);
  ownership_ = other.ownership_;
  adopted_ = std::move(other.adopted_);
  return *this;
}

std::unexpected<Error> SocketFile::failed(int error) const {
  std::string reason;
  std::string hint;
  if (error == ENOENT && is_below_removed_directory(address_)) {
    reason = directory_removed;
    hint = leave_directory;
  } else if (error == ENOENT) {
    reason = "there is no directory " + printable(split_path(address_.name()).first);
    hint = "create it first";
  } else if (error == ENOTDIR) {
    reason = printable(split_path(address_.name()).first) + " is not a directory";
    hint = "check the path";
  } else if (error == EACCES) {
    reason = "permission denied";
    hint =
        "binding takes write permission on the directory, and the lock file beside the socket "
        "must be ours";
  } else if (error == EBUSY) {
    reason = "it is a mount point";
    hint = "mount the directory instead of the socket file, which belongs to one server for ever";
  }
  return sys::failure(error, "bind", address_.unescaped(), std::move(reason), std::move(hint));
}

Result<void> SocketFile::open_parent_directory() {
  const auto [directory, file] = split_path(address_.name());
  file_ = file;
  if (file.empty() || file == "." || file == "..") {
    return sys::failure(EISDIR, "bind", address_.unescaped(), "that is a directory",
                        "give the path of a socket file in it");
  }
  if (!address_.name().starts_with('/')) {
    auto origin = sys::open_directory(".");
    if (!origin) return failed(origin.error());
    origin_ = std::move(*origin);
  }
  auto opened = sys::open_directory(directory);
  if (!opened) return failed(opened.error());
  directory_ = std::move(*opened);
  binder_ = sys::process_id();
  // If name and suffix together are longer than a file name may be, all names that begin with the
  // same bytes share one lock. At worst a server is refused; a name is never held twice.
  constexpr std::size_t name_max = 255;
  constexpr std::string_view suffix = ".lock";
  lock_name_ = file_.substr(0, name_max - suffix.size()).append(suffix);
  return {};
}

// The lock is on the inode, and the name may lead to another inode by the time we hold it: the last
// holder removes the file before it releases the lock. A process that then locked the old inode
// starts again.
Result<void> SocketFile::take_lock() {
  constexpr int most_attempts = 100;
  for (int attempt = 0; attempt < most_attempts; ++attempt) {
    auto file = open_lock();
    if (!file) return no_lock(file.error());
    const auto locked = sys::lock_exclusively(file->get());
    if (!locked && locked.error() == EWOULDBLOCK) return in_use(address_, holder_of(*file));
    if (!locked) return failed(locked.error());
    const auto held = sys::identify(file->get());
    const auto named = sys::identify(directory_.get(), lock_name_);
    if (!held || !named || !held->same_file(*named)) continue;
    if (!looks_like_a_lock(*file, *held)) {
      return sys::failure(EEXIST, "bind", address_.unescaped(),
                          printable(lock_name_) + " exists and is not a lock file",
                          "Hallway does not overwrite it; use another address");
    }
    // Corrects the effect of the umask: otherwise only root could open the file again.
    const bool private_to_us = held->uid == sys::effective_uid() && (held->mode & ~lock_mode) == 0;
    if (private_to_us && held->mode != lock_mode) (void)sys::set_mode(file->get(), lock_mode);
    lock_ = std::move(*file);
    write_lock_owner();
    return {};
  }
  return in_use(address_, "processes that start and stop repeatedly");
}

// The umask may have removed our own access, and the server may have been killed before it
// corrected that. A file that others may also use does not come from such a server.
sys::Expected<Descriptor> SocketFile::open_lock() const {
  auto file = sys::open_lock_file(directory_.get(), lock_name_);
  if (file || file.error() != EACCES) return file;
  const auto name = sys::open_name(directory_.get(), lock_name_);
  const auto left = name ? sys::identify(name->get())
                         : sys::Expected<sys::FileIdentity>(std::unexpected(name.error()));
  const bool ours = left && left->kind == sys::FileKind::regular &&
                    left->uid == sys::effective_uid() && (left->mode & ~lock_mode) == 0;
  if (!ours) return file;
  if (const auto set = sys::set_mode_of_name(name->get(), lock_mode); !set) return file;
  return sys::open_lock_file(directory_.get(), lock_name_);
}

// Information for a process that is refused: a pid in the file proves nothing, the lock does.
void SocketFile::write_lock_owner() noexcept {
  try {
    (void)sys::replace_contents(lock_.get(), std::string(lock_mark) +
                                                 std::to_string(sys::process_id()) + " " +
                                                 std::to_string(pid_namespace()) + "\n");
  } catch (const std::bad_alloc&) {
    // The lock is held in any case; the error of a refused process just does not name the holder.
  }
}

std::unexpected<Error> SocketFile::no_lock(int error) const {
  const auto made = sys::identify(directory_.get(), lock_name_);
  if (!made || made->uid == sys::effective_uid()) return failed(error);
  return sys::failure(
      error, "bind", address_.unescaped(),
      "the lock beside it belongs to uid " + std::to_string(made->uid),
      "another user serves there or did not end cleanly; use another address, or have " +
          printable(split_path(address_.name()).first + lock_name_) + " removed");
}

Result<void> SocketFile::remove_stale_socket(const BindOptions& options) {
  const auto found = sys::identify(directory_.get(), file_);
  if (!found && found.error() == ENOENT) return {};
  if (!found) return failed(found.error());

  if (found->kind != sys::FileKind::socket) {
    return sys::failure(EEXIST, "bind", address_.unescaped(),
                        std::string(words(found->kind)) + " is in the way",
                        "Hallway removes only sockets: move it away, or use another address");
  }
  const auto owner = live_owner(address_, options.type);
  if (!owner) return std::unexpected(owner.error());
  if (*owner) return in_use(address_, **owner);

  // A dead socket of the configured owner also counts as ours: an earlier server of ours was
  // configured to give it to that owner.
  const auto wanted = wanted_ownership(options);
  if (!wanted) return std::unexpected(wanted.error());
  if (found->uid != sys::effective_uid() && found->uid != wanted->uid) {
    return sys::failure(EEXIST, "bind", address_.unescaped(),
                        "a dead socket of uid " + std::to_string(found->uid) + " is in the way",
                        "only servers of that user replace it; otherwise remove it yourself");
  }
  const auto removed = sys::remove_name(directory_.get(), file_);
  if (!removed && removed.error() != ENOENT) return failed(removed.error());
  return {};
}

// bind(2) creates the file with the socket's own mode less the umask, so the mode set by fchmod(2)
// before is in force from the file's first moment. The bits that the umask removed, and another
// owner, are set afterwards through the inode's own descriptor. Until then a stream refuses every
// client because it does not listen, and a datagram socket admits only our own user.
Result<void> SocketFile::create_file(int socket, const BindOptions& options) {
  const auto wanted = wanted_ownership(options);
  if (!wanted) return std::unexpected(wanted.error());
  const unsigned first_mode = wanted->changes() ? options.file.mode & 0600U : options.file.mode;
  if (const auto set = sys::set_mode(socket, first_mode); !set) return failed(set.error());

  // A name too long for sun_path is bound under a short name, reached through the directory's
  // descriptor, and then renamed.
  const std::string in_directory = sys::proc_path(directory_.get()) + "/";
  std::string made = file_;
  std::string path = address_.name();
  if (path.size() > sys::SocketAddress::name_max) path = in_directory + file_;
  if (path.size() > sys::SocketAddress::name_max) {
    made = ".hallway-" + std::to_string(sys::process_id()) + "-" + std::to_string(socket);
    path = in_directory + made;
  }
  if (const auto done = sys::bind(socket, sys::SocketAddress::path(path)); !done) {
    return failed(done.error());
  }

  file_.swap(made);  // if a later step fails, the file is removed under its present name
  const auto name = open_made(socket, file_);
  if (!name) return std::unexpected(name.error());
  const std::string& wanted_name = made;
  if (auto done = set_owner_and_mode(name->get(), options); !done) return done;
  if (file_ != wanted_name) {
    const auto renamed = sys::rename_without_replacing(directory_.get(), file_, wanted_name);
    if (!renamed) return failed(renamed.error());
    file_.swap(made);
    const auto there = sys::identify(directory_.get(), file_);
    if (!there || !there->same_file(*made_)) return swapped();
  }
  return {};
}

// A process that may write to the directory may have put another file at that name, even one of
// ours. We must not change the mode or owner of that file, nor remove it.
Result<Descriptor> SocketFile::open_made(int socket, const std::string& name) {
  auto own = sys::open_file_of(socket);
  const auto known = own ? sys::identify(own->get())
                         : sys::Expected<sys::FileIdentity>(std::unexpected(own.error()));
  if (known) {
    made_ = *known;
    const auto named = sys::identify(directory_.get(), name);
    if (!named) return failed(named.error());
    if (!named->same_file(*known)) return swapped();
    return std::move(*own);
  }
  // open_file_of() requires CAP_NET_ADMIN. Any process may ask for the inode's number.
  auto opened = sys::open_name(directory_.get(), name);
  const auto found = opened ? sys::identify(opened->get())
                            : sys::Expected<sys::FileIdentity>(std::unexpected(opened.error()));
  if (!found) {
    const auto named = sys::identify(directory_.get(), name);
    if (named && is_file_of(socket, *named)) made_ = *named;  // to be removed
    return failed(found.error());
  }
  if (!is_file_of(socket, *found)) return swapped();
  made_ = *found;
  return std::move(*opened);
}

std::unexpected<Error> SocketFile::swapped() const {
  return sys::failure(ESTALE, "bind", address_.unescaped(),
                      "another file took the place of the new socket file",
                      "use a directory that no other user may write to");
}

Result<void> SocketFile::set_owner_and_mode(int name, const BindOptions& options) {
  const auto wanted = wanted_ownership(options);
  if (!wanted) return std::unexpected(wanted.error());
  if (wanted->changes()) {
    const auto given = sys::set_owner_of_name(name, wanted->uid, wanted->gid);
    if (!given) {
      return sys::failure(given.error(), "change owner of", address_.unescaped(), {},
                          "only root can change the owner; the group must be one of ours");
    }
  }
  const auto now = sys::identify(name);
  if (!now) return failed(now.error());
  if (now->mode == options.file.mode) return {};
  const auto changed = sys::set_mode_of_name(name, options.file.mode);
  if (!changed) return sys::failure(changed.error(), "change mode of", address_.unescaped());
  return {};
}

std::optional<std::string> SocketFile::lost() const {
  if (!made_) return std::nullopt;
  // Resolved as a client does it, because what leads to the directory may have changed. A relative
  // path starts where it was bound, because this process may also have changed its directory.
  const auto there = sys::identify(origin_.get(), address_.name());
  if (there && there->same_file(*made_)) return std::nullopt;
  if (there) return std::string(words(there->kind)) + " is in its place";
  if (there.error() == ENOENT) return "the socket file is gone";
  return std::generic_category().message(there.error());
}

void SocketFile::remove() noexcept {
  // A forked child holds the same descriptors and must not remove the parent's name.
  if (binder_ == sys::process_id()) {
    // Only removed if still ours: a process that emptied the directory removed both names, and
    // other servers may have them by now.
    const auto remove_if_same = [this](const std::string& name,
                                       const sys::Expected<sys::FileIdentity>& ours) {
      const auto there = sys::identify(directory_.get(), name);
      if (!ours || !there || !there->same_file(*ours)) return;
      (void)sys::remove_name(directory_.get(), name);  // there is no caller left to report to
    };
    if (made_) remove_if_same(file_, *made_);
    if (lock_.holds_one()) remove_if_same(lock_name_, sys::identify(lock_.get()));
  }
  hand_over();
}

void SocketFile::hand_over() noexcept {
  made_.reset();
  directory_.close();
  origin_.close();
  lock_.close();
}

}  // namespace hallway::net
