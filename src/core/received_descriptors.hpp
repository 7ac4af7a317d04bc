// SPDX-License-Identifier: Apache-2.0
//
// Descriptors from a peer are not closed on the loop: close(2) of a TCP socket with SO_LINGER waits
// for the network, that of a file on a FUSE mount waits for the file system's server, and
// O_NONBLOCK helps with neither. A peer that sends such a descriptor must not stop the loop for all
// other connections.
//
// They are closed on a thread that runs while there is something to close, and a moment longer. If
// no thread can be started, or too many descriptors are waiting, they are closed by the caller.
#pragma once

#include <cstddef>
#include <utility>
#include <vector>

#include <hallway/descriptor.hpp>

namespace hallway::core {

/// Thread: any.
void close_in_background(std::vector<Descriptor> descriptors) noexcept;
void close_in_background(Descriptor descriptor) noexcept;

/// Descriptors from a peer. Those that are not taken out are closed in the background.
class ReceivedDescriptors {
 public:
  ReceivedDescriptors() noexcept = default;
  explicit ReceivedDescriptors(std::vector<Descriptor> list) noexcept : list_(std::move(list)) {}
  ReceivedDescriptors(ReceivedDescriptors&& other) noexcept
      : list_(std::exchange(other.list_, {})) {}
  ReceivedDescriptors& operator=(ReceivedDescriptors&& other) noexcept {
    if (this != &other) {
      clear();
      list_ = std::exchange(other.list_, {});
    }
    return *this;
  }
  ReceivedDescriptors(const ReceivedDescriptors&) = delete;
  ReceivedDescriptors& operator=(const ReceivedDescriptors&) = delete;
  ~ReceivedDescriptors() { clear(); }

  [[nodiscard]] std::vector<Descriptor>& list() noexcept { return list_; }
  [[nodiscard]] std::size_t size() const noexcept { return list_.size(); }
  [[nodiscard]] bool empty() const noexcept { return list_.empty(); }

  void append(ReceivedDescriptors more) {
    for (Descriptor& one : more.list_) list_.push_back(std::move(one));
    more.list_.clear();
  }

  void clear() noexcept {
    std::erase_if(list_, [](const Descriptor& one) { return !one.holds_one(); });
    if (!list_.empty()) close_in_background(std::exchange(list_, {}));
  }

 private:
  std::vector<Descriptor> list_;
};

}  // namespace hallway::core
