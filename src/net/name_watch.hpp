// SPDX-License-Identifier: Apache-2.0
//
// Notices when a path that was bound here leads elsewhere, or nowhere: a live server whose socket
// file was removed goes on undisturbed, and nobody would tell it that no client finds it. So it is
// when a link on the way is swapped, a directory above is renamed, or something is mounted over it.
#pragma once

#include <functional>
#include <optional>
#include <string>

#include <hallway/descriptor.hpp>

#include "loop/loop_core.hpp"

namespace hallway::net {

class NameWatch : private detail::Watch, private detail::Timer {
 public:
  /// Why the path is lost; nothing while it is not.
  using Lost = std::move_only_function<std::optional<std::string>()>;
  using OnLost = std::move_only_function<void(const std::string& why)>;

  NameWatch(detail::LoopCore& core, std::string path, Lost lost, OnLost on_lost)
      : core_(core),
        path_(std::move(path)),
        lost_(std::move(lost)),
        on_lost_(std::move(on_lost)),
        mounts_(*this) {}

  /// Watches what leads to the path now, from the next turn on. A relative path begins in the
  /// working directory of this moment. A loss is told once, and ends it; on_lost may start it anew.
  void start();

  /// Looks again in a while, whether or not it told a loss.
  void look_later();

  void stop() noexcept;

 private:
  void ready(std::uint32_t events) override;
  void fire() override { look(); }
  void look();
  void place();

  /// What is mounted or unmounted.
  class Mounts : public detail::Watch {
   public:
    explicit Mounts(NameWatch& name) : name_(name) {}
    bool start(detail::LoopCore& core);
    void stop() noexcept;

   private:
    void ready(std::uint32_t /*events*/) override { name_.look_again(); }

    NameWatch& name_;
    Descriptor table_;
  };
  void look_again();

  detail::LoopCore& core_;
  std::string path_;
  Lost lost_;
  OnLost on_lost_;
  Descriptor origin_;
  Descriptor changes_;
  Mounts mounts_;
  bool all_watched_ = false;
};

}  // namespace hallway::net
