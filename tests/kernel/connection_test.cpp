// SPDX-License-Identifier: Apache-2.0
//
// H13 to H23: connecting, accepting, and how connections end.
#include <fcntl.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdint>
#include <string>
#include <vector>

#include "kernel/fact.hpp"

namespace hallway::test {
namespace {

using namespace std::chrono_literals;

/// errno of accept(2) when nothing may be accepted, by name.
std::string accept_says(const Descriptor& listener) {
  const Descriptor accepted = accept_one(listener);
  return result_of(accepted.get());
}

Descriptor nonblocking(int type) { return raw_socket(type | SOCK_NONBLOCK); }

std::string connect_says(const Descriptor& socket, const RawAddress& address) {
  const int error = raw_connect(socket.get(), address);
  return error == 0 ? "ok" : error_name(error);
}

std::string send_says(const Descriptor& socket, std::string_view bytes) {
  return result_of(raw_send(socket.get(), bytes));
}

/// One reception in words: what came, "end", or the name of errno.
std::string received(const Descriptor& socket) {
  const RawReception reception = raw_receive(socket.get());
  if (reception.error != 0) return error_name(reception.error);
  return reception.result == 0 ? "end" : reception.bytes;
}

/// A listening socket with `backlog`, and clients that fill it.
struct FullBacklog {
  FullBacklog(const std::string& path, int backlog)
      : listener(raw_listening(SOCK_STREAM, path, backlog)) {
    constexpr std::size_t most = 100;
    while (clients.size() < most) {
      Descriptor client = nonblocking(SOCK_STREAM);
      if (raw_connect(client.get(), path) != 0) {
        refused = std::move(client);
        reason = error_name(errno);
        return;
      }
      clients.push_back(std::move(client));
    }
  }
  Descriptor listener;
  std::vector<Descriptor> clients;
  Descriptor refused;
  std::string reason;
};

// H13 ---------------------------------------------------------------------------------------------

using H13 = Fact;

TEST_F(H13, connect_to_a_full_backlog_gives_EAGAIN_and_not_EINPROGRESS) {
  const TempDirectory directory;
  const FullBacklog full(directory / "s", 3);
  KERNEL_SAYS(full.reason, "EAGAIN");
}

TEST_F(H13, a_backlog_of_n_holds_n_and_one_more) {
  const TempDirectory directory;
  KERNEL_SAYS(FullBacklog(directory / "none", 0).clients.size(), 1U);
  KERNEL_SAYS(FullBacklog(directory / "one", 1).clients.size(), 2U);
  KERNEL_SAYS(FullBacklog(directory / "five", 5).clients.size(), 6U);
}

TEST_F(H13, a_connect_that_was_not_begun_polls_as_if_it_had_succeeded) {
  const TempDirectory directory;
  const FullBacklog full(directory / "s", 0);
  KERNEL_SAYS(polled(full.refused.get(), POLLOUT), POLLOUT | POLLHUP);
  KERNEL_SAYS(integer_option(full.refused.get(), SOL_SOCKET, SO_ERROR), 0);
}

// H14, H15 ----------------------------------------------------------------------------------------

/// A child in a connect(2) that waits for room in a full backlog.
class WaitingClient {
 public:
  using Duration = std::chrono::microseconds;
  WaitingClient(FullBacklog& full, const std::string& path, Duration longest = 0us)
      : child_([&, longest](const ForkedProcess::Say& say) {
          full.listener.close();  // the child's copy, which would keep the listener alive
          struct sigaction handled{};
          handled.sa_handler = [](int) {};  // without SA_RESTART
          ::sigaction(SIGUSR1, &handled, nullptr);
          const Descriptor socket = raw_socket(SOCK_STREAM);
          const timeval limit{longest / 1s, longest.count() % 1'000'000};
          ::setsockopt(socket.get(), SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
          say("begins");
          const std::string first = connect_says(socket, path);
          say(first);
          if (first == "EINTR") say(connect_says(socket, path));
        }) {
    child_.line();
    waits = sleeps(child_.pid());
  }
  void interrupt() const { ::kill(child_.pid(), SIGUSR1); }
  /// The result of connect(2), once it has returned.
  std::string result() { return child_.line(); }

  bool waits = false;

 private:
  ForkedProcess child_;
};

using H14 = Fact;

TEST_F(H14, a_blocking_connect_to_a_full_backlog_waits_until_the_listener_closes) {
  const TempDirectory directory;
  FullBacklog full(directory / "s", 0);
  WaitingClient client(full, directory / "s");
  KERNEL_SAYS(client.waits, true);
  full.listener.close();
  KERNEL_SAYS(client.result(), "ECONNREFUSED");
}

TEST_F(H14, the_send_timeout_bounds_a_blocking_connect) {
  const TempDirectory directory;
  FullBacklog full(directory / "s", 0);
  WaitingClient client(full, directory / "s", 100ms);
  KERNEL_SAYS(client.waits, true);
  KERNEL_SAYS(client.result(), "EAGAIN");
}

TEST_F(H14, shutting_down_a_listener_does_not_wake_clients_that_wait_to_connect) {
  const TempDirectory directory;
  FullBacklog full(directory / "s", 0);
  const auto began = std::chrono::steady_clock::now();
  WaitingClient client(full, directory / "s", 500ms);
  KERNEL_SAYS(client.waits, true);
  KERNEL_SAYS(result_of(::shutdown(full.listener.get(), SHUT_RDWR)), "ok");
  // Only its own time limit makes it look again.
  KERNEL_SAYS(client.result(), "ECONNREFUSED");
  KERNEL_SAYS(std::chrono::steady_clock::now() - began >= 500ms, true);
}

using H15 = Fact;

TEST_F(H15, a_blocking_connect_that_was_interrupted_succeeds_when_it_is_called_again) {
  const TempDirectory directory;
  FullBacklog full(directory / "s", 0);
  WaitingClient client(full, directory / "s");
  KERNEL_SAYS(client.waits, true);
  client.interrupt();
  KERNEL_SAYS(client.result(), "EINTR");
  const Descriptor room = accept_one(full.listener);
  KERNEL_SAYS(client.result(), "ok");
}

// H16, H17 ----------------------------------------------------------------------------------------

using H16 = Fact;

TEST_F(H16, without_descriptors_accept_fails_and_the_listener_stays_ready_again_and_again) {
  const TempDirectory directory;
  const std::string seen = in_a_child([&]() -> std::string {
    const Descriptor listener = raw_listening(SOCK_STREAM, directory / "s");
    const Descriptor client = raw_connected(SOCK_STREAM, directory / "s");
    const Descriptor poller = Descriptor::adopt(::epoll_create1(0));
    epoll_event event{EPOLLIN, {}};
    ::epoll_ctl(poller.get(), EPOLL_CTL_ADD, listener.get(), &event);
    const Descriptor next_free = Descriptor::adopt(::dup(0));
    const rlimit none{static_cast<rlim_t>(next_free.get()), static_cast<rlim_t>(next_free.get())};
    ::setrlimit(RLIMIT_NOFILE, &none);
    int wakeups = 0;
    std::string result;
    for (int i = 0; i < 1000; ++i) {
      wakeups += ::epoll_wait(poller.get(), &event, 1, 0);
      result = accept_says(listener);
    }
    return result + " after " + std::to_string(wakeups) + " wake-ups";
  });
  KERNEL_SAYS(seen, "EMFILE after 1000 wake-ups");
}

using H17 = Fact;

TEST_F(H17, a_client_that_wrote_and_left_is_accepted_as_any_other) {
  const TempDirectory directory;
  const Descriptor listener = raw_listening(SOCK_STREAM, directory / "s");
  {
    const Descriptor client = raw_connected(SOCK_STREAM, directory / "s");
    ASSERT_EQ(raw_send(client.get(), "last words"), 10);
  }
  const Descriptor accepted = accept_one(listener);
  KERNEL_SAYS(result_of(accepted.get()), "ok");
  KERNEL_SAYS(received(accepted), "last words");
  KERNEL_SAYS(received(accepted), "end");
}

// H18, H38 ----------------------------------------------------------------------------------------

using H18 = Fact;

TEST_F(H18, closing_a_listener_resets_queued_clients_whose_sends_had_succeeded) {
  const TempDirectory directory;
  Descriptor listener = raw_listening(SOCK_STREAM, directory / "s");
  const Descriptor client = raw_connected(SOCK_STREAM, directory / "s");
  KERNEL_SAYS(send_says(client, "x"), "ok");
  listener.close();
  KERNEL_SAYS(received(client), "ECONNRESET");
  KERNEL_SAYS(send_says(client, "x"), "EPIPE");
}

TEST_F(H18, a_listener_shut_down_refuses_new_clients_and_still_gives_out_the_queued_ones) {
  const TempDirectory directory;
  const Descriptor listener = raw_listening(SOCK_STREAM, directory / "s");
  const Descriptor queued = raw_connected(SOCK_STREAM, directory / "s");
  KERNEL_SAYS(result_of(::shutdown(listener.get(), SHUT_RD)), "ok");
  KERNEL_SAYS(connect_says(raw_socket(SOCK_STREAM), directory / "s"), "ECONNREFUSED");
  KERNEL_SAYS(accept_says(listener), "ok");
  KERNEL_SAYS(accept_says(listener), "EINVAL");
}

using H38 = Fact;

TEST_F(H38, a_send_that_succeeded_is_lost_when_the_peer_goes_without_reading) {
  auto [ours, theirs] = raw_pair(SOCK_STREAM);
  KERNEL_SAYS(send_says(ours, "important"), "ok");
  theirs.close();
  KERNEL_SAYS(received(ours), "ECONNRESET");
  KERNEL_SAYS(received(ours), "end");
}

// H19, H20 ----------------------------------------------------------------------------------------

using H19 = Fact;

TEST_F(H19, only_a_stream_raises_SIGPIPE) {
  const auto write_after_the_peer_left = [](int type) {
    return in_a_child([type] {
      auto [ours, theirs] = raw_pair(type);
      theirs.close();
      return result_of(::send(ours.get(), "x", 1, 0));
    });
  };
  KERNEL_SAYS(write_after_the_peer_left(SOCK_STREAM), "signal 13");
  KERNEL_SAYS(write_after_the_peer_left(SOCK_SEQPACKET), "EPIPE");
  KERNEL_SAYS(write_after_the_peer_left(SOCK_DGRAM), "ECONNREFUSED");
}

TEST_F(H19, MSG_NOSIGNAL_makes_it_an_error) {
  KERNEL_SAYS(in_a_child([] {
                auto [ours, theirs] = raw_pair(SOCK_STREAM);
                theirs.close();
                return result_of(::send(ours.get(), "x", 1, MSG_NOSIGNAL));
              }),
              "EPIPE");
}

using H20 = Fact;

TEST_F(H20, a_large_send_that_does_not_block_takes_a_part) {
  auto [ours, theirs] = raw_pair(SOCK_STREAM);
  const std::string large(std::size_t{10} * 1024 * 1024, 'x');
  const ssize_t taken = raw_send(ours.get(), large);
  KERNEL_SAYS(taken > 0 && static_cast<std::size_t>(taken) < large.size(), true);
}

// H21, H22 ----------------------------------------------------------------------------------------

constexpr short all_ends = POLLIN | POLLRDHUP;

using H21 = Fact;

TEST_F(H21, a_peer_that_closed_its_sending_half_can_still_be_answered) {
  auto [ours, theirs] = raw_pair(SOCK_STREAM);
  ASSERT_EQ(::shutdown(theirs.get(), SHUT_WR), 0);
  KERNEL_SAYS(polled(ours.get(), all_ends), POLLIN | POLLRDHUP);
  KERNEL_SAYS(send_says(ours, "answer"), "ok");
  KERNEL_SAYS(received(theirs), "answer");
}

TEST_F(H21, both_halves_closed_add_POLLHUP_and_unread_data_adds_POLLERR) {
  auto [ours, theirs] = raw_pair(SOCK_STREAM);
  ASSERT_EQ(::shutdown(theirs.get(), SHUT_RDWR), 0);
  KERNEL_SAYS(polled(ours.get(), all_ends), POLLIN | POLLRDHUP | POLLHUP);

  auto [unread, gone] = raw_pair(SOCK_STREAM);
  ASSERT_EQ(raw_send(unread.get(), "never read"), 10);
  gone.close();
  KERNEL_SAYS(polled(unread.get(), all_ends), POLLIN | POLLRDHUP | POLLHUP | POLLERR);
}

/// What a peer sees of one that says "bye" and closes over bytes it never read.
std::vector<std::string> after_a_reset(int type) {
  auto [ours, theirs] = raw_pair(type);
  raw_send(ours.get(), "never read");
  raw_send(theirs.get(), "bye");
  theirs.close();
  std::vector<std::string> seen;
  for (int i = 0; i < 3; ++i) seen.push_back(received(ours));
  seen.push_back(send_says(ours, "x"));
  return seen;
}

using H22 = Fact;

TEST_F(H22, on_a_stream_a_reset_comes_after_the_data_that_was_queued) {
  KERNEL_SAYS(after_a_reset(SOCK_STREAM),
              (std::vector<std::string>{"bye", "ECONNRESET", "end", "EPIPE"}));
}

TEST_F(H22, on_seqpacket_a_reset_comes_before_the_data_that_was_queued) {
  KERNEL_SAYS(after_a_reset(SOCK_SEQPACKET),
              (std::vector<std::string>{"ECONNRESET", "bye", "end", "EPIPE"}));
}

// H23 ---------------------------------------------------------------------------------------------

using H23 = Fact;

TEST_F(H23, a_copy_in_a_child_keeps_the_connection_open) {
  auto [ours, theirs] = raw_pair(SOCK_STREAM);
  ForkedProcess child([](const ForkedProcess::Say& say) {
    say("has a copy");
    wait_to_be_killed();
  });
  ASSERT_EQ(child.line(), "has a copy");
  theirs.close();
  KERNEL_SAYS(polled(ours.get(), all_ends), 0);
  child.kill();
  KERNEL_SAYS(received(ours), "end");
}

TEST_F(H23, O_NONBLOCK_belongs_to_all_copies) {
  auto [ours, theirs] = raw_pair(SOCK_STREAM);
  const Descriptor copy = Descriptor::adopt(::fcntl(ours.get(), F_DUPFD_CLOEXEC, 0));
  ASSERT_EQ(::fcntl(copy.get(), F_SETFL, O_NONBLOCK), 0);
  KERNEL_SAYS(::fcntl(ours.get(), F_GETFL) & O_NONBLOCK, O_NONBLOCK);
}

TEST_F(H23, descriptors_survive_exec_unless_they_are_marked) {
  auto [ours, theirs] = raw_pair(SOCK_STREAM);
  KERNEL_SAYS(survives_exec(ours.get()), false);
  ASSERT_EQ(::fcntl(ours.get(), F_SETFD, 0), 0);
  KERNEL_SAYS(survives_exec(ours.get()), true);
}

}  // namespace
}  // namespace hallway::test
