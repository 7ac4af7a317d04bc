// SPDX-License-Identifier: Apache-2.0
#pragma once

// clang-format off: its headers do not include what they need
#include <nng/nng.h>
#include <nng/protocol/pair0/pair.h>
#include <nng/protocol/pipeline0/pull.h>
#include <nng/protocol/pipeline0/push.h>
// clang-format on

#include <atomic>
#include <cstddef>
#include <string>
#include <string_view>
#include <utility>

#include "fail.hpp"

namespace bench {

inline void require_nng(int result, const char* operation) {
  if (result != 0) fail(std::string(operation) + ": " + nng_strerror(result));
}

/// An owned message.
class NngMessage {
 public:
  explicit NngMessage(nng_msg* message) noexcept : message_(message) {}
  /// Copies the bytes.
  explicit NngMessage(std::string_view bytes) {
    require_nng(nng_msg_alloc(&message_, 0), "nng_msg_alloc");
    require_nng(nng_msg_append(message_, bytes.data(), bytes.size()), "nng_msg_append");
  }
  NngMessage(NngMessage&& other) noexcept : message_(other.release()) {}
  NngMessage& operator=(NngMessage&&) = delete;
  ~NngMessage() { nng_msg_free(message_); }

  [[nodiscard]] std::string_view bytes() const {
    return {static_cast<const char*>(nng_msg_body(message_)), nng_msg_len(message_)};
  }
  [[nodiscard]] nng_msg* release() noexcept { return std::exchange(message_, nullptr); }

 private:
  nng_msg* message_ = nullptr;
};

/// A socket of one of nng's protocols with a single peer.
class NngSocket {
 public:
  using Open = int (*)(nng_socket*);

  explicit NngSocket(Open open) {
    require_nng(open(&socket_), "open");
    const auto on_gone = [](nng_pipe, nng_pipe_ev, void* gone) {
      *static_cast<std::atomic<bool>*>(gone) = true;
      static_cast<std::atomic<bool>*>(gone)->notify_one();
    };
    require_nng(nng_pipe_notify(socket_, NNG_PIPE_EV_REM_POST, on_gone, &gone_), "nng_pipe_notify");
  }
  ~NngSocket() { nng_close(socket_); }
  NngSocket(const NngSocket&) = delete;
  NngSocket& operator=(const NngSocket&) = delete;

  void set(const char* option, int value) {
    require_nng(nng_socket_set_int(socket_, option, value), option);
  }
  void set_size(const char* option, std::size_t value) {
    require_nng(nng_socket_set_size(socket_, option, value), option);
  }
  void listen(const std::string& path) {
    require_nng(nng_listen(socket_, ("ipc://" + path).c_str(), nullptr, 0), "nng_listen");
  }
  void dial(const std::string& path) {
    require_nng(nng_dial(socket_, ("ipc://" + path).c_str(), nullptr, 0), "nng_dial");
  }

  void send(NngMessage message) {
    require_nng(nng_sendmsg(socket_, message.release(), 0), "nng_sendmsg");
  }
  NngMessage receive() {
    nng_msg* message = nullptr;
    require_nng(nng_recvmsg(socket_, &message, 0), "nng_recvmsg");
    return NngMessage(message);
  }

  /// Waits until the peer has closed. Who sent last does: closing drops what has not left yet.
  void await_end() { gone_.wait(false); }

 private:
  nng_socket socket_{};
  std::atomic<bool> gone_ = false;
};

}  // namespace bench
