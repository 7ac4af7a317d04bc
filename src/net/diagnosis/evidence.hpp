// SPDX-License-Identifier: Apache-2.0
//
// What was seen at an address: plain values, no opinion. gather() (gather.hpp) fills it in from the
// kernel; explain() (explain.hpp) draws the conclusions, and needs no kernel.
//
// An optional value that is unset could not be looked at; Evidence::unseen then says why. Numbers
// named `error` are values of errno; zero means that there was no error.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include <hallway/address.hpp>
#include <hallway/socket.hpp>

namespace hallway::net {

/// What a service manager left in the environment of a process: LISTEN_PID, LISTEN_FDS and
/// LISTEN_FDNAMES.
struct Activation {
  std::optional<std::int32_t> pid;  ///< LISTEN_PID: the process they are meant for
  std::uint32_t descriptors = 0;    ///< LISTEN_FDS
  std::vector<std::string> names;   ///< LISTEN_FDNAMES
};

/// How many descriptors of a kind a process has open.
struct DescriptorCount {
  std::string kind;  ///< "sockets", "pipes", "regular files" ...
  std::uint64_t count = 0;
};

/// The user or process that wants to connect or bind.
struct Subject {
  enum class Kind : std::uint8_t { self, user, process };

  Kind kind = Kind::self;
  std::int32_t pid = 0;  ///< of `self` and `process`
  std::string command;   ///< the process's name (comm)
  std::string user;      ///< by the user database; empty if it has no name
  std::uint32_t uid = 0;
  std::uint32_t gid = 0;
  std::vector<std::uint32_t> groups;  ///< of the process, or of the user by the database
  std::vector<std::uint32_t>
      account_groups;                  ///< of the user by the database: a process may lack one
  bool overrides_permissions = false;  ///< CAP_DAC_OVERRIDE is effective
  bool searches_everywhere = false;    ///< the same, or CAP_DAC_READ_SEARCH
  bool owns_everything = false;        ///< CAP_FOWNER: may remove what is others' from /tmp
  bool no_new_privileges = false;
  int seccomp = 0;  ///< 2: a filter decides about its system calls
  std::optional<std::uint64_t> open_descriptors;
  std::optional<std::uint64_t> descriptor_limit;  ///< the soft RLIMIT_NOFILE
  bool other_mounts = false;                      ///< its mount namespace is not ours
  bool other_network = false;                     ///< its network namespace is not ours
  std::string root = "/";                         ///< its root directory, as we see it
  std::string working_directory;                  ///< as we see it; empty: unknown
  bool working_directory_removed = false;
  /// Values of its environment that sockets are found by; unset: not ours to read.
  std::optional<std::string> runtime_directory;  ///< XDG_RUNTIME_DIR
  std::optional<Activation> activation;          ///< unset: no LISTEN_FDS, or not ours to read
  std::string unit;  ///< of systemd, by the cgroup of `self` or `process`: "nginx.service"
  /// Of `self` and of a process of ours, most first; empty if not ours to read.
  std::vector<DescriptorCount> descriptors_by_kind;
};

/// A file system as /proc/PID/mountinfo shows it.
struct Mount {
  std::uint64_t id = 0;
  std::uint32_t major = 0;
  std::uint32_t minor = 0;
  std::string root;   ///< what of the file system is mounted; "//deleted" at its end: it is gone
  std::string point;  ///< where
  std::string type;   ///< "tmpfs", "overlay", "fuse.sshfs" ...
  std::string source;
  std::vector<std::string> options;  ///< of the mount and the file system: "ro", "upperdir=/x" ...
  bool read_only = false;
};

/// One entry of a POSIX access control list.
struct AclEntry {
  enum class Tag : std::uint8_t { owner, user, group_owner, group, mask, other };
  Tag tag = Tag::other;
  std::uint32_t id = 0;      ///< of `user` and `group`
  unsigned permissions = 0;  ///< rwx as 4, 2, 1
};

enum class StepKind : std::uint8_t {
  missing,
  unknown,
  socket,
  regular,
  directory,
  symlink,
  fifo,
  device
};

/// One name of a path, in the order the kernel looks them up: "/", "/run", "/run/app" ... Where a
/// name is a symbolic link, the names it leads through follow it.
struct PathStep {
  std::string path;  ///< as the subject reaches it
  StepKind kind = StepKind::unknown;
  int error = 0;  ///< of looking at it: ENOENT, EACCES, ELOOP, ENOTDIR
  std::uint32_t owner = 0;
  std::uint32_t group = 0;
  std::string owner_name;  ///< empty: no name
  std::string group_name;
  unsigned mode = 0;          ///< permission bits, with the sticky bit
  std::vector<AclEntry> acl;  ///< empty: none
  std::string target;         ///< of a symbolic link
  std::uint64_t inode = 0;
  std::uint64_t links = 1;
  bool mount_point = false;  ///< something is mounted exactly here
  bool immutable = false;    ///< chattr +i: in such a directory not even root may make a file
  std::optional<Mount> mount;
  std::optional<std::chrono::seconds> age;  ///< since it was created
  /// For `self`: what faccessat(2) says: about searching a directory, about writing to the last
  /// name.
  std::optional<int> access_error;
  /// No name of the path follows: this is the last name of the address, or, where that is a
  /// symbolic link, which is `last` as well, the last name of what it leads to.
  bool last = false;
  std::optional<bool> empty;  ///< of a directory that is `last`
};

enum class SocketState : std::uint8_t { unbound_or_connected, bound, listening };

/// A process, as everybody may see it.
struct Process {
  std::int32_t pid = 0;
  bool alive = true;
  std::string command;  ///< comm
  std::uint32_t uid = 0;
  std::string user;
  char state = '?';            ///< as sys::process_state()
  std::int32_t traced_by = 0;  ///< the pid of a debugger
  std::string traced_by_command;
  std::string waits_in;  ///< the kernel function (wchan); empty: unknown
  std::string unit;      ///< of systemd, by its cgroup: "app.service"
  bool frozen = false;   ///< its cgroup is
  std::optional<std::uint64_t> open_descriptors;
  std::optional<std::uint64_t> descriptor_limit;       ///< the soft RLIMIT_NOFILE
  std::optional<std::uint64_t> descriptor_hard_limit;  ///< unset: unknown
  std::optional<std::chrono::seconds> age;
  bool private_tmp = false;  ///< its /tmp is not ours
  bool other_mounts = false;
  bool other_network = false;
  /// Whether one of its epoll instances, or a blocked accept(2), waits for the listening socket;
  /// unset: its descriptors are not ours to read.
  std::optional<bool> watches_listener;
  std::string working_directory;         ///< empty: not ours to read
  std::string root;                      ///< its root directory, as we see it; empty likewise
  std::optional<Activation> activation;  ///< unset: no LISTEN_FDS, or not ours to read
};

/// A socket, from the kernel's list of a network namespace.
struct SocketEntry {
  std::string name;  ///< as it was given to bind(2): a path, or '@' and the abstract name, in which
                     ///< each NUL is '@'
  bool abstract = false;
  /// Of an abstract name: its bytes, without the leading NUL; unset: only `name` is known.
  std::optional<std::string> exact_name;
  std::uint64_t inode = 0;  ///< its own: "socket:[N]"
  SocketType type = SocketType::stream;
  SocketState state = SocketState::bound;
  std::optional<std::uint32_t> uid;  ///< of the process that created it
  /// The file it is bound to: its device and the lower 32 bits of its inode.
  std::optional<std::uint32_t> file_major;
  std::optional<std::uint32_t> file_minor;
  std::optional<std::uint32_t> file_inode;
  bool has_queue = true;                      ///< the next three are known
  std::uint32_t waiting = 0;                  ///< of a listening one: clients that are not accepted
  std::uint32_t backlog = 0;                  ///< of a listening one: one more than this fits
  std::uint32_t waiting_gone = 0;             ///< of those that wait: they have closed already
  std::optional<std::uint64_t> connected_to;  ///< the inode of the socket a datagram socket is
                                              ///< connected to
  std::vector<Process> holders;               ///< who has it open, as far as we may see
  bool holders_in_part = false;               ///< others may have it open as well
  /// If `holders` is empty: a process that has the socket's file system mounted where we have
  /// another one. It, or a process beside it in its unit or container, holds the socket.
  std::optional<Process> in_mounts_of;
  /// In whose network namespace it was found; zero: in ours.
  std::int32_t seen_by_pid = 0;
};

/// What connecting once showed.
struct Probe {
  enum class Ending : std::uint8_t {
    open,    ///< still connected when we closed it
    closed,  ///< the server closed it at once, without a word
    spoke,   ///< the server sent something
    reset,
  };
  int error = 0;                ///< of socket(2) or connect(2); EAGAIN: the backlog is full
  bool socket_refused = false;  ///< `error` is of socket(2)
  Ending ending = Ending::open;
  std::optional<Process> listener;  ///< that called listen(2) (SO_PEERCRED); `alive` may be false
  /// Whether the server had accepted the connection when we closed it, at least 20 ms after it was
  /// made; unset: not known, or it ended before.
  std::optional<bool> accepted;
};

/// The type of a unit of systemd that names the address, and its state.
struct SocketUnit {
  std::string name;           ///< "app.socket"
  std::string state;          ///< SubState: "listening", "failed", "dead"
  std::string result;         ///< "success", "trigger-limit-hit" ...
  std::string service;        ///< that it starts: "app.service"
  std::string service_state;  ///< SubState: "running", "dead", "failed"
  std::string service_result;
  std::optional<std::uint32_t> service_uid;  ///< of User=, by the user database
  std::optional<std::uint64_t> accepted;     ///< NAccepted
  std::optional<std::uint64_t> refused;      ///< NRefused
  std::optional<bool> removes_on_stop;       ///< RemoveOnStop=
  std::optional<Process> main;               ///< the service's main process
};

/// Names that are not the one asked for, and might be meant.
struct SimilarName {
  enum class Why : std::uint8_t {
    blank,         ///< but for blanks around it
    letter_case,   ///< but for upper and lower case
    lookalike,     ///< but for characters that look alike, or are invisible
    padded,        ///< an abstract name filled up with NULs
    cut_off,       ///< the first 107 bytes of ours
    other_form,    ///< a path instead of an abstract name, or the reverse
    renamed,       ///< the same socket, under another name in the same directory
    typing_error,  ///< one or two characters differ
    nearby,        ///< in the same directory
  };
  std::string name;
  Why why = Why::nearby;
  bool alive = false;  ///< a socket is bound to it now
};

/// What the directory allows to a server that wants to bind there.
struct BindPlace {
  int write_error = 0;  ///< of the directory, for the subject: EACCES, EROFS; computed for others
  std::optional<std::uint64_t> free_inodes;  ///< unset: the file system does not count them
  unsigned umask = 0;
  std::optional<Process> lock_holder;  ///< of "<path>.lock"
};

struct Evidence {
  Address address;
  std::string written;  ///< as the user wrote it; empty: not known
  bool for_bind = false;
  std::optional<SocketType> type;  ///< asked for
  Subject subject;
  std::uint32_t our_uid = 0;

  std::vector<PathStep> steps;  ///< of a path; empty for an abstract name
  BindPlace place;              ///< if for_bind

  /// Sockets bound to this very file, or to this abstract name: in our network namespace, then in
  /// others.
  std::vector<SocketEntry> sockets;
  /// Live sockets that were bound to the same path, and are not at this file.
  std::vector<SocketEntry> elsewhere;
  /// If `sockets` is empty: connected sockets of our network namespace that have this very file, or
  /// this abstract name. A client may bind a name of its own, and what a server has accepted keeps
  /// the name when the server closes the socket that listened.
  std::vector<SocketEntry> connected;
  /// Our own mounts, or those of the subject, whose `point` is above the path.
  std::vector<Mount> mounts;
  /// For sockets in `elsewhere`: the mount of their process that has the socket's device.
  std::vector<Mount> elsewhere_mounts;  ///< in the order of `elsewhere`; an id of zero: not found
  std::optional<Probe> probe;           ///< unset: none was made
  std::string no_probe_because;
  std::vector<SimilarName> similar;
  std::optional<SocketUnit> unit;
  /// Whether a live socket of any type, listening or not, is bound to the path, in any network
  /// namespace: connecting a datagram socket asks that, and the server does not notice. False: the
  /// file is stale. Unset: not a path, not reachable for us, or not our own view of it.
  std::optional<bool> held;
  /// The datagram socket at the address has as many datagrams unread as its queue holds.
  bool datagram_queue_full = false;
  /// Each socket of our network namespace could be compared with the file itself, so one that is
  /// not in `sockets` is of another.
  bool compared_by_file = true;
  /// Not all other network namespaces could be looked through.
  bool networks_in_part = false;
  /// Time was up before all processes were looked at.
  bool cut_short = false;
  /// If the subject has another root or other mounts than we have: what the path leads to in ours.
  std::optional<StepKind> in_our_mounts;
  /// On an overlay, and in a directory that is a layer of one: live sockets that are bound to the
  /// same file of another layer, or of the overlay.
  std::vector<SocketEntry> in_layers;
  /// The overlay that has a directory above the path as its upper or lower directory, and a process
  /// that has it mounted. For a path on the overlay itself: unset.
  std::optional<Mount> layer_of;
  std::int32_t layer_of_pid = 0;
  /// Whether our user namespace maps every user; if not, overflow_uid and overflow_gid stand for
  /// all users and groups that it does not map.
  std::optional<bool> maps_all_users;
  std::uint32_t overflow_uid = 65534;
  std::uint32_t overflow_gid = 65534;
  /// Of a path in /run/user/N: the name of user N, and whether the user manager outlives its
  /// sessions (/var/lib/systemd/linger/NAME).
  std::string runtime_user;
  std::optional<bool> lingers;
  bool second_look_moved = false;  ///< between two looks the queue of the listening socket moved
  /// fs.protected_symlinks: in a sticky directory that all may write to, the last link of a path is
  /// followed only for its owner, or if it is of the directory's owner.
  bool protects_symlinks = false;
  std::vector<std::string> security_modules;  ///< of /sys/kernel/security/lsm
  std::string security_label;                 ///< of the subject; of the file:
  std::string file_security_label;
  std::optional<std::uint64_t> open_files;  ///< of the system, and its limit (file-nr)
  std::optional<std::uint64_t> open_files_limit;
  bool container_runtime = false;  ///< Docker, Podman or containerd has its socket here

  std::vector<std::string> unseen;  ///< "the descriptors of pid 4711 (it is of another user)" ...
};

}  // namespace hallway::net
