// The kernel identifies each client, and rules decide which clients may connect.
//
//   peer_rules ADDRESS [RULE...]    uid:alice gid:44 group:video same-uid root any
//
// An admitted client is sent its identity. Any other is turned away before a byte is read.
#include <iostream>
#include <string>
#include <vector>

#include <hallway/hallway.hpp>

using namespace hallway;

Task<> send_identity(Connection client) {
  std::string answer = "you are " + client.peer().to_string() + ", groups";
  if (const auto groups = client.peer_groups()) {
    for (const auto group : *groups) answer += " " + std::to_string(group);
  }
  while (auto question = co_await client.receive()) co_await client.send(answer);
}

void print_refusal(const ServerEvent& event) {
  if (event.kind != ServerEvent::Kind::turned_away) return;
  std::cout << "turned away " << event.peer.to_string() << ": " << event.reason << '\n';
}

int main(int argc, char** argv) {
  std::cout << std::unitbuf;  // flushes each line at once, also into a pipe
  if (argc < 2) {
    std::cerr << "usage: peer_rules ADDRESS [RULE...]\n";
    return 2;
  }
  std::vector<AllowRule> rules;
  for (int i = 2; i < argc; ++i) {
    auto rule = AllowRule::parse(argv[i]);
    if (!rule) return report(rule.error());
    rules.push_back(std::move(*rule));
  }

  Loop loop;
  // The socket file admits every user: here, only the rules decide.
  auto server = Server::open(loop, argv[1], send_identity,
                             {.file = {.mode = 0666}, .allow = rules, .on_event = print_refusal});
  if (!server) return report(server.error());
  std::cout << "listening on " << server->address().to_string() << '\n';
  loop.drain_on({SIGINT, SIGTERM});
  return loop.run();
}
