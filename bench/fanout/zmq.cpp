// SPDX-License-Identifier: Apache-2.0
//
// ZeroMQ: its proxy between XSUB and XPUB, with nothing that would drop messages (HWM 0). Raw
// sockets speak ZMTP 3.0 (rfc.zeromq.org/spec/23) with the NULL mechanism.
#include <array>

#include "../support/fail.hpp"
#include "../support/fanout.hpp"
#include "../support/with_zmq.hpp"

namespace {

using namespace bench;

void keep_everything(ZmqSocket& socket) {
  socket.set(ZMQ_SNDHWM, 0);
  socket.set(ZMQ_RCVHWM, 0);
}

void serve(const std::string& in, const std::string& out) {
  ZmqSocket from_publishers(ZMQ_XSUB);
  ZmqSocket to_subscribers(ZMQ_XPUB);
  keep_everything(from_publishers);
  keep_everything(to_subscribers);
  from_publishers.bind(in);
  to_subscribers.bind(out);
  zmq_proxy(from_publishers.get(), to_subscribers.get(), nullptr);
}

void publish_each(Publication& publication, const std::string& in) {
  ZmqSocket broker(ZMQ_PUB);
  keep_everything(broker);
  broker.connect(in);
  while (publication.announcing()) broker.send(publication.announcement());
  do {
    while (const auto message = publication.next()) broker.send(*message);
  } while (publication.again());
}

/// Bytes of the wire, NULs included.
template <std::size_t size>
std::string bytes(const char (&literal)[size]) {
  return {literal, size - 1};
}

/// What a socket says first: its signature and version, no security, its type.
std::string greeting(const std::string& type) {
  const std::string ready =
      bytes("\5READY\13Socket-Type\0\0\0") + static_cast<char>(type.size()) + type;
  return bytes("\xff\0\0\0\0\0\0\0\1\x7f\3\0") + "NULL" + std::string(16 + 1 + 31, '\0') + '\4' +
         static_cast<char>(ready.size()) + ready;
}

/// Connects and waits for the other side's greeting: it does not listen to messages before.
Socket connect_as(const std::string& type, const std::string& path, const std::string& peer_type) {
  Socket socket = connect_when_listening(path);
  write_all(socket.get(), greeting(type));
  std::string heard;
  while (!heard.contains(peer_type)) {
    std::array<char, 256> some{};
    const ssize_t got = recv(socket.get(), some.data(), some.size(), 0);
    if (got <= 0) fail("ZeroMQ has not answered the greeting");
    heard.append(some.data(), static_cast<std::size_t>(got));
  }
  return socket;
}

}  // namespace

int main(int argc, char** argv) {
  return run_fanout(argc, argv, [](const Options& options, const Directory& directory) {
    const std::string in = directory.path() + "/in";
    const std::string out = directory.path() + "/out";
    const std::string frame = bytes("\0") + static_cast<char>(options.size);
    return Broker{
        .serve = [in, out] { serve(in, out); },
        .protocol = {.subscriber_says = bytes("\0\1\1"),  // to everything
                     .before = frame,
                     .delivered_before = frame},
        .connect_subscriber = [out] { return connect_as("SUB", out, "XPUB"); },
        .connect_publisher = [in] { return connect_as("PUB", in, "XSUB"); },
        .publish_each = [in](Publication& publication) { publish_each(publication, in); }};
  });
}
