// SPDX-License-Identifier: Apache-2.0
//
// Notices when a path that was bound here leads elsewhere, or nowhere: a live server whose socket
// file was removed goes on undisturbed, and nobody would tell it that no client finds it.
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
      : core_(core), path_(std::move(path)), lost_(std::move(lost)), on_lost_(std::move(on_lost)) {}

  /// Watches the file that is at the path now, from the next turn on. A loss is told once, and
  /// ends it; on_lost may start it anew.
  void start();

  /// Looks again in a while, whether or not it told a loss.
  void look_later();

  void stop() noexcept;

 private:
  void ready(std::uint32_t events) override;
  void fire() override { look(); }
  void look();

  detail::LoopCore& core_;
  std::string path_;
  Lost lost_;
  OnLost on_lost_;
  Descriptor changes_;
};

}  // namespace hallway::net
