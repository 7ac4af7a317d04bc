// SPDX-License-Identifier: Apache-2.0
#include "sides.hpp"

#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <string>

#include "clock.hpp"
#include "fail.hpp"

namespace bench {

void Side::ready() const {
  const char word = 'r';
  if (write(ready_, &word, 1) != 1) fail_with_errno("write to the program");
  close(ready_);
}

void Side::begin() {
  account_->began = now();
  account_->cpu = cpu_time();
}

void Side::end(std::uint64_t messages) {
  account_->ended = now();
  account_->cpu = cpu_time() - account_->cpu;
  account_->messages = messages;
}

Sides::Sides(Placement placement) : placement_(placement) {
  void* shared = mmap(nullptr, most * sizeof(Account), PROT_READ | PROT_WRITE,
                      MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (shared == MAP_FAILED) fail_with_errno("mmap");
  accounts_ = static_cast<Account*>(shared);  // zeroed by the kernel
}

Sides::~Sides() {
  for (const Member& member : members_) {
    if (member.running) {
      kill(member.pid, SIGKILL);
      waitpid(member.pid, nullptr, 0);
    }
    close(member.ready);
  }
  munmap(accounts_, most * sizeof(Account));
}

void Sides::start(std::string_view name, Core core, const Body& body) {
  if (members_.size() == most) fail("too many sides");
  std::array<int, 2> ready{};
  if (pipe(ready.data()) != 0) fail_with_errno("pipe");
  const pid_t program = getpid();
  const pid_t child = fork();
  if (child < 0) fail_with_errno("fork");
  if (child == 0) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != program) std::_Exit(1);
    for (const Member& member : members_) close(member.ready);
    close(ready[0]);
    place(placement_, core);
    Side side(accounts_[members_.size()], ready[1]);
    body(side);
    std::_Exit(0);
  }
  close(ready[1]);
  members_.push_back({name, child, ready[0], true});
}

void Sides::await_ready(std::string_view name) {
  for (const Member& member : members_) {
    char word = 0;
    if (member.name == name && read(member.ready, &word, 1) != 1) {
      fail("the " + std::string(name) + " ended before it was ready");
    }
  }
}

void Sides::reap(Member& member) {
  int status = 0;
  if (waitpid(member.pid, &status, 0) != member.pid) fail_with_errno("waitpid");
  member.running = false;
  if (WIFEXITED(status) && WEXITSTATUS(status) == 0) return;
  fail("the " + std::string(member.name) + " failed");
}

void Sides::wait() {
  // In the order in which they end: one that fails leaves others waiting for it for ever.
  while (std::ranges::any_of(members_, &Member::running)) {
    siginfo_t ended{};
    if (waitid(P_ALL, 0, &ended, WEXITED | WNOWAIT) != 0) fail_with_errno("waitid");
    const auto member = std::ranges::find(members_, ended.si_pid, &Member::pid);
    if (member == members_.end()) fail("an unknown child process ended");
    reap(*member);
  }
}

void Sides::wait(std::string_view name) {
  for (Member& member : members_) {
    if (member.name == name && member.running) reap(member);
  }
}

void Sides::terminate(std::string_view name) {
  for (Member& member : members_) {
    if (member.name != name || !member.running) continue;
    kill(member.pid, SIGTERM);
    waitpid(member.pid, nullptr, 0);
    member.running = false;
  }
}

std::size_t Sides::find(std::string_view name) const {
  const auto member = std::ranges::find(members_, name, &Member::name);
  if (member == members_.end()) fail("no side is called " + std::string(name));
  return static_cast<std::size_t>(member - members_.begin());
}

const Account& Sides::account(std::string_view name) const { return accounts_[find(name)]; }

pid_t Sides::pid(std::string_view name) const { return members_[find(name)].pid; }

Account Sides::together(std::string_view name) const {
  Account all{.began = UINT64_MAX};
  for (std::size_t i = 0; i < members_.size(); ++i) {
    if (members_[i].name != name) continue;
    all.began = std::min(all.began, accounts_[i].began);
    all.ended = std::max(all.ended, accounts_[i].ended);
    all.cpu += accounts_[i].cpu;
    all.messages += accounts_[i].messages;
  }
  return all;
}

double Sides::seconds() const {
  std::uint64_t began = UINT64_MAX;
  std::uint64_t ended = 0;
  for (std::size_t i = 0; i < members_.size(); ++i) {
    if (accounts_[i].began == 0) continue;
    began = std::min(began, accounts_[i].began);
    ended = std::max(ended, accounts_[i].ended);
  }
  return ended > began ? static_cast<double>(ended - began) / 1e9 : 0;
}

JsonLine Sides::cpu_per(std::uint64_t messages) const {
  JsonLine line;
  std::vector<std::string_view> done;
  for (const Member& member : members_) {
    if (std::ranges::find(done, member.name) != done.end()) continue;
    done.push_back(member.name);
    const std::uint64_t cpu = together(member.name).cpu;
    if (cpu > 0) line.add(member.name, static_cast<double>(cpu) / static_cast<double>(messages));
  }
  return line;
}

}  // namespace bench
