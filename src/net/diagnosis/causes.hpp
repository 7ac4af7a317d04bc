// SPDX-License-Identifier: Apache-2.0
//
// Every cause that explain() can name. The words are part of the interface (Finding::cause): a word
// that was released is never changed or given another meaning. docs/DIAGNOSE.md shows this table.
#pragma once

#include <algorithm>
#include <array>
#include <string_view>

#include <hallway/diagnosis.hpp>

namespace hallway::net {

struct Cause {
  using State = Diagnosis::State;

  std::string_view word;
  /// Of an address whose first finding it is, if the subject connects; `healthy`: it stops nothing.
  /// Whatever stops a bind without being `denied` makes the address `wrong`.
  State state = State::wrong;
  std::string_view meaning;
  std::string_view kernel;  ///< what the kernel answers
};

inline constexpr std::array causes{
    // The program itself, before it reaches the address.
    Cause{"no_name", Cause::State::wrong,
          "The address has no name that another program could connect to.", "nothing"},
    Cause{"client_out_of_descriptors", Cause::State::wrong,
          "The program has as many descriptors open as it may.", "EMFILE"},
    Cause{"system_out_of_descriptors", Cause::State::wrong,
          "All programs together have as many files open as the system allows.", "ENFILE"},
    Cause{"seccomp_denies", Cause::State::denied,
          "A filter of system calls forbids Unix sockets to the program.", "EAFNOSUPPORT, EPERM"},
    Cause{"wrong_activation", Cause::State::wrong,
          "LISTEN_PID, LISTEN_FDS or LISTEN_FDNAMES do not fit the process that has them.",
          "nothing"},

    // On the way to the name.
    Cause{"unexpanded_variable", Cause::State::unreachable,
          "The path has a $VARIABLE or a ~ that no shell has replaced.", "ENOENT"},
    Cause{"working_directory_removed", Cause::State::unreachable,
          "The path is relative, and the working directory was removed.", "ENOENT"},
    Cause{"other_working_directory", Cause::State::unreachable,
          "The path is relative, and the server bound it in another directory.", "ENOENT"},
    Cause{"other_root", Cause::State::unreachable,
          "The program has another root directory: the path leads elsewhere.", "ENOENT"},
    Cause{"directory_missing", Cause::State::unreachable, "A directory of the path is missing.",
          "ENOENT"},
    Cause{"path_through_file", Cause::State::wrong,
          "The path goes through something that is not a directory.", "ENOTDIR"},
    Cause{"dangling_symlink", Cause::State::unreachable,
          "A symbolic link of the path leads to something that is missing.", "ENOENT"},
    Cause{"symlink_loop", Cause::State::wrong, "Symbolic links of the path lead in a circle.",
          "ELOOP"},
    Cause{"symlink_not_followed", Cause::State::wrong,
          "The file system of a symbolic link is mounted with nosymfollow.", "ELOOP"},
    Cause{"symlink_protected", Cause::State::denied,
          "In a directory like /tmp, links of other users are not followed "
          "(fs.protected_symlinks).",
          "EACCES"},
    Cause{"name_too_long", Cause::State::wrong,
          "A name of the path, or the whole path, is longer than the kernel accepts.",
          "ENAMETOOLONG"},
    Cause{"no_permission_on_directory", Cause::State::denied,
          "The subject may not search a directory of the path (x).", "EACCES"},
    Cause{"no_permission_on_socket", Cause::State::denied,
          "The subject may not write to the socket file (w).", "EACCES"},
    Cause{"group_not_in_process", Cause::State::denied,
          "The user is a member of the group, and this process started before that.", "EACCES"},
    Cause{"acl_denies", Cause::State::denied,
          "An entry or the mask of an access control list denies it.", "EACCES"},
    Cause{"owner_not_mapped", Cause::State::denied,
          "The owner of the file has no number in this user namespace.", "EACCES"},
    Cause{"security_module_denies", Cause::State::denied,
          "The permissions of the files allow it; SELinux, AppArmor or another module does not.",
          "EACCES"},
    Cause{"landlock_denies", Cause::State::denied,
          "A Landlock sandbox, of which the program is a part, forbids it.", "EPERM, EACCES"},
    Cause{"runtime_directory_of_other_user", Cause::State::denied,
          "The path is in the runtime directory of another user, as after su or sudo.",
          "EACCES, ENOENT"},
    Cause{"user_logged_out", Cause::State::unreachable,
          "The user has no session, so /run/user/N does not exist.", "ENOENT"},

    // The name is missing.
    Cause{"nothing_there", Cause::State::unreachable, "Nothing has this name.",
          "ENOENT; ECONNREFUSED for an abstract name"},
    Cause{"misspelt_name", Cause::State::unreachable,
          "A name that differs by a blank, by case or by a few characters is there.",
          "ENOENT; ECONNREFUSED for an abstract name"},
    Cause{"path_or_abstract", Cause::State::unreachable,
          "The same name is there as a path instead of an abstract name, or the reverse.",
          "ENOENT, ECONNREFUSED"},
    Cause{"padded_abstract_name", Cause::State::unreachable,
          "The server filled its abstract name up with NUL bytes, which belong to the name.",
          "ECONNREFUSED"},
    Cause{"path_cut_off", Cause::State::unreachable,
          "The server bound the first 107 bytes of the path.", "ENOENT"},
    Cause{"renamed", Cause::State::unreachable, "The socket file was renamed.", "ENOENT"},
    Cause{"name_deleted", Cause::State::unreachable,
          "The server lives, and its socket file was deleted or replaced.", "ENOENT, ECONNREFUSED"},
    Cause{"server_private_tmp", Cause::State::unreachable,
          "The server has a /tmp of its own, and the socket is in that one.",
          "ENOENT, ECONNREFUSED"},
    Cause{"server_other_mounts", Cause::State::unreachable,
          "The server has other mounts, and the socket is in a directory that only those show.",
          "ENOENT, ECONNREFUSED"},
    Cause{"subject_other_mounts", Cause::State::unreachable,
          "The program has other mounts, which do not show the socket.", "ENOENT"},
    Cause{"other_network_namespace", Cause::State::unreachable,
          "The abstract name lives in another network namespace.", "ECONNREFUSED"},
    Cause{"socket_unit_failed", Cause::State::unreachable,
          "The .socket unit of systemd failed or reached a limit.", "ENOENT, ECONNREFUSED"},
    Cause{"unit_stopped", Cause::State::unreachable, "The unit of systemd is stopped.",
          "ENOENT, ECONNREFUSED"},

    // Something is there, and no server is behind it.
    Cause{"stale_file", Cause::State::unreachable,
          "The server that made the socket file has ended and left it.",
          "ECONNREFUSED; EADDRINUSE for bind"},
    Cause{"not_listening", Cause::State::unreachable,
          "What has bound the name does not listen (yet), or no longer.", "ECONNREFUSED"},
    Cause{"not_a_socket", Cause::State::wrong, "A file, directory or FIFO has the name.",
          "ECONNREFUSED"},
    Cause{"wrong_type", Cause::State::wrong, "The socket is of another type.", "EPROTOTYPE"},
    Cause{"datagram_peer_fixed", Cause::State::wrong,
          "The datagram socket is connected to another socket and accepts nothing else.", "EPERM"},
    Cause{"dead_bind_mount", Cause::State::unreachable,
          "A socket file is mounted there that was deleted since.", "ECONNREFUSED"},
    Cause{"socket_in_overlay_layer", Cause::State::unreachable,
          "The server bound the file in a layer of this overlay: the kernel does not connect them.",
          "ECONNREFUSED"},
    Cause{"path_in_overlay_layer", Cause::State::unreachable,
          "The path is in a layer of an overlay, and the server bound the overlay's file.",
          "ECONNREFUSED"},
    Cause{"shared_file_system", Cause::State::unreachable,
          "The file system is shared with another machine, and sockets do not cross it.",
          "ECONNREFUSED; EIO, EOPNOTSUPP for bind"},

    // A server is there.
    Cause{"backlog_full", Cause::State::stuck,
          "As many clients wait as the server's backlog holds, or more.",
          "EAGAIN; a blocking connect waits"},
    Cause{"server_stopped", Cause::State::stuck, "A signal or a debugger has stopped the server.",
          "connects, then silence; EAGAIN once the backlog is full"},
    Cause{"server_frozen", Cause::State::stuck, "The cgroup of the server is frozen.",
          "connects, then silence; EAGAIN once the backlog is full"},
    Cause{"server_blocked", Cause::State::stuck,
          "The server sleeps in the kernel (state D): a disk or network file system hangs.",
          "connects, then silence; EAGAIN once the backlog is full"},
    Cause{"server_out_of_descriptors", Cause::State::stuck,
          "The server cannot accept: it has as many descriptors open as it may.",
          "connects, then silence; EAGAIN once the backlog is full"},
    Cause{"listener_not_watched", Cause::State::stuck,
          "The server does not wait for clients on its listening socket.",
          "connects, then silence; EAGAIN once the backlog is full"},
    Cause{"turned_away", Cause::State::wrong,
          "The server closes the connection at once, as one that does not want this peer does.",
          "connects, then end of stream or EPIPE"},
    Cause{"connection_reset", Cause::State::wrong,
          "The server closed the connection with bytes unread, or while the client waited.",
          "connects, then ECONNRESET"},
    Cause{"unexplained", Cause::State::wrong,
          "The kernel refuses it, and nothing that was seen says why.", "any"},

    // Only for bind.
    Cause{"name_in_use", Cause::State::wrong, "A live socket has the name.", "EADDRINUSE"},
    Cause{"name_taken", Cause::State::wrong,
          "Something that is not a socket has the name, perhaps a symbolic link.", "EADDRINUSE"},
    Cause{"mount_point_there", Cause::State::wrong, "Something is mounted on the name.",
          "EADDRINUSE; EBUSY for unlink"},
    Cause{"sticky_directory", Cause::State::denied,
          "The directory is sticky, so the subject may not delete the file of another user.",
          "EADDRINUSE; EPERM for unlink"},
    Cause{"lock_held", Cause::State::wrong,
          "Another process holds the lock of the name, and its socket is gone or not there yet.",
          "EAGAIN for flock"},
    Cause{"directory_not_writable", Cause::State::denied,
          "The subject may not make files in the directory.", "EACCES"},
    Cause{"directory_immutable", Cause::State::wrong, "The directory is immutable (chattr +i).",
          "EPERM"},
    Cause{"read_only_file_system", Cause::State::wrong, "The file system is mounted read-only.",
          "EROFS"},
    Cause{"no_free_inodes", Cause::State::wrong, "The file system has no inode left.", "ENOSPC"},
    Cause{"quota_exceeded", Cause::State::wrong, "The quota of the user is used up.", "EDQUOT"},
    Cause{"file_system_without_sockets", Cause::State::wrong,
          "The file system cannot hold socket files.", "EPERM, EOPNOTSUPP, EIO"},

    // What stops nothing.
    Cause{"waiting_clients_gone", Cause::State::healthy,
          "Clients gave up before the server accepted them.", "nothing"},
    Cause{"descriptors_nearly_used_up", Cause::State::healthy,
          "The server has nearly as many descriptors open as it may.", "nothing"},
    Cause{"world_writable_socket", Cause::State::healthy,
          "Every user may connect, and every user may make files in the directory.", "nothing"},
    Cause{"unexpected_server", Cause::State::healthy,
          "A server of another user has a name that any user could have taken.", "nothing"},
    Cause{"two_servers", Cause::State::healthy,
          "Two servers have bound the same name; clients reach the later one.", "nothing"},
    Cause{"read_only_mount", Cause::State::healthy,
          "The mount is read-only, which does not prevent connecting.", "nothing"},
    Cause{"listens_in_other_network_namespace", Cause::State::healthy,
          "The server is in another network namespace; a path reaches it all the same.", "nothing"},
    Cause{"peer_not_identified", Cause::State::healthy,
          "The other side has no number in this pid or user namespace.", "pid 0, uid 65534"},
    Cause{"path_too_long_for_others", Cause::State::healthy,
          "The path has over 107 bytes: Hallway connects, many programs cannot.",
          "EINVAL, or a path cut off"},
    Cause{"umask_narrows_mode", Cause::State::healthy,
          "The umask takes more from the mode of a new socket file than is usual.",
          "a mode that was not asked for"},
};

/// Those of a process's sockets, and "datagram_peer_fixed" of the table above.
inline constexpr std::array connection_causes{
    // A process's sockets: what keeps messages from arriving.
    Cause{"no_socket_to_address", Cause::State::wrong,
          "No socket of the process leads to the address.", "nothing"},
    Cause{"connect_waits", Cause::State::stuck,
          "The process waits in connect(2), because the backlog of the server is full.",
          "a blocking connect waits"},
    Cause{"not_accepted", Cause::State::stuck,
          "The connection waits in the queue of a server that does not accept it.",
          "connects, then silence"},
    Cause{"receiver_stopped", Cause::State::stuck,
          "A signal, a debugger, the freezer or a disk stops the process at the far end.",
          "send waits, EAGAIN"},
    Cause{"receiver_does_not_read", Cause::State::stuck,
          "The far end does not read what was sent to it.", "send waits, EAGAIN"},
    Cause{"both_send", Cause::State::stuck, "Both ends wait until the other one reads.",
          "send waits, EAGAIN"},
    Cause{"process_stopped", Cause::State::stuck,
          "A signal, a debugger, the freezer or a disk stops the process itself.", "nothing"},
    Cause{"process_does_not_read", Cause::State::stuck,
          "The process does not read what was sent to it.", "nothing; its peer: EAGAIN"},
    Cause{"datagram_queue_full", Cause::State::stuck,
          "As many datagrams wait at the server as its queue holds.",
          "EAGAIN; a blocking send waits"},
    Cause{"no_name_for_replies", Cause::State::stuck,
          "The datagram socket has no name, so nobody can send a reply to it.",
          "recv waits; the server: EINVAL, ENOTCONN"},
    Cause{"far_end_inherited", Cause::State::stuck,
          "A process that inherited the far end, and does not use it, keeps the connection open: "
          "the end of the input cannot come.",
          "recv waits"},
    Cause{"reply_denied", Cause::State::wrong,
          "The server may not write to the socket file of its client.",
          "the server's send: EACCES"},
    Cause{"datagram_server_gone", Cause::State::wrong,
          "The socket that the datagram socket was connected to is gone.",
          "ECONNREFUSED once, then ENOTCONN"},
    Cause{"peer_closed", Cause::State::wrong, "The far end is closed.",
          "EPIPE; recv: end of stream"},
    Cause{"shut_down", Cause::State::wrong, "Both directions of the connection are shut down.",
          "EPIPE; recv: end of stream"},
    Cause{"reading_side_shut", Cause::State::wrong,
          "The receiver of datagrams has shut its reading side.", "EPIPE"},

    // The same, where it stops nothing.
    Cause{"not_connected", Cause::State::healthy,
          "A datagram socket has neither a name nor a peer.", "send: ENOTCONN"},
    Cause{"reads_slowly", Cause::State::healthy, "Messages wait unread, and their number changes.",
          "nothing"},
    Cause{"sending_ended", Cause::State::healthy,
          "Nothing more can be sent: this end has ended its output, or the far end its input.",
          "EPIPE"},
    Cause{"far_end_shared", Cause::State::healthy,
          "Several processes have the far end open: the end of the input comes when all have "
          "closed it.",
          "nothing"},
    Cause{"end_shared", Cause::State::healthy,
          "Other processes have this end open: the far end notices a close only when all have "
          "closed it.",
          "nothing"},
    Cause{"both_wait", Cause::State::healthy, "Each end waits until the other one sends.",
          "recv waits"},
    Cause{"descriptors_wait", Cause::State::healthy,
          "Descriptors were sent that the far end has not received.", "nothing"},
    Cause{"descriptors_refused", Cause::State::healthy,
          "The far end refuses descriptors (SO_PASSRIGHTS).",
          "EPERM for a message with descriptors"},
    Cause{"receiver_out_of_descriptors", Cause::State::healthy,
          "The process at the far end has as many descriptors open as it may: it loses those that "
          "are sent to it.",
          "nothing; recvmsg: MSG_CTRUNC"},
    Cause{"proxy_between", Cause::State::healthy,
          "The peer is a proxy: it drops descriptors, and the server sees the proxy's identity.",
          "nothing"},
};

constexpr const Cause* find_cause(std::string_view word) {
  const auto* const found = std::ranges::find(causes, word, &Cause::word);
  if (found != causes.end()) return found;
  const auto* const other = std::ranges::find(connection_causes, word, &Cause::word);
  return other == connection_causes.end() ? nullptr : other;
}

/// A word of the table; any other does not compile.
class CauseWord {
 public:
  // NOLINTNEXTLINE(google-explicit-constructor): it exists to convert
  consteval CauseWord(const char* word) : word_(find_cause(word)->word) {}
  [[nodiscard]] constexpr std::string_view get() const noexcept { return word_; }

 private:
  std::string_view word_;
};

}  // namespace hallway::net
