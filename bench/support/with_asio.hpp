// SPDX-License-Identifier: Apache-2.0
//
// A stream of len32 frames with Asio's callbacks, which are a little faster than its coroutines.
#pragma once

#include <asio.hpp>
#include <cstddef>
#include <functional>
#include <span>
#include <string_view>
#include <utility>

#include "fail.hpp"
#include "stream.hpp"

namespace bench {

inline void require(const asio::error_code& error, const char* operation) {
  if (error) fail(std::string(operation) + ": " + error.message());
}

/// Hands each frame that arrives to its owner.
class AsioPeer {
 public:
  using Socket = asio::local::stream_protocol::socket;
  using OnMessage = std::function<bool(AsioPeer&, std::string_view)>;  ///< false: no more reading

  AsioPeer(Socket socket, std::size_t room, OnMessage on_message)
      : socket_(std::move(socket)), on_message_(std::move(on_message)), reader_(room) {}

  void send(std::string_view message) {
    send_frames(writer_.frame(message), [] {});
  }

  /// Writes all of it, then calls `done`.
  template <typename Done>
  void send_frames(std::string_view frames, Done done) {
    asio::async_write(socket_, asio::buffer(frames.data(), frames.size()),
                      [done](const asio::error_code& error, std::size_t) {
                        require(error, "async_write");
                        done();
                      });
  }

  void read() {
    const std::span<char> space = reader_.space();
    socket_.async_read_some(asio::buffer(space.data(), space.size()),
                            [this](const asio::error_code& error, std::size_t got) {
                              if (error == asio::error::eof) return;
                              require(error, "async_read_some");
                              reader_.add(got);
                              while (const auto message = reader_.next()) {
                                if (!on_message_(*this, *message)) return;
                              }
                              read();
                            });
  }

 private:
  Socket socket_;
  OnMessage on_message_;
  FrameReader reader_;
  FrameWriter writer_;
};

}  // namespace bench
