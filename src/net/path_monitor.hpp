// SPDX-License-Identifier: Apache-2.0
//
// Notices when a path bound here leads elsewhere, or nowhere, and when it leads here again. A
// server whose socket file was removed continues undisturbed, but no client can find it. The same
// happens when a link in the path is replaced, a parent directory is renamed, or a file system is
// mounted over it.
#pragma once

#include <functional>
#include <optional>
#include <string>

#include <hallway/descriptor.hpp>

#include "loop/loop_core.hpp"

namespace hallway::net {

class PathMonitor : private detail::Watch, private detail::Timer {
 public:
  /// The owner of the path. Each function may call stop(), and none may destroy the monitor.
  struct Owner {
    /// Why the path is lost; nullopt while it is not.
    std::move_only_function<std::optional<std::string>()> lost;
    /// on_lost is called once per loss, on_regained once each time the path leads here again.
    std::move_only_function<void(const std::string& why)> on_lost;
    std::move_only_function<void()> on_regained;
    /// Tries to bind a lost path again and returns true once it is bound. Called after on_lost and
    /// at each later check. If unset, the path is not bound again.
    std::move_only_function<bool()> rebind;
  };

  PathMonitor(detail::LoopCore& core, std::string path, Owner owner)
      : core_(core), path_(std::move(path)), owner_(std::move(owner)), mounts_(*this) {}
  PathMonitor(const PathMonitor&) = delete;
  PathMonitor& operator=(const PathMonitor&) = delete;
  ~PathMonitor() override { stop(); }  // before the descriptors close, and others get their numbers

  /// Watches what leads to the path now, from the next turn on. A relative path starts at the
  /// current working directory.
  void start();

  /// Checks again in the next turn, after watching what leads to the path by then.
  void check_soon();

  void stop() noexcept;

 private:
  void ready(std::uint32_t /*events*/) override { check_again(); }
  void fire() override;
  void check();
  void check_later();
  void found();
  void place();

  /// Notices mounts and unmounts.
  class Mounts : public detail::Watch {
   public:
    explicit Mounts(PathMonitor& name) : name_(name) {}
    Mounts(const Mounts&) = delete;
    Mounts& operator=(const Mounts&) = delete;
    ~Mounts() override { stop(); }
    bool start(detail::LoopCore& core);
    void stop() noexcept;

   private:
    void ready(std::uint32_t /*events*/) override { name_.check_again(); }

    PathMonitor& name_;
    Descriptor table_;
  };
  void check_again();

  detail::LoopCore& core_;
  std::string path_;
  Owner owner_;
  Descriptor origin_;
  Descriptor changes_;
  Mounts mounts_;
  bool running_ = false;
  bool all_watched_ = false;
  bool place_again_ = false;
  bool lost_ = false;
};

}  // namespace hallway::net
