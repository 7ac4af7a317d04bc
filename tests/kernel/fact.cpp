// SPDX-License-Identifier: Apache-2.0
#include "kernel/fact.hpp"

#include <poll.h>
#include <sched.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <iostream>

namespace hallway::test {

namespace {

const testing::TestInfo& current() {
  return *testing::UnitTest::GetInstance()->current_test_info();
}

std::string sentence() {
  std::string text = current().name();
  std::ranges::replace(text, '_', ' ');
  return text;
}

}  // namespace

void Fact::TearDown() {
  if (IsSkipped() || HasFailure()) return;
  std::cout << "fact " << current().test_suite_name() << " holds: " << sentence() << "\n";
}

std::string error_name(int error) {
  const char* name = ::strerrorname_np(error);
  return name != nullptr && error != 0 ? name : "errno " + std::to_string(error);
}

std::string result_of(ssize_t result) {
  const int error = errno;
  return result >= 0 ? "ok" : error_name(error);
}

std::string difference(std::string_view what, const std::string& expected,
                       const std::string& seen) {
  const std::string line = "this kernel differs: " + std::string(current().test_suite_name()) +
                           ": " + sentence() + ": " + std::string(what) + ": expected " + expected +
                           ", saw " + seen;
  std::cout << line << "\n";
  return line;
}

std::string connect_says(int type, const RawAddress& address) {
  const int error = raw_connect_error(type, address);
  return error == 0 ? "ok" : error_name(error);
}

Descriptor accept_one(const Descriptor& listener) {
  return Descriptor::adopt(::accept4(listener.get(), nullptr, nullptr, SOCK_CLOEXEC));
}

long number_in(const std::string& path, long otherwise) {
  std::ifstream file(path);
  long number = otherwise;
  file >> number;
  return file ? number : otherwise;
}

int integer_option(int socket, int level, int name) {
  int value = -1;
  socklen_t size = sizeof value;
  return ::getsockopt(socket, level, name, &value, &size) == 0 ? value : -1;
}

short polled(int descriptor, short events) {
  pollfd watched{descriptor, events, 0};
  return ::poll(&watched, 1, 0) < 0 ? short{-1} : watched.revents;
}

bool sleeps(pid_t id) {
  while (true) {
    std::ifstream file("/proc/" + std::to_string(id) + "/stat");
    std::string line;
    if (!std::getline(file, line)) return false;
    const char state = line[line.rfind(')') + 2];
    if (state == 'S') return true;
    if (state == 'Z' || state == 'X') return false;
    ::sched_yield();
  }
}

std::string in_own_namespaces(int flags, const std::function<std::string()>& work) {
  return in_a_child([&]() -> std::string {
    const int wanted = is_root() ? flags : flags | CLONE_NEWUSER;
    const uid_t uid = ::getuid();
    const gid_t gid = ::getgid();
    if (::unshare(wanted) != 0) return "cannot unshare: " + error_name(errno);
    if (!is_root()) {
      const auto write = [](const char* path, const std::string& text) {
        std::ofstream file(path);
        file << text << std::flush;
        return file.good();
      };
      write("/proc/self/setgroups", "deny");
      if (!write("/proc/self/uid_map", "0 " + std::to_string(uid) + " 1") ||
          !write("/proc/self/gid_map", "0 " + std::to_string(gid) + " 1")) {
        return "cannot map ids";
      }
    }
    return work();
  });
}

}  // namespace hallway::test
