// SPDX-License-Identifier: Apache-2.0
//
// H1 to H11: names, modes, and who may reach them.
#include <fcntl.h>
#include <linux/sockios.h>
#include <poll.h>
#include <sched.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <cstddef>
#include <cstring>
#include <fstream>
#include <string>
#include <string_view>

#include "kernel/fact.hpp"

namespace hallway::test {
namespace {

/// bind(2) or connect(2) with exactly these bytes of sun_path, and nothing added to them.
template <typename Call>
int with_name(Call call, int socket, std::string_view bytes) {
  sockaddr_un name{};
  name.sun_family = AF_UNIX;
  std::memcpy(name.sun_path, bytes.data(), bytes.size());
  return call(socket, reinterpret_cast<const sockaddr*>(&name),
              static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + bytes.size()));
}

/// What a connected socket shows of its peer's name: all bytes that the kernel counts.
std::string peer_name(int socket) {
  sockaddr_un name{};
  socklen_t size = sizeof name;
  if (::getpeername(socket, reinterpret_cast<sockaddr*>(&name), &size) != 0) return "no name";
  return {name.sun_path, size - offsetof(sockaddr_un, sun_path)};
}

unsigned mode_of(const std::string& path) {
  struct stat status{};
  return ::stat(path.c_str(), &status) == 0 ? status.st_mode & 0777U : 0U;
}

bool exists(const std::string& path) {
  struct stat status{};
  return ::lstat(path.c_str(), &status) == 0;
}

/// umask(2) is the whole process's, so each change is undone.
class Umask {
 public:
  explicit Umask(mode_t mask) : before_(::umask(mask)) {}
  Umask(const Umask&) = delete;
  Umask& operator=(const Umask&) = delete;
  ~Umask() { ::umask(before_); }

 private:
  mode_t before_;
};

std::string bind_says(int type, const std::string& path) {
  const Descriptor socket = raw_socket(type);
  return result_of(with_name(::bind, socket.get(), path));
}

// H1 ----------------------------------------------------------------------------------------------

using H1 = Fact;

TEST_F(H1, a_dead_server_leaves_a_file_that_refuses_to_be_bound_and_to_be_connected) {
  const TempDirectory directory;
  raw_listening(SOCK_STREAM, directory / "s").close();
  KERNEL_SAYS(exists(directory / "s"), true);
  KERNEL_SAYS(bind_says(SOCK_STREAM, directory / "s"), "EADDRINUSE");
  KERNEL_SAYS(connect_says(SOCK_STREAM, directory / "s"), "ECONNREFUSED");
}

TEST_F(H1, a_regular_file_gives_the_same_two_errors) {
  const TempDirectory directory;
  std::ofstream(directory / "f") << "precious";
  KERNEL_SAYS(bind_says(SOCK_STREAM, directory / "f"), "EADDRINUSE");
  KERNEL_SAYS(connect_says(SOCK_STREAM, directory / "f"), "ECONNREFUSED");
}

TEST_F(H1, a_server_that_does_not_listen_yet_refuses_like_a_dead_one) {
  const TempDirectory directory;
  const Descriptor bound = raw_bound(SOCK_STREAM, directory / "s");
  KERNEL_SAYS(connect_says(SOCK_STREAM, directory / "s"), "ECONNREFUSED");
}

// H2 ----------------------------------------------------------------------------------------------

using H2 = Fact;

TEST_F(H2, two_servers_that_probe_then_unlink_and_bind_both_succeed_and_one_is_unreachable) {
  const TempDirectory directory;
  const std::string path = directory / "s";
  raw_listening(SOCK_STREAM, path).close();
  // Both look before either acts.
  KERNEL_SAYS(connect_says(SOCK_STREAM, path), "ECONNREFUSED");
  KERNEL_SAYS(connect_says(SOCK_STREAM, path), "ECONNREFUSED");
  KERNEL_SAYS(result_of(::unlink(path.c_str())), "ok");
  const Descriptor first = raw_listening(SOCK_STREAM, path);
  KERNEL_SAYS(result_of(::unlink(path.c_str())), "ok");
  const Descriptor second = raw_listening(SOCK_STREAM, path);
  KERNEL_SAYS(first.holds_one() && second.holds_one(), true);
  const Descriptor client = raw_connected(SOCK_STREAM, path);
  KERNEL_SAYS(polled(first.get(), POLLIN), 0);
  KERNEL_SAYS(polled(second.get(), POLLIN), POLLIN);
}

TEST_F(H2, a_file_lock_excludes_others_and_ends_with_a_process_that_is_killed) {
  const TempDirectory directory;
  const auto open_lock = [&] {
    return Descriptor::adopt(
        ::open((directory / "s.lock").c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600));
  };
  const Descriptor ours = open_lock();
  ForkedProcess holder([&](const ForkedProcess::Say& say) {
    const Descriptor lock = open_lock();
    say(result_of(::flock(lock.get(), LOCK_EX | LOCK_NB)));
    wait_to_be_killed();
  });
  KERNEL_SAYS(holder.line(), "ok");
  KERNEL_SAYS(result_of(::flock(ours.get(), LOCK_EX | LOCK_NB)), "EAGAIN");
  holder.kill();
  KERNEL_SAYS(result_of(::flock(ours.get(), LOCK_EX | LOCK_NB)), "ok");
}

// H3 ----------------------------------------------------------------------------------------------

using H3 = Fact;

TEST_F(H3,
       a_live_server_is_not_notified_that_its_file_is_removed_and_its_successor_gets_new_clients) {
  const TempDirectory directory;
  const std::string path = directory / "s";
  const Descriptor old_server = raw_listening(SOCK_STREAM, path);
  const Descriptor old_client = raw_connected(SOCK_STREAM, path);
  ASSERT_EQ(::unlink(path.c_str()), 0);
  const Descriptor successor = raw_listening(SOCK_STREAM, path);
  const Descriptor new_client = raw_connected(SOCK_STREAM, path);
  KERNEL_SAYS(polled(successor.get(), POLLIN), POLLIN);
  // The queue it had is all it sees.
  const Descriptor accepted = Descriptor::adopt(::accept(old_server.get(), nullptr, nullptr));
  KERNEL_SAYS(raw_send(old_client.get(), "x"), 1);
  KERNEL_SAYS(raw_receive(accepted.get()).bytes, "x");
  KERNEL_SAYS(polled(old_server.get(), POLLIN), 0);
}

// H4 ----------------------------------------------------------------------------------------------

using H4 = Fact;

TEST_F(H4, root_can_ask_a_socket_for_the_very_file_it_made) {
  if (!is_root()) GTEST_SKIP() << "this part needs root";
  constexpr unsigned long unix_file = SIOCPROTOPRIVATE;  // SIOCUNIXFILE of linux/un.h
  const TempDirectory directory;
  const Descriptor socket = raw_listening(SOCK_STREAM, directory / "s");
  ASSERT_EQ(::rename((directory / "s").c_str(), (directory / "moved").c_str()), 0);
  const Descriptor file = Descriptor::adopt(::ioctl(socket.get(), unix_file));
  KERNEL_SAYS(result_of(file.get()), "ok");
  const Descriptor named = Descriptor::adopt(::open((directory / "moved").c_str(), O_PATH));
  KERNEL_SAYS(same_file(file.get(), named.get()), true);
}

// H5 ----------------------------------------------------------------------------------------------

using H5 = Fact;

TEST_F(H5, in_a_sticky_directory_another_user_cannot_remove_a_name_but_can_squat_a_free_one) {
  NEEDS_ROOT_TO_BECOME_ANOTHER_USER();
  const TempDirectory directory(01777);
  ASSERT_EQ(::chmod(directory.path().c_str(), 01777), 0);
  const Descriptor ours = raw_bound(SOCK_STREAM, directory / "ours");
  const std::string squatted = directory / "free";
  KERNEL_SAYS(as_user(some_user, [&] { return result_of(::unlink((directory / "ours").c_str())); }),
              "EPERM");
  ForkedProcess squatter([&](const ForkedProcess::Say& say) {
    if (::setuid(some_user) != 0) return;
    const Descriptor listener = raw_listening(SOCK_STREAM, squatted);
    say(result_of(listener.get()));
    wait_to_be_killed();
  });
  KERNEL_SAYS(squatter.line(), "ok");
  KERNEL_SAYS(connect_says(SOCK_STREAM, squatted), "ok");
}

TEST_F(H5, connect_follows_a_symbolic_link_and_bind_does_not_even_a_dangling_one) {
  const TempDirectory directory;
  const Descriptor listener = raw_listening(SOCK_STREAM, directory / "s");
  ASSERT_EQ(::symlink("s", (directory / "link").c_str()), 0);
  ASSERT_EQ(::symlink("nothing", (directory / "dangling").c_str()), 0);
  KERNEL_SAYS(connect_says(SOCK_STREAM, directory / "link"), "ok");
  KERNEL_SAYS(bind_says(SOCK_STREAM, directory / "link"), "EADDRINUSE");
  KERNEL_SAYS(bind_says(SOCK_STREAM, directory / "dangling"), "EADDRINUSE");
}

// H6 ----------------------------------------------------------------------------------------------

using H6 = Fact;

TEST_F(H6, bind_makes_a_file_of_mode_0777_less_the_umask) {
  const TempDirectory directory;
  const Umask mask(022);
  const Descriptor socket = raw_bound(SOCK_STREAM, directory / "s");
  KERNEL_SAYS(mode_of(directory / "s"), 0755U);
}

TEST_F(H6, a_mode_set_on_the_socket_before_bind_is_the_mode_of_the_file_less_the_umask) {
  const TempDirectory directory;
  const auto bound_with = [&](const char* name, mode_t mode, mode_t mask) {
    const Umask in_force(mask);
    const Descriptor socket = raw_socket(SOCK_STREAM);
    ::fchmod(socket.get(), mode);
    with_name(::bind, socket.get(), directory / name);
    return mode_of(directory / name);
  };
  KERNEL_SAYS(bound_with("private", 0600, 0), 0600U);
  KERNEL_SAYS(bound_with("shared", 0660, 0), 0660U);
  KERNEL_SAYS(bound_with("masked", 0666, 022), 0644U);
}

TEST_F(H6, a_mode_set_on_the_socket_after_bind_changes_nothing) {
  const TempDirectory directory;
  const Umask mask(022);
  const Descriptor socket = raw_bound(SOCK_STREAM, directory / "s");
  KERNEL_SAYS(result_of(::fchmod(socket.get(), 0600)), "ok");
  KERNEL_SAYS(mode_of(directory / "s"), 0755U);
}

TEST_F(H6, a_stream_or_seqpacket_socket_refuses_clients_before_it_listens) {
  const TempDirectory directory;
  const Descriptor stream = raw_bound(SOCK_STREAM, directory / "stream");
  const Descriptor packets = raw_bound(SOCK_SEQPACKET, directory / "packets");
  KERNEL_SAYS(connect_says(SOCK_STREAM, directory / "stream"), "ECONNREFUSED");
  KERNEL_SAYS(connect_says(SOCK_SEQPACKET, directory / "packets"), "ECONNREFUSED");
}

TEST_F(H6, a_datagram_socket_receives_from_the_moment_it_is_bound) {
  const TempDirectory directory;
  const Descriptor receiver = raw_bound(SOCK_DGRAM, directory / "d");
  const Descriptor sender = raw_connected(SOCK_DGRAM, directory / "d");
  KERNEL_SAYS(raw_send(sender.get(), "early"), 5);
  KERNEL_SAYS(raw_receive(receiver.get()).bytes, "early");
}

TEST_F(H6, chmod_by_name_changes_what_a_symbolic_link_points_to) {
  const TempDirectory directory;
  std::ofstream(directory / "precious") << "x";
  ASSERT_EQ(::chmod((directory / "precious").c_str(), 0600), 0);
  ASSERT_EQ(::symlink("precious", (directory / "s").c_str()), 0);
  KERNEL_SAYS(result_of(::chmod((directory / "s").c_str(), 0777)), "ok");
  KERNEL_SAYS(mode_of(directory / "precious"), 0777U);
}

// H7 ----------------------------------------------------------------------------------------------

using H7 = Fact;

TEST_F(H7, connecting_takes_write_permission_on_the_file_and_no_other) {
  NEEDS_ROOT_TO_BECOME_ANOTHER_USER();
  const TempDirectory directory(0755);
  const std::string path = directory / "s";
  const Descriptor listener = raw_listening(SOCK_STREAM, path);
  const auto as_another = [&] {
    return as_user(some_user, [&] { return connect_says(SOCK_STREAM, path); });
  };
  ASSERT_EQ(::chmod(path.c_str(), 0722), 0);
  KERNEL_SAYS(as_another(), "ok");
  ASSERT_EQ(::chmod(path.c_str(), 0755), 0);
  KERNEL_SAYS(as_another(), "EACCES");
}

TEST_F(H7, connecting_takes_search_permission_on_the_directory) {
  NEEDS_ROOT_TO_BECOME_ANOTHER_USER();
  const TempDirectory directory(0700);
  const std::string path = directory / "s";
  const Descriptor listener = raw_listening(SOCK_STREAM, path);
  ASSERT_EQ(::chmod(path.c_str(), 0777), 0);
  KERNEL_SAYS(as_user(some_user, [&] { return connect_says(SOCK_STREAM, path); }), "EACCES");
}

// H8, H9 ------------------------------------------------------------------------------------------

using H8 = Fact;

TEST_F(H8, a_path_of_108_bytes_binds_and_comes_back_longer_than_its_structure_without_a_nul) {
  const TempDirectory directory;
  std::string path = directory / "";
  path.resize(sizeof(sockaddr_un::sun_path), 'p');
  const Descriptor socket = raw_socket(SOCK_STREAM);
  KERNEL_SAYS(result_of(with_name(::bind, socket.get(), path)), "ok");
  std::array<char, 200> space{};
  socklen_t size = space.size();
  ASSERT_EQ(::getsockname(socket.get(), reinterpret_cast<sockaddr*>(space.data()), &size), 0);
  KERNEL_SAYS(size, sizeof(sockaddr_un) + 1);
  const std::string inside(space.data() + offsetof(sockaddr_un, sun_path), path.size());
  KERNEL_SAYS(inside, path);
}

TEST_F(H8, a_longer_path_is_bound_and_reached_through_the_descriptor_of_its_directory) {
  const TempDirectory directory;
  const std::string deep = directory / std::string(200, 'd');
  ASSERT_EQ(::mkdir(deep.c_str(), 0700), 0);
  const Descriptor place = Descriptor::adopt(::open(deep.c_str(), O_PATH | O_CLOEXEC));
  const std::string way = "/proc/self/fd/" + std::to_string(place.get()) + "/s";
  const Descriptor listener = raw_listening(SOCK_STREAM, way);
  KERNEL_SAYS(result_of(listener.get()), "ok");
  KERNEL_SAYS(exists(deep + "/s"), true);
  const Descriptor client = raw_connected(SOCK_STREAM, way);
  KERNEL_SAYS(result_of(client.get()), "ok");
  // The odd name is what the other side gets to see.
  KERNEL_SAYS(peer_name(client.get()), way + '\0');
}

using H9 = Fact;

TEST_F(H9, a_path_ends_at_its_first_nul) {
  const TempDirectory directory;
  const Descriptor socket = raw_socket(SOCK_STREAM);
  const std::string path = (directory / "nul") + '\0' + "evil";
  KERNEL_SAYS(result_of(with_name(::bind, socket.get(), path)), "ok");
  KERNEL_SAYS(exists(directory / "nul"), true);
}

// H10, H39 ----------------------------------------------------------------------------------------

std::string unique_name(const char* word) {
  return std::string("@hallway-fact-") + word + "-" + std::to_string(::getpid());
}

using H10 = Fact;

TEST_F(H10, an_abstract_name_has_no_permissions) {
  NEEDS_ROOT_TO_BECOME_ANOTHER_USER();
  const std::string name = unique_name("open");
  const Umask mask(0777);
  const Descriptor listener = raw_listening(SOCK_STREAM, name);
  KERNEL_SAYS(as_user(nobody, [&] { return connect_says(SOCK_STREAM, name); }), "ok");
}

TEST_F(H10, the_length_of_an_abstract_name_counts_so_that_padding_makes_another_name) {
  const std::string name = unique_name("padded");
  const Descriptor listener = raw_listening(SOCK_STREAM, name);
  std::string exact = name;
  exact[0] = '\0';
  std::string padded = exact;
  padded.resize(sizeof(sockaddr_un::sun_path));
  const Descriptor client = raw_socket(SOCK_STREAM);
  KERNEL_SAYS(result_of(with_name(::connect, client.get(), padded)), "ECONNREFUSED");
  KERNEL_SAYS(result_of(with_name(::connect, client.get(), exact)), "ok");
}

TEST_F(H10, another_network_namespace_sees_no_abstract_name_but_every_path) {
  const TempDirectory directory;
  const std::string name = unique_name("far");
  const Descriptor abstract = raw_listening(SOCK_STREAM, name);
  const Descriptor path = raw_listening(SOCK_STREAM, directory / "s");
  const std::string seen = in_own_namespaces(CLONE_NEWNET, [&] {
    return connect_says(SOCK_STREAM, name) + " " + connect_says(SOCK_STREAM, directory / "s");
  });
  NEEDS_WHAT_THE_CHILD_NEEDED(seen);
  KERNEL_SAYS(seen, "ECONNREFUSED ok");
}

using H39 = Fact;

TEST_F(H39, an_abstract_name_may_hold_any_bytes_and_shows_them_to_the_peer) {
  std::string hostile = unique_name("esc") + "\x1b[2J\n";
  const Descriptor listener = raw_listening(SOCK_STREAM, hostile);
  const Descriptor client = raw_connected(SOCK_STREAM, hostile);
  hostile[0] = '\0';
  KERNEL_SAYS(peer_name(client.get()), hostile);
}

TEST_F(H39, a_process_may_name_itself_with_escape_sequences) {
  const std::string name = in_a_child([] {
    std::ofstream("/proc/self/comm") << "\x1b[31mred";
    std::ifstream file("/proc/self/comm");
    std::string shown;
    std::getline(file, shown);
    return shown;
  });
  KERNEL_SAYS(name, "\x1b[31mred");
}

// H11 ---------------------------------------------------------------------------------------------

using H11 = Fact;

/// Mounts of the child are its own: nothing of them is seen outside.
std::string keep_mounts_private() {
  return ::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) == 0
             ? ""
             : "cannot make mounts private: " + error_name(errno);
}

TEST_F(H11, mounting_the_socket_file_pins_the_dead_servers_inode) {
  const TempDirectory directory;
  const std::string inside = directory / "inside";
  const std::string outside = directory / "outside";
  std::ofstream(inside) << "";  // what the mount is put on
  const std::string seen = in_own_namespaces(CLONE_NEWNS, [&]() -> std::string {
    if (const std::string failed = keep_mounts_private(); !failed.empty()) return failed;
    Descriptor listener = raw_listening(SOCK_STREAM, outside);
    if (::mount(outside.c_str(), inside.c_str(), nullptr, MS_BIND, nullptr) != 0) {
      return "cannot mount: " + error_name(errno);
    }
    std::string text = "first " + connect_says(SOCK_STREAM, inside);
    // The server is restarted.
    listener.close();
    if (::unlink(outside.c_str()) != 0) return "cannot unlink: " + error_name(errno);
    listener = raw_listening(SOCK_STREAM, outside);
    text += ", then " + connect_says(SOCK_STREAM, inside);
    text += ", unlink " + result_of(::unlink(inside.c_str()));
    return text;
  });
  NEEDS_WHAT_THE_CHILD_NEEDED(seen);
  KERNEL_SAYS(seen, "first ok, then ECONNREFUSED, unlink EBUSY");
}

TEST_F(H11, a_read_only_mount_does_not_stop_connect) {
  const TempDirectory directory;
  const Descriptor listener = raw_listening(SOCK_STREAM, directory / "s");
  const std::string seen = in_own_namespaces(CLONE_NEWNS, [&]() -> std::string {
    if (const std::string failed = keep_mounts_private(); !failed.empty()) return failed;
    const char* path = directory.path().c_str();
    if (::mount(path, path, nullptr, MS_BIND, nullptr) != 0 ||
        ::mount(nullptr, path, nullptr, MS_BIND | MS_REMOUNT | MS_RDONLY, nullptr) != 0) {
      return "cannot mount: " + error_name(errno);
    }
    const std::string bind = bind_says(SOCK_STREAM, directory / "new");
    return "bind " + bind + ", connect " + connect_says(SOCK_STREAM, directory / "s");
  });
  NEEDS_WHAT_THE_CHILD_NEEDED(seen);
  KERNEL_SAYS(seen, "bind EROFS, connect ok");
}

}  // namespace
}  // namespace hallway::test
