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

/// A ZeroMQ socket with a context of its own.
class ZmqSocket {
 public:
  explicit ZmqSocket(int type) : context_(zmq_ctx_new()), socket_(zmq_socket(context_, type)) {
    if (socket_ == nullptr) fail("zmq_socket");
  }
  ~ZmqSocket() {
    if (monitor_ != nullptr) zmq_close(monitor_);
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
  /// Waits until the connection is there: making it is not what is measured. Whatever has not left
  /// when this side ends is dropped: first have the answer to it, or await_end().
  void connect(const std::string& path) {
    set(ZMQ_LINGER, 0);
    watch(ZMQ_EVENT_HANDSHAKE_SUCCEEDED | ZMQ_EVENT_DISCONNECTED);
    require_zmq(zmq_connect(socket_, ("ipc://" + path).c_str()), "zmq_connect");
    await_event();
  }

  /// For a single peer: await_end() works here, too.
  void bind_for_one(const std::string& path) {
    watch(ZMQ_EVENT_DISCONNECTED);
    bind(path);
  }

  /// Waits until the peer has closed. Who sent last does: closing can cost the peer what was sent.
  void await_end() { await_event(); }

  void send(std::string_view bytes) {
    require_zmq(zmq_send(socket_, bytes.data(), bytes.size(), 0), "zmq_send");
  }

  [[nodiscard]] void* get() const noexcept { return socket_; }

 private:
  void watch(int events) {
    constexpr const char* address = "inproc://events";
    require_zmq(zmq_socket_monitor(socket_, address, events), "zmq_socket_monitor");
    monitor_ = zmq_socket(context_, ZMQ_PAIR);
    require_zmq(zmq_connect(monitor_, address), "zmq_connect");
  }

  /// An event is two parts: what happened, and where.
  void await_event() {
    for (int part = 0; part < 2; ++part) {
      require_zmq(zmq_recv(monitor_, nullptr, 0, 0), "zmq_recv");
    }
  }

  void* context_;
  void* socket_;
  void* monitor_ = nullptr;  // where it tells of events
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
