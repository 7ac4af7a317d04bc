// Mirrors the seed: Python line server (py-unix-socket).
//
//   line_server [ADDRESS] [--ack[=TEXT]] [--shout] [--broadcast]
//
// Each line is a payload for the handler, which logs it unless another handler is chosen (--shout).
// If requested, the sender then gets an acknowledgment, and every other client gets the payload.
// The line "exit" ends a connection.
#include <cctype>
#include <functional>
#include <iostream>
#include <optional>
#include <span>
#include <string>

#include <hallway/hallway.hpp>

using namespace hallway;

void log(ByteView payload) { std::cout << payload << '\n'; }

void shout(ByteView payload) {
  std::string loud(payload);
  for (char& c : loud) c = static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
  std::cout << loud << "!\n";
}

struct LineService {
  std::function<void(ByteView)> handler = log;
  std::optional<std::string> ack = {};
  bool broadcast = false;

  Task<> serve(Connection client) {
    while (auto payload = co_await client.receive()) {
      if (payload->bytes() == "exit") break;
      handler(*payload);
      if (ack) co_await client.send(*ack);
      if (broadcast) co_await client.broadcast(*payload);
    }
  }
};

int main(int argc, char** argv) {
  std::cout << std::unitbuf;  // flushes each line at once, also into a pipe
  std::string address = defaults::address;
  LineService service;
  for (const std::string word : std::span(argv, static_cast<std::size_t>(argc)).subspan(1)) {
    if (word == "--broadcast") {
      service.broadcast = true;
    } else if (word == "--shout") {
      service.handler = shout;
    } else if (word.starts_with("--ack")) {
      service.ack = word.size() > 6 ? word.substr(6) : "__ACK__";
    } else {
      address = word;
    }
  }

  Loop loop;
  auto server = Server::open(loop, address,
                             [&](Connection client) { return service.serve(std::move(client)); });
  if (!server) return report(server.error());
  loop.drain_on({SIGINT, SIGTERM});
  return loop.run();
}
