// SPDX-License-Identifier: Apache-2.0
//
// A hub for clients without a loop.
#pragma once

#include <gtest/gtest.h>

#include <atomic>
#include <future>
#include <string>
#include <thread>
#include <utility>

#include <hallway/hub.hpp>

namespace hallway::test {

/// A hub on a thread of its own, until stop().
class HubThread {
 public:
  HubThread() = default;
  HubThread(const HubThread&) = delete;
  HubThread& operator=(const HubThread&) = delete;
  ~HubThread() { stop(); }

  void start(const std::string& path, HubOptions options = {}) {
    std::promise<Loop*> listening;
    auto started = listening.get_future();
    options.on_event = [this](const ServerEvent& event) {
      if (event.kind == ServerEvent::Kind::closed) ++closed;
    };
    thread_ = std::thread([&path, &listening, how = std::move(options)]() mutable {
      Loop loop;
      const auto hub = Hub::start(loop, path, std::move(how));
      listening.set_value(hub ? &loop : nullptr);
      if (hub) loop.run();
    });
    loop_ = started.get();
    ASSERT_NE(loop_, nullptr);
  }

  void stop() {
    if (!thread_.joinable()) return;
    if (loop_ != nullptr) loop_->post([on = loop_] { on->stop(); });
    thread_.join();
  }

  std::atomic<int> closed = 0;  ///< connections

 private:
  std::thread thread_;
  Loop* loop_ = nullptr;
};

}  // namespace hallway::test
