// SPDX-License-Identifier: Apache-2.0
//
// Asio as its tutorial has it: a session with a buffer of 1 KiB, kept alive by its handlers.
#include <array>
#include <asio.hpp>
#include <memory>

#include "../support/crowd.hpp"

namespace {

using asio::local::stream_protocol;

class Session : public std::enable_shared_from_this<Session> {
 public:
  explicit Session(stream_protocol::socket socket) : socket_(std::move(socket)) {}

  void read() {
    socket_.async_read_some(asio::buffer(data_),
                            [self = shared_from_this()](std::error_code error, std::size_t size) {
                              if (!error) self->write(size);
                            });
  }

 private:
  void write(std::size_t size) {
    asio::async_write(socket_, asio::buffer(data_, size),
                      [self = shared_from_this()](std::error_code error, std::size_t) {
                        if (!error) self->read();
                      });
  }

  stream_protocol::socket socket_;
  std::array<char, 1024> data_;
};

void accept(stream_protocol::acceptor& acceptor) {
  acceptor.async_accept([&acceptor](std::error_code error, stream_protocol::socket socket) {
    if (!error) std::make_shared<Session>(std::move(socket))->read();
    accept(acceptor);
  });
}

void serve(const bench::Options& /*options*/, const std::string& path) {
  asio::io_context context(1);
  stream_protocol::acceptor acceptor(context, stream_protocol::endpoint(path));
  accept(acceptor);
  context.run();
}

}  // namespace

int main(int argc, char** argv) { return bench::run_crowd(argc, argv, serve); }
