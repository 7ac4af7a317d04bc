// SPDX-License-Identifier: Apache-2.0
//
// The part of a reload that may block: it reads a file and the user database, which may query a
// server on the network and wait for minutes. It runs in a thread, and clients are served
// meanwhile.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <thread>

#include <hallway/error.hpp>
#include <hallway/loop.hpp>

namespace hallway::tool {

class ReloadThread {
 public:
  /// Makes the server use what was prepared. It runs on the loop and does not block. It returns a
  /// description of what was reloaded.
  using Apply = std::move_only_function<Result<std::string>()>;
  /// Runs in the thread, which may outlive everything but the function's captures. An exception it
  /// throws is rethrown on the loop.
  using Prepare = std::function<Apply()>;

  /// @param on_prepared  called on the loop each time a Prepare has returned
  ReloadThread(Loop& loop, std::move_only_function<void(Apply)> on_prepared);
  ReloadThread(const ReloadThread&) = delete;
  ReloadThread& operator=(const ReloadThread&) = delete;
  /// A thread that has not returned by now is left running (threads_left.hpp), and what it prepares
  /// is discarded.
  ~ReloadThread();

  /// Precondition: not running().
  /// @errors the thread could not be started
  Result<void> start(Prepare prepare);

  /// From start() until on_prepared is called.
  [[nodiscard]] bool running() const noexcept { return thread_.joinable(); }

 private:
  struct Shared;

  void finish(Apply apply);

  std::move_only_function<void(Apply)> on_prepared_;
  std::shared_ptr<Shared> shared_;
  std::thread thread_;
};

}  // namespace hallway::tool
