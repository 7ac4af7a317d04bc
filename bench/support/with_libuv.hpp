// SPDX-License-Identifier: Apache-2.0
//
// A stream of len32 frames with libuv: what fits is written at once, the rest is queued.
#pragma once

#include <uv.h>

#include <algorithm>
#include <cstddef>
#include <functional>
#include <string>
#include <string_view>
#include <utility>

#include "fail.hpp"
#include "stream.hpp"

namespace bench {

inline void require_uv(int result, const char* operation) {
  if (result < 0) fail(std::string(operation) + ": " + uv_strerror(result));
}

class UvLoop {
 public:
  UvLoop() { require_uv(uv_loop_init(&loop_), "uv_loop_init"); }
  ~UvLoop() { uv_loop_close(&loop_); }
  UvLoop(const UvLoop&) = delete;
  UvLoop& operator=(const UvLoop&) = delete;

  uv_loop_t* get() noexcept { return &loop_; }
  void run() { uv_run(&loop_, UV_RUN_DEFAULT); }

 private:
  uv_loop_t loop_{};
};

/// Hands each frame that arrives to its owner.
class UvPeer {
 public:
  using OnMessage = std::function<bool(UvPeer&, std::string_view)>;  ///< false: close
  using Done = std::function<void()>;

  UvPeer(UvLoop& loop, std::size_t room, OnMessage on_message)
      : on_message_(std::move(on_message)), reader_(room) {
    require_uv(uv_pipe_init(loop.get(), &pipe_, 0), "uv_pipe_init");
    pipe_.data = this;
    write_.data = this;
  }

  uv_stream_t* stream() noexcept { return reinterpret_cast<uv_stream_t*>(&pipe_); }

  void open(Socket socket) { require_uv(uv_pipe_open(&pipe_, socket.release()), "uv_pipe_open"); }

  void send(std::string_view message) { send_frames(writer_.frame(message)); }

  /// Writes now what fits. True when that was all; otherwise `done` is called once it is.
  /// Precondition: everything sent before is done.
  bool send_frames(std::string_view frames, Done done = [] {}) {
    uv_buf_t buffer = buffer_of(frames);
    const int written = uv_try_write(stream(), &buffer, 1);
    if (written != UV_EAGAIN) require_uv(written, "uv_try_write");
    frames.remove_prefix(static_cast<std::size_t>(std::max(written, 0)));
    if (frames.empty()) return true;
    done_ = std::move(done);
    buffer = buffer_of(frames);
    const auto on_written = [](uv_write_t* request, int status) {
      require_uv(status, "uv_write");
      static_cast<UvPeer*>(request->data)->done_();
    };
    require_uv(uv_write(&write_, stream(), &buffer, 1, on_written), "uv_write");
    return false;
  }

  void read() {
    const auto give_space = [](uv_handle_t* handle, std::size_t, uv_buf_t* buffer) {
      const auto space = static_cast<UvPeer*>(handle->data)->reader_.space();
      *buffer = uv_buf_init(space.data(), static_cast<unsigned>(space.size()));
    };
    const auto on_read = [](uv_stream_t* stream, ssize_t got, const uv_buf_t*) {
      static_cast<UvPeer*>(stream->data)->take(got);
    };
    require_uv(uv_read_start(stream(), give_space, on_read), "uv_read_start");
  }

  void close() { uv_close(reinterpret_cast<uv_handle_t*>(&pipe_), nullptr); }

 private:
  static uv_buf_t buffer_of(std::string_view bytes) {
    return uv_buf_init(const_cast<char*>(bytes.data()), static_cast<unsigned>(bytes.size()));
  }

  void take(ssize_t got) {
    if (got == UV_EOF) return close();
    require_uv(static_cast<int>(got), "read");
    reader_.add(static_cast<std::size_t>(got));
    while (const auto message = reader_.next()) {
      if (!on_message_(*this, *message)) return close();
    }
  }

  uv_pipe_t pipe_{};
  uv_write_t write_{};
  Done done_;
  OnMessage on_message_;
  FrameReader reader_;
  FrameWriter writer_;
};

/// Listens at a path and gives the first client to `peer`, which begins to read.
class UvAcceptor {
 public:
  UvAcceptor(UvLoop& loop, const std::string& path, UvPeer& peer) {
    require_uv(uv_pipe_init(loop.get(), &pipe_, 0), "uv_pipe_init");
    pipe_.data = &peer;
    require_uv(uv_pipe_bind(&pipe_, path.c_str()), "uv_pipe_bind");
    const auto on_client = [](uv_stream_t* listener, int status) {
      require_uv(status, "uv_listen");
      auto& client = *static_cast<UvPeer*>(listener->data);
      require_uv(uv_accept(listener, client.stream()), "uv_accept");
      client.read();
      uv_close(reinterpret_cast<uv_handle_t*>(listener), nullptr);
    };
    require_uv(uv_listen(reinterpret_cast<uv_stream_t*>(&pipe_), 1, on_client), "uv_listen");
  }

 private:
  uv_pipe_t pipe_{};
};

}  // namespace bench
