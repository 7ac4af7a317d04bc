// Mirrors the seed: echo client that logs with process name and number (python-cookbook).
//
//   logged_echo_client [ADDRESS]
#include <unistd.h>

#include <iostream>

#include <hallway/hallway.hpp>

using namespace hallway;

std::ostream& log() { return std::clog << "[logged_echo_client (" << getpid() << ")] "; }

int log_failure(const Error& error) {
  log() << error.explain() << '\n';
  return 1;
}

int main(int argc, char** argv) {
  log() << "connecting ...\n";
  auto client = Client::connect(argc > 1 ? argv[1] : "xxx.sock",
                                {.connection = {.framing = Framing::raw(1024)}});
  if (!client) return log_failure(client.error());
  log() << "connected\n";

  constexpr ByteView data = "data";
  if (const Sent sent = client->send(data); !sent) return log_failure(sent.error());
  log() << "sent: '" << data << "'\n";

  auto answer = client->receive();
  if (!answer) return log_failure(answer.error());
  log() << "recv: '" << answer->bytes() << "'\n";
}
