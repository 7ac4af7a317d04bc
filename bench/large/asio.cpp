// SPDX-License-Identifier: Apache-2.0
//
// Asio with coroutines and a send buffer of 1 MiB in the kernel.
#include <array>
#include <asio.hpp>
#include <vector>

#include "../support/large.hpp"
#include "../support/stream.hpp"

namespace {

using namespace bench;
using asio::use_awaitable;
using asio::local::stream_protocol;

/// Errors end the program, as everywhere.
void rethrow(const std::exception_ptr& error) {
  if (error) std::rethrow_exception(error);
}

asio::awaitable<void> receive_from(stream_protocol::socket client, Deliveries& deliveries) {
  std::vector<char> buffer;
  bool more = true;
  while (more) {
    std::uint32_t length = 0;
    co_await async_read(client, asio::buffer(&length, length_size), use_awaitable);
    if (buffer.size() < length) buffer.resize(length);
    co_await async_read(client, asio::buffer(buffer.data(), length), use_awaitable);
    more = deliveries.take({buffer.data(), length});
    co_await async_write(client, asio::buffer(acknowledgement), use_awaitable);
  }
}

void receive_all(Side& side, const Options& options, const std::string& path) {
  asio::io_context loop(1);
  stream_protocol::acceptor acceptor(loop, stream_protocol::endpoint(path));
  side.ready();
  Deliveries deliveries(side, options);
  co_spawn(loop, receive_from(acceptor.accept(), deliveries), rethrow);
  loop.run();
}

asio::awaitable<void> send_to(stream_protocol::socket server, Window& window) {
  std::array<char, acknowledgement.size()> answer{};
  while (const auto message = window.next()) {
    const auto length = static_cast<std::uint32_t>(message->size());
    const std::array<asio::const_buffer, 2> frame{asio::buffer(&length, length_size),
                                                  asio::buffer(*message)};
    co_await async_write(server, frame, use_awaitable);
    for (; window.waits(); window.acknowledged()) {
      co_await async_read(server, asio::buffer(answer), use_awaitable);
    }
  }
  window.end();
}

void send_all(Side& side, const Options& options, const std::string& path) {
  asio::io_context loop(1);
  stream_protocol::socket socket(loop);
  socket.connect(stream_protocol::endpoint(path));
  socket.set_option(asio::socket_base::send_buffer_size(1 << 20));
  Window window(side, options);
  co_spawn(loop, send_to(std::move(socket), window), rethrow);
  loop.run();
}

}  // namespace

int main(int argc, char** argv) { return run_large(argc, argv, receive_all, send_all); }
