// SPDX-License-Identifier: Apache-2.0
//
// libuv: a handle for each client, one buffer for all, written at once where the kernel takes it.
#include <vector>

#include "../support/crowd.hpp"
#include "../support/with_libuv.hpp"

namespace {

using namespace bench;

constexpr int backlog = 4096;

void lend_buffer(uv_handle_t* /*client*/, std::size_t /*suggested*/, uv_buf_t* buffer) {
  static std::vector<char> shared(64 << 10);
  *buffer = uv_buf_init(shared.data(), static_cast<unsigned>(shared.size()));
}

void close_client(uv_stream_t* client) {
  uv_close(reinterpret_cast<uv_handle_t*>(client),
           [](uv_handle_t* handle) { delete reinterpret_cast<uv_pipe_t*>(handle); });
}

void echo(uv_stream_t* client, ssize_t got, const uv_buf_t* buffer) {
  if (got < 0) return close_client(client);
  const uv_buf_t answer = uv_buf_init(buffer->base, static_cast<unsigned>(got));
  if (got > 0 && uv_try_write(client, &answer, 1) != got) fail("an answer was not taken");
}

void accept(uv_stream_t* listener, int status) {
  require_uv(status, "listen");
  auto* client = new uv_pipe_t;
  require_uv(uv_pipe_init(listener->loop, client, 0), "uv_pipe_init");
  auto* stream = reinterpret_cast<uv_stream_t*>(client);
  require_uv(uv_accept(listener, stream), "uv_accept");
  require_uv(uv_read_start(stream, lend_buffer, echo), "uv_read_start");
}

void serve(const Options& /*options*/, const std::string& path) {
  UvLoop loop;
  uv_pipe_t listener;
  require_uv(uv_pipe_init(loop.get(), &listener, 0), "uv_pipe_init");
  require_uv(uv_pipe_bind(&listener, path.c_str()), "uv_pipe_bind");
  require_uv(uv_listen(reinterpret_cast<uv_stream_t*>(&listener), backlog, accept), "uv_listen");
  loop.run();
}

}  // namespace

int main(int argc, char** argv) { return run_crowd(argc, argv, serve); }
