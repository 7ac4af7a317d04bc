// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <zmq.h>

#include <string>
#include <string_view>

#include "fail.hpp"

namespace bench {

inline void require_zmq(int result, const char* operation) {
  if (result < 0) fail(std::string(operation) + ": " + zmq_strerror(zmq_errno()));
}

/// A ZeroMQ socket with a context of its own. Its end waits until everything sent has left.
class ZmqSocket {
 public:
  explicit ZmqSocket(int type) : context_(zmq_ctx_new()), socket_(zmq_socket(context_, type)) {
    if (socket_ == nullptr) fail("zmq_socket");
  }
  ~ZmqSocket() {
    zmq_close(socket_);
    zmq_ctx_term(context_);
  }
  ZmqSocket(const ZmqSocket&) = delete;
  ZmqSocket& operator=(const ZmqSocket&) = delete;

  void set(int option, int value) {
    require_zmq(zmq_setsockopt(socket_, option, &value, sizeof value), "zmq_setsockopt");
  }
  void bind(const std::string& path) {
    require_zmq(zmq_bind(socket_, ("ipc://" + path).c_str()), "zmq_bind");
  }
  /// Waits until the connection is there: making it is not what is measured.
  void connect(const std::string& path) {
    set(ZMQ_IMMEDIATE, 1);
    require_zmq(zmq_connect(socket_, ("ipc://" + path).c_str()), "zmq_connect");
    zmq_pollitem_t writable{.socket = socket_, .fd = 0, .events = ZMQ_POLLOUT, .revents = 0};
    require_zmq(zmq_poll(&writable, 1, -1), "zmq_poll");
  }
  void send(std::string_view bytes) {
    require_zmq(zmq_send(socket_, bytes.data(), bytes.size(), 0), "zmq_send");
  }

  [[nodiscard]] void* get() const noexcept { return socket_; }

 private:
  void* context_;
  void* socket_;
};

/// A message, received without a copy, reused.
class ZmqMessage {
 public:
  ZmqMessage() { zmq_msg_init(&message_); }
  ~ZmqMessage() { zmq_msg_close(&message_); }
  ZmqMessage(const ZmqMessage&) = delete;
  ZmqMessage& operator=(const ZmqMessage&) = delete;

  /// Borrowed until the next call.
  std::string_view receive(ZmqSocket& socket) {
    require_zmq(zmq_msg_recv(&message_, socket.get(), 0), "zmq_msg_recv");
    return {static_cast<const char*>(zmq_msg_data(&message_)), zmq_msg_size(&message_)};
  }

  /// Sends it on, without a copy.
  void send(ZmqSocket& socket) {
    require_zmq(zmq_msg_send(&message_, socket.get(), 0), "zmq_msg_send");
  }

 private:
  zmq_msg_t message_{};
};

}  // namespace bench
