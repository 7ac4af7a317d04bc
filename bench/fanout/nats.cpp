// SPDX-License-Identifier: Apache-2.0
//
// NATS, which has no Unix sockets: TCP over loopback.
#include <arpa/inet.h>
#include <nats/nats.h>
#include <netinet/in.h>
#include <netinet/tcp.h>

#include <fstream>

#include "../support/fail.hpp"
#include "../support/fanout.hpp"

namespace {

using namespace bench;

sockaddr_in loopback(std::uint16_t port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return address;
}

/// One that nobody listens at now.
std::uint16_t free_port() {
  const Socket socket(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in address = loopback(0);
  socklen_t size = sizeof address;
  auto* any = reinterpret_cast<sockaddr*>(&address);
  if (bind(socket.get(), any, size) != 0 || getsockname(socket.get(), any, &size) != 0) {
    fail_with_errno("bind");
  }
  return ntohs(address.sin_port);
}

Socket connect(std::uint16_t port) {
  const sockaddr_in address = loopback(port);
  Socket socket =
      connect_when_listening(reinterpret_cast<const sockaddr&>(address), sizeof address);
  const int on = 1;
  setsockopt(socket.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  return socket;
}

void check(natsStatus status, std::string_view operation) {
  if (status != NATS_OK) fail(std::string(operation) + ": " + natsStatus_GetText(status));
}

void publish_each(Publication& publication, std::uint16_t port) {
  natsConnection* server = nullptr;
  const std::string url = "nats://127.0.0.1:" + std::to_string(port);
  check(natsConnection_ConnectTo(&server, url.c_str()), "connect");
  const auto publish = [&](std::string_view message) {
    check(natsConnection_Publish(server, "t", message.data(), static_cast<int>(message.size())),
          "publish");
  };
  while (publication.announcing()) publish(publication.announcement());
  do {
    while (const auto message = publication.next()) publish(*message);
  } while (publication.again());
}

}  // namespace

int main(int argc, char** argv) {
  return run_fanout(argc, argv, [](const Options& options, const Directory& directory) {
    const std::uint16_t port = free_port();
    const std::string configuration = directory.path() + "/nats.conf";
    // Nobody is cut off for being slow, and nobody is asked whether he is there.
    std::ofstream(configuration) << "listen: 127.0.0.1:" << port
                                 << "\nmax_pending: 1GB\nping_interval: \"10m\"\n";
    const std::string hello = "CONNECT {\"verbose\":false,\"pedantic\":false,\"echo\":false}\r\n";
    const std::string size = std::to_string(options.size);
    return Broker{
        .serve = [configuration] { become({NATS_SERVER, "-c", configuration}); },
        .protocol = {.publisher_says = hello,
                     .subscriber_says = hello + "SUB t 1\r\n",
                     .before = "PUB t " + size + "\r\n",
                     .after = "\r\n",
                     .delivered_before = "MSG t 1 " + size + "\r\n",
                     .delivered_after = "\r\n",
                     .between = "PING\r\n"},
        .connect_subscriber = [port] { return connect(port); },
        .connect_publisher = [port] { return connect(port); },
        .publish_each = [port](Publication& publication) { publish_each(publication, port); }};
  });
}
