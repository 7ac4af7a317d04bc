// SPDX-License-Identifier: Apache-2.0
//
// One conversation between a server and a client, again and again: each time another system call
// of it fails, once. Whatever comes of it, nothing hangs, and nothing is left behind.
#include <gtest/gtest.h>

#include <array>
#include <cerrno>
#include <string>

#include <hallway/server.hpp>

#include "support/conversation.hpp"
#include "support/faults.hpp"
#include "support/inventory.hpp"
#include "support/temp_directory.hpp"

namespace hallway {
namespace {

using namespace test;
using sys::Call;

/// Asks three times, with a deadline: how far it came.
Task<int> ask(Loop& loop, std::string address, SocketType type) {
  auto connected = co_await Connection::connect(loop, address, {.deadline = 100ms, .type = type});
  if (!connected) co_return 0;
  int answers = 0;
  for (; answers < 3; ++answers) {
    const std::string text = "question " + std::to_string(answers);
    Received reply = co_await connected->request(text, 100ms);
    if (!reply || reply->bytes() != text) break;
  }
  co_return answers;
}

/// The whole life of a server and one client. Gives the answers the client got.
int conversation(const std::string& path, SocketType type) {
  Loop loop;
  auto server = Server::open(loop, path, echo, {.type = type, .descriptors = 1});
  if (!server) return 0;
  const int answers = loop.run(ask(loop, path, type));
  loop.drain(200ms);
  loop.run();
  return answers;
}

/// What a failing call of a kind may say.
struct Failing {
  Call call;
  std::array<int, 3> errors;
};

constexpr std::array failing{
    Failing{Call::socket, {EMFILE, ENOBUFS, EINTR}},
    Failing{Call::bind, {EADDRINUSE, EACCES, EINTR}},
    Failing{Call::listen, {EADDRINUSE, EINTR, ENOMEM}},
    Failing{Call::connect, {ECONNREFUSED, EAGAIN, EINTR}},
    Failing{Call::accept, {EMFILE, ECONNABORTED, EINTR}},
    Failing{Call::shutdown, {ENOTCONN, EINTR, ENOMEM}},
    Failing{Call::getsockopt, {ENOMEM, ENOPROTOOPT, EINTR}},
    Failing{Call::setsockopt, {ENOMEM, ENOPROTOOPT, EINTR}},
    Failing{Call::getsockname, {ENOBUFS, ENOTCONN, EINTR}},
    Failing{Call::sendmsg, {EAGAIN, ENOBUFS, EPIPE}},
    Failing{Call::sendmsg, {ECONNRESET, ENOMEM, EINTR}},
    Failing{Call::recvmsg, {EAGAIN, ECONNRESET, ENOMEM}},
    Failing{Call::epoll_create, {EMFILE, ENOMEM, ENFILE}},
    Failing{Call::epoll_ctl, {ENOMEM, ENOSPC, EINTR}},
    Failing{Call::epoll_wait, {EINTR, EINTR, EINTR}},
    Failing{Call::eventfd, {EMFILE, ENFILE, ENOMEM}},
    Failing{Call::open, {EMFILE, EACCES, EINTR}},
    Failing{Call::flock, {EWOULDBLOCK, ENOLCK, EINTR}},
    Failing{Call::fstat, {EACCES, ENOMEM, EINTR}},
    Failing{Call::fchmod, {EPERM, EROFS, EINTR}},
    Failing{Call::unlink, {EBUSY, EACCES, EROFS}},
    Failing{Call::write, {ENOSPC, EIO, EINTR}},
    Failing{Call::getrlimit, {EFAULT, EINVAL, EPERM}},
};

class every_call : public testing::TestWithParam<SocketType> {};

TEST_P(every_call, may_fail_once) {
  for (const auto& [call, errors] : failing) {
    for (const int error : errors) {
      for (unsigned nth = 1;; ++nth) {
        const TempDirectory directory;
        const Inventory before = Inventory::take();
        const FaultOn fault(call, nth, error);
        const int answers = conversation(directory / "s", GetParam());
        ASSERT_EQ(lasting_difference(before), "")
            << static_cast<int>(call) << " " << error << " " << nth;
        EXPECT_TRUE(error != EINTR || answers == 3) << static_cast<int>(call) << " " << nth;
        if (fault.calls() < nth) {
          EXPECT_EQ(answers, 3);
          break;
        }
      }
    }
  }
}

INSTANTIATE_TEST_SUITE_P(each_type, every_call,
                         testing::Values(SocketType::stream, SocketType::seqpacket),
                         [](const auto& type) { return std::string(to_string(type.param)); });

}  // namespace
}  // namespace hallway
