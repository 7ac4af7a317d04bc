// SPDX-License-Identifier: Apache-2.0
//
// Notices when a path that was bound here leads elsewhere, or nowhere, and when it leads here
// again: a live server whose socket file was removed goes on undisturbed, and nobody would report
// that no client finds it. The same happens when a link on the way is swapped, a directory above is
// renamed, or something is mounted over it.
#pragma once

#include <functional>
#include <optional>
#include <string>

#include <hallway/descriptor.hpp>

#include "loop/loop_core.hpp"

namespace hallway::net {

class PathMonitor : private detail::Watch, private detail::Timer {
 public:
  /// The owner of the path. Each function may stop() the watch, and none may destroy it.
  struct Owner {
    /// Why the path is lost; nothing while it is not.
    std::move_only_function<std::optional<std::string>()> lost;
    /// Called once for each loss, and once for each time that the path leads here again.
    std::move_only_function<void(const std::string& why)> on_lost;
    std::move_only_function<void()> on_regained;
    /// Tries to bind a path that is lost again: true once it is bound. Called after on_lost, and at
    /// each later look. Unset: the path is not bound again.
    std::move_only_function<bool()> rebind;
  };

  PathMonitor(detail::LoopCore& core, std::string path, Owner owner)
      : core_(core), path_(std::move(path)), owner_(std::move(owner)), mounts_(*this) {}

  /// Watches what leads to the path now, from the next turn on. A relative path begins in the
  /// working directory of this moment.
  void start();

  /// Looks again in the next turn, at what leads to the path by then.
  void look_soon();

  void stop() noexcept;

 private:
  void ready(std::uint32_t /*events*/) override { look_again(); }
  void fire() override;
  void look();
  void look_later();
  void found();
  void place();

  /// What is mounted or unmounted.
  class Mounts : public detail::Watch {
   public:
    explicit Mounts(PathMonitor& name) : name_(name) {}
    bool start(detail::LoopCore& core);
    void stop() noexcept;

   private:
    void ready(std::uint32_t /*events*/) override { name_.look_again(); }

    PathMonitor& name_;
    Descriptor table_;
  };
  void look_again();

  detail::LoopCore& core_;
  std::string path_;
  Owner owner_;
  Descriptor origin_;
  Descriptor changes_;
  Mounts mounts_;
  bool running_ = false;
  bool all_watched_ = false;
  bool place_anew_ = false;
  bool lost_ = false;
};

}  // namespace hallway::net
