// SPDX-License-Identifier: Apache-2.0
//
// Other processes and other users. A forked child runs a function and tells what came of it in
// text; expectations are the parent's, because GoogleTest does not see a child's.
#pragma once

#include <sys/types.h>
#include <unistd.h>

#include <functional>
#include <string>
#include <utility>
#include <vector>

#include <hallway/descriptor.hpp>

namespace hallway::test {

/// A forked copy of this process that runs a function to its end or until it is killed.
class ForkedProcess {
 public:
  /// `work` gets a function that passes one line to the parent.
  using Say = std::function<void(const std::string&)>;
  using Work = std::function<void(const Say&)>;
  explicit ForkedProcess(const Work& work);
  ForkedProcess(const ForkedProcess&) = delete;
  ForkedProcess& operator=(const ForkedProcess&) = delete;
  ~ForkedProcess();  ///< kills it, if it still runs

  [[nodiscard]] pid_t pid() const noexcept { return pid_; }

  /// The next line it says; empty when it has ended.
  std::string line();

  /// Sends SIGKILL and waits until it is gone.
  void kill();
  /// Waits for its end. Gives its wait status.
  int wait();

 private:
  using Pipe = std::pair<Descriptor, Descriptor>;
  ForkedProcess(Pipe pipe, const Work& work);

  pid_t pid_;
  Descriptor output_;
  std::string unread_;
};

/// For a child that is done when it is killed.
[[noreturn]] void wait_to_be_killed();

/// Runs `work` in a forked child and gives the text it returns, or "signal N" / "exit N".
std::string in_a_child(const std::function<std::string()>& work);

/// The same as user and group `id`, with only those supplementary groups. Needs root.
std::string as_user(unsigned id, const std::function<std::string()>& work,
                    const std::vector<gid_t>& groups = {});

inline constexpr unsigned some_user = 1234;
inline constexpr unsigned nobody = 65534;

bool is_root();

/// While it lives, this process does what it does as another user: whoever connects or listens then
/// is that user to the peer, for good. Needs root.
class ActingAs {
 public:
  explicit ActingAs(unsigned id);
  ActingAs(const ActingAs&) = delete;
  ActingAs& operator=(const ActingAs&) = delete;
  ~ActingAs();
};

/// Skips the test, out loud, when it cannot become another user.
#define NEEDS_ROOT_TO_BECOME_ANOTHER_USER()                                    \
  if (!::hallway::test::is_root()) {                                           \
    GTEST_SKIP() << "this part needs root: only root can become another user"; \
  }                                                                            \
  static_assert(true)

/// Skips the test, out loud, when it runs as the overflow uid, which no rule admits.
#define NEEDS_TO_BE_SOMEBODY()                                                       \
  if (::geteuid() == ::hallway::test::nobody) {                                      \
    GTEST_SKIP() << "this part needs another user than nobody, whom no rule admits"; \
  }                                                                                  \
  static_assert(true)

/// Whether `descriptor` is still open in a program that this process executes.
bool survives_exec(int descriptor);

}  // namespace hallway::test
