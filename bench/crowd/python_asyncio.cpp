// SPDX-License-Identifier: Apache-2.0
//
// Python's asyncio, with the clients that all servers have. A protocol class is its fastest way.
#include <unistd.h>

#include "../support/crowd.hpp"
#include "../support/fail.hpp"

namespace {

constexpr const char* server = R"(
import asyncio, sys

class Echo(asyncio.Protocol):
    def connection_made(self, transport):
        self.transport = transport

    def data_received(self, data):
        self.transport.write(data)

async def main():
    loop = asyncio.get_running_loop()
    server = await loop.create_unix_server(Echo, sys.argv[1], backlog=4096)
    await server.serve_forever()

asyncio.run(main())
)";

void serve(const bench::Options& /*options*/, const std::string& path) {
  execlp("python3", "python3", "-c", server, path.c_str(), nullptr);
  bench::fail_with_errno("python3");
}

}  // namespace

int main(int argc, char** argv) { return bench::run_crowd(argc, argv, serve); }
